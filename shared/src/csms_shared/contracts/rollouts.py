"""Rollouts of one firmware to many stations. Times are RFC 3339."""

from enum import StrEnum
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from csms_shared.contracts.envelope import Contract
from csms_shared.contracts.jobs import JobStatus
from csms_shared.contracts.pages import PageQuery
from csms_shared.contracts.requests import OfTenant

ROLLOUT_MAX_STATIONS = 20_000


class RolloutStatus(StrEnum):
    """Where a rollout stands; `stopped` by failures and `paused` by an operator may go on."""

    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"
    CANCELLED = "cancelled"
    COMPLETED = "completed"


class StationFilter(Contract):
    """Stations by what they last reported at a boot; what is given must all be so."""

    vendor: str | None = None
    model: str | None = None
    firmware_version: str | None = None


class StationSelection(StationFilter):
    """Stations by where they stand and what they are called, too; everything given must be so."""

    site_id: str | None = None
    tag: str | None = None


class CreateRollout(OfTenant):
    """A rollout to start: to the stations named, or to those that the filter finds now.

    `selection`, in place of `filter`, where a site or tag is given: a registry of the version
    before would pass over them, and so it refuses what names neither stations nor a filter.
    `concurrency`: jobs open at once. `stop_after_failures`: no more are started once so many
    ended without success. `send_within_s`: how long a station that is offline is waited for.
    """

    rollout_id: UUID
    name: str
    action: Literal["UpdateFirmware", "SignedUpdateFirmware"]
    payload: dict[str, Any]
    timeout_s: int = Field(ge=60)
    send_within_s: int = Field(ge=1)
    concurrency: int = Field(ge=1)
    stop_after_failures: int | None = Field(None, ge=1)
    station_ids: list[str] | None = Field(None, min_length=1, max_length=ROLLOUT_MAX_STATIONS)
    filter: StationFilter | None = None
    selection: StationSelection | None = None
    created_by: str


class RolloutView(Contract):
    """A rollout; `stations` counts them by the status of their jobs, `waiting` without one."""

    rollout_id: str
    name: str
    status: RolloutStatus
    action: str
    location: str
    concurrency: int
    stop_after_failures: int | None
    stations: dict[str, int]
    created_by: str
    created_at: str
    finished_at: str | None


class RolloutStation(Contract):
    """One station of a rollout; no job: it waits for its turn."""

    station_id: str
    job_id: str | None
    status: JobStatus | None
    station_status: str | None
    result: str | None


class RolloutName(OfTenant):
    """Names one rollout."""

    rollout_id: UUID


class SteerRollout(RolloutName):
    """`resume` forgives the failures so far; `cancel` starts nothing more, for good."""

    wish: Literal["pause", "resume", "cancel"]


class ListRollouts(PageQuery, OfTenant):
    """A page of rollouts."""


class ListRolloutStations(RolloutName, PageQuery):
    """Asks for a rollout's stations, in the order of their ids."""


# operation -> parameters; results: RolloutView, RolloutView, Page[RolloutView], RolloutView,
# Page[RolloutStation].
ROLLOUT_OPERATIONS: dict[str, type[BaseModel]] = {
    "rollouts.create": CreateRollout,
    "rollouts.get": RolloutName,
    "rollouts.list": ListRollouts,
    "rollouts.steer": SteerRollout,
    "rollouts.stations": ListRolloutStations,
}
