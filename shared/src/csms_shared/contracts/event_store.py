"""The event store: requests on what it keeps, and the batches that it tells as it stores them.

Every event has a position. Positions grow by one, across tenants, and become visible in their
order: who has seen position N has seen all before it. What one producer tells of a subject has
positions in the order in which it was told.
"""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from csms_shared.contracts.about import ABOUT_OPERATIONS
from csms_shared.contracts.envelope import Batch, Contract
from csms_shared.contracts.pages import PAGE_DEFAULT, PAGE_MAX, PARKED_OPERATIONS, PageQuery
from csms_shared.contracts.requests import OfTenant
from csms_shared.values.numbers import INT64_MAX
from csms_shared.values.times import Moment

TYPES_MAX = 20
REPLAY_EVENTS_MAX = 1_000_000
Position = Annotated[int, Field(ge=0, le=INT64_MAX)]
# `transaction.started`, `csms.transaction.started.v1`, `transaction.*`, `transaction`, `*`.
TypeGlob = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[A-Za-z0-9_.*]+$")]
Level = Literal["info", "warning", "error"]


class StoredEvent(Contract):
    """A CloudEvent with its position."""

    position: int
    event: dict[str, Any]


class StoredEventBatch(Batch[StoredEvent]):
    """What one transaction has stored, of all tenants: all positions after `after`, to `position`.

    A batch without items says how far the store is.
    """

    after: int
    position: int


class EventFilter(OfTenant):
    """Which events of a tenant: everything given must be so.

    `types`: one of them, as globs. `of_stations`: only those whose subject is a station.
    """

    types: list[TypeGlob] = Field(default_factory=list, max_length=TYPES_MAX)
    station_id: str | None = None
    of_stations: bool = False


class ReadHead(OfTenant):
    """How far the store is."""


class Head(Contract):
    """The position of the newest event; 0 before the first."""

    position: int


class ReadEvents(EventFilter):
    """Events after a position, in the order of positions; without `after` from the oldest kept.

    `from_time` (included) and `to_time` (not included) are of the events' `time`.
    """

    after: Position | None = None
    limit: int = Field(PAGE_DEFAULT, ge=1, le=PAGE_MAX)
    from_time: Moment | None = None
    to_time: Moment | None = None


class EventPage(Contract):
    """Events, and how far was looked: the next page begins after `position`.

    `is_end`: there was nothing more to look through. A page may be short or empty before that.
    """

    items: list[StoredEvent]
    position: int
    is_end: bool


class StartReplay(EventFilter):
    """Send events of the past to a queue of its own: after a position, or from a time.

    `replay_id`: the id that it gets, a UUID; asked again with it, nothing is begun twice.
    """

    replay_id: UUID | None = None
    after: Position | None = None
    from_time: Moment | None = None
    to_time: Moment | None = None
    created_by: str


class ReplayId(OfTenant):
    """Names a replay."""

    replay_id: str


class ReplayView(Contract):
    """A replay; its events are in `queue`, which is gone a day after nobody has used it.

    `status`: `running`, `completed` (all events up to the one that was newest when it began),
    `stopped` (by somebody), `failed` with its `problem`. Times are RFC 3339.
    """

    replay_id: str
    queue: str
    status: Literal["running", "completed", "stopped", "failed"]
    types: list[str]
    station_id: str | None
    position: int
    until: int
    events: int
    problem: str | None
    created_by: str
    created_at: str
    ended_at: str | None


class ListReplays(PageQuery, OfTenant):
    """Replays of a tenant, newest first."""


class ListSystemEvents(PageQuery, OfTenant):
    """What the suite did by itself, newest first; `level` and what is worse."""

    level: Level | None = None
    service: str | None = None
    from_time: Moment | None = None
    to_time: Moment | None = None


class SystemEventView(Contract):
    """A system event. `data` is that of the event of its `type`."""

    position: int
    time: str
    type: str
    level: str
    service: str
    instance: str
    message: str
    data: dict[str, Any]


# operation -> parameters; results: Head, EventPage, ReplayView (start, get, stop),
# Page[ReplayView], Page[SystemEventView]. What is gone is refused: 410 `events_gone`.
EVENT_OPERATIONS: dict[str, type[BaseModel]] = {
    "events.head": ReadHead,
    "events.read": ReadEvents,
    "events.start_replay": StartReplay,
    "events.get_replay": ReplayId,
    "events.stop_replay": ReplayId,
    "events.list_replays": ListReplays,
    "events.list_system": ListSystemEvents,
}

INTEGRATION_OPERATIONS: dict[str, type[BaseModel]] = {
    **EVENT_OPERATIONS,
    **PARKED_OPERATIONS,
    **ABOUT_OPERATIONS,
}
