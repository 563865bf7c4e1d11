"""Events of jobs and rollouts."""

from typing import Annotated

from pydantic import Field

from csms_shared.contracts.envelope import Contract, Open
from csms_shared.contracts.event_data.fields import StationId
from csms_shared.contracts.jobs import JobKind, JobStatus
from csms_shared.contracts.rollouts import RolloutStatus

JobId = Annotated[str, Field(description="the job, which is the id of the command that starts it")]
Kind = Annotated[Open[JobKind], Field(description="what the station is to do")]
Action = Annotated[str, Field(description="the command that starts it")]
RolloutOfJob = Annotated[str | None, Field(description="the rollout that it is of")]


class JobCreated(Contract):
    """A station is to do something that takes a while."""

    station_id: StationId
    job_id: JobId
    kind: Kind
    action: Action
    rollout_id: RolloutOfJob
    created_by: str = Field(description="who wanted it")


class JobChanged(Contract):
    """Where a job stands."""

    station_id: StationId
    job_id: JobId
    kind: Kind
    action: Action
    status: Open[JobStatus] = Field(description="where it stands (docs/firmware-and-logs.md)")
    station_status: str | None = Field(
        description="the newest status that the station reported, as OCPP spells it"
    )
    result: str | None = Field(description="why it ended, in a word")
    rollout_id: RolloutOfJob


class RolloutChanged(Contract):
    """Where a rollout stands."""

    rollout_id: str = Field(description="the rollout")
    status: Open[RolloutStatus] = Field(description="where it stands, as the routing key says")
