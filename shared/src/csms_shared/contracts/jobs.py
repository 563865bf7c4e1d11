"""Jobs: a station fetches firmware, or sends its diagnostics or a log. Times are RFC 3339."""

from enum import StrEnum
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field

from csms_shared.contracts.envelope import Contract
from csms_shared.contracts.pages import PageQuery
from csms_shared.contracts.requests import OfTenant, WithinScope


class JobKind(StrEnum):
    """What a station is to do."""

    FIRMWARE = "firmware"
    DIAGNOSTICS = "diagnostics"
    LOG = "log"


class JobStatus(StrEnum):
    """Where a job stands; the first three are open.

    `failed`: the station reported it; `refused`: it said no; `not_sent`: it never got the
    command; `superseded`: it took a newer job of the kind instead; `timed_out`: nothing final
    was heard in time; `cancelled`: the station went to another tenant. A late report of the
    station still makes one of the others of `superseded` and `timed_out`.
    """

    ORDERED = "ordered"
    STARTED = "started"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REFUSED = "refused"
    NOT_SENT = "not_sent"
    SUPERSEDED = "superseded"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"

    @property
    def is_open(self) -> bool:
        """Whether more is expected."""
        return self in OPEN_JOBS


OPEN_JOBS = (JobStatus.ORDERED, JobStatus.STARTED, JobStatus.RUNNING)


class JobReport(Contract):
    """A status of the station as it was reported."""

    status: str
    at: str


class JobView(Contract):
    """One job; its id is the id of the command that starts it.

    `station_status` is the newest status that the station reported, as OCPP spells it; `result`
    says in a word why a job ended. `file_name` is the station's name for what it uploads.
    """

    job_id: str
    station_id: str
    kind: JobKind
    action: str
    status: JobStatus
    station_status: str | None
    result: str | None
    location: str
    file_name: str | None
    request_id: int | None
    rollout_id: str | None
    created_by: str
    created_at: str
    sent_at: str | None
    finished_at: str | None
    deadline: str


class JobDetail(JobView):
    """A job with every status that its station reported, oldest first."""

    reports: list[JobReport]


class CreateJob(OfTenant):
    """A job to start: `payload` is the request of `action` without `requestId`.

    `deadline_ms`: the station must have got the command by then; `timeout_s`: it must have ended
    the job so long after that, or after the retrieve or install date if that is later.
    """

    job_id: UUID
    station_id: str
    action: str
    payload: dict[str, Any]
    deadline_ms: int
    timeout_s: int = Field(ge=60, le=30 * 86_400)
    created_by: str


class JobName(WithinScope):
    """Names one job."""

    job_id: UUID


class ListJobs(PageQuery, WithinScope):
    """Asks for jobs, newest first."""

    station_id: str | None = None
    kind: JobKind | None = None
    status: JobStatus | None = None
    rollout_id: UUID | None = None


# operation -> parameters; results: JobDetail, Page[JobView], JobDetail.
JOB_OPERATIONS: dict[str, type[BaseModel]] = {
    "jobs.create": CreateJob,
    "jobs.list": ListJobs,
    "jobs.get": JobName,
}
