"""Paged lists: what every list request takes and answers."""

from typing import Generic, TypeVar

from pydantic import BaseModel, Field

from csms_shared.contracts.bulk import BulkBatch
from csms_shared.contracts.envelope import Contract
from csms_shared.contracts.overview import Attention
from csms_shared.values.times import Moment

PAGE_DEFAULT = 50
PAGE_MAX = 500

View = TypeVar("View", bound=BaseModel)


class PageQuery(Contract):
    """`cursor` is opaque, made by the service that answers; newest first where time counts."""

    limit: int = Field(PAGE_DEFAULT, ge=1, le=PAGE_MAX)
    cursor: str | None = None


class Page(Contract, Generic[View]):
    """One page; `next_cursor` is null on the last."""

    items: list[View]
    next_cursor: str | None = None


class ParkedView(Contract):
    """An item that a service's own code could not process. Times are RFC 3339."""

    id: str
    service: str
    queue: str
    type: str
    station_id: str | None
    body: str
    error: str
    parked_at: str
    replayed_at: str | None


class ParkedId(Contract):
    """Names one parked item."""

    id: str


class ParkedFilter(Contract):
    """Which parked items: everything given must be so; `error` is part of what went wrong."""

    queue: str | None = None
    type: str | None = None
    station_id: str | None = None
    error: str | None = None
    parked_from: Moment | None = None
    parked_to: Moment | None = None


class ListParked(PageQuery, ParkedFilter):
    """Parked items, newest first; `replayed`: whether they were put back since."""

    replayed: bool | None = None


class ReplayParked(BulkBatch, ParkedFilter):
    """Put items that were not replayed yet back into their queues, newest first."""


class DeleteParked(BulkBatch, ParkedFilter):
    """Delete items for good, newest first."""

    replayed: bool | None = None


class CountParked(Contract):
    """How many items wait, neither replayed nor deleted."""


class ParkedCount(Contract):
    """What waits; null: nothing."""

    waiting: Attention | None


# operation -> parameters; results: Page[ParkedView], null, null, BulkOutcome (twice), ParkedCount.
PARKED_OPERATIONS: dict[str, type[BaseModel]] = {
    "parked.list": ListParked,
    "parked.replay": ParkedId,
    "parked.delete": ParkedId,
    "parked.replay_many": ReplayParked,
    "parked.delete_many": DeleteParked,
    "parked.count": CountParked,
}
