"""Requests for recorded frames and for refused handshakes, which station-registry answers."""

from typing import Literal

from pydantic import Field

from csms_shared.contracts.envelope import Contract
from csms_shared.contracts.pages import PageQuery
from csms_shared.contracts.requests import OfTenant, WithinScope
from csms_shared.values.levels import Level
from csms_shared.values.times import Moment


class MessageView(Contract):
    """A recorded frame, or a gap (docs/flight-recorder.md).

    `kind` is what the frame is: call, result, error (CALLERROR), or unreadable. `frame` is its
    text, secrets masked. Of a gap, only `station_id`, `level`, `at`, `gateway_id` and `gap_*` are
    set. `level`: error is what was refused, a CALLERROR, or unreadable; warning what was tolerated,
    late, or an answer to nothing, and a gap; info everything else.
    """

    station_id: str
    at: str
    level: Level
    direction: Literal["in", "out", "gap"]
    kind: Literal["call", "result", "error", "unreadable", "gap"]
    message_id: str | None = None
    action: str | None = None
    error: str | None = None
    tolerated: list[str] = Field(default_factory=list)
    latency_ms: int | None = None
    gateway_id: str
    connection_id: str | None = None
    frame: str | None = None
    gap_from: str | None = None
    gap_to: str | None = None
    gap_frames: int | None = None


class ListMessages(PageQuery, OfTenant):
    """Filter of a station's frames; `q` is any part of the frame, in any case.

    One answer looks at so many recordings and no more: a page may be short, even empty, and have
    a `next_cursor` all the same.
    """

    station_id: str
    order: Literal["newest", "oldest"] = "newest"
    sent_from: Moment | None = None
    sent_to: Moment | None = None
    action: str | None = None
    direction: Literal["in", "out"] | None = None
    message_id: str | None = None
    level: Level | None = None
    q: str | None = None


class ListFleetMessages(PageQuery, WithinScope):
    """Filter of the frames of all stations of a tenant, newest first.

    `level`: that and worse. One answer looks back so far and no further: a page may be short, even
    empty, and have a `next_cursor` all the same.
    """

    station_id: str | None = None
    level: Level | None = None
    action: str | None = None
    direction: Literal["in", "out"] | None = None
    sent_from: Moment | None = None
    sent_to: Moment | None = None


class RefusalView(Contract):
    """Refused handshakes of one station from one address for one reason, within an hour."""

    id: int
    station_id: str | None
    remote_address: str
    reason: str
    detail: str
    http_status: int
    times: int
    first_at: str
    last_at: str
    gateway_id: str


class ListRefusals(PageQuery, OfTenant):
    """Filter of refusals, newest first by the last of each."""

    station_id: str | None = None
    reason: str | None = None
    refused_from: Moment | None = None
    refused_to: Moment | None = None


class RefusalName(OfTenant):
    """Names one row of refusals."""

    id: int
