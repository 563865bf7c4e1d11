"""Paged lists: what every list request takes and answers."""

from typing import Generic, TypeVar

from pydantic import BaseModel, Field

from csms_shared.contracts.envelope import Contract

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
