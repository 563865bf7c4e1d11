"""A station's recorded frames as operators read them: filtered, in order, page by page."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

from csms_shared.contracts.messages import ListFleetMessages, ListMessages, MessageView
from csms_shared.contracts.recorded_levels import level_of
from csms_shared.contracts.recordings import Direction, Line, RecordedFrame
from csms_shared.ocpp.frames import (
    CALL_ERROR,
    CALL_RESULT,
    Call,
    CallError,
    CallResult,
    FrameProblem,
    parse_frame,
)
from csms_shared.values.levels import Level
from csms_shared.values.tenant_keys import key_without_tenant
from csms_shared.values.times import format_time_ms

# A line has fewer frames than this has numbers.
_LINE_BITS = 20

Kind = Literal["call", "result", "error", "unreadable"]


class Place(NamedTuple):
    """Where a frame stands among all of its station; the order is that of a cursor."""

    at_ms: int
    recording_id: str
    position: int


class Placed(NamedTuple):
    """A frame with its place, its station and its gateway."""

    place: Place
    station_id: str
    gateway_id: str
    frame: RecordedFrame


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which frames are asked for; `after` is the last place already shown."""

    newest_first: bool
    from_ms: int
    to_ms: int
    after: Place | None
    action: str | None
    direction: str | None
    message_id: str | None = None
    text: str | None = None
    level: Level | None = None
    shows_gaps: bool = True

    @classmethod
    def of(cls, query: ListMessages, after: Place | None, *, now: datetime) -> "Wanted":
        """Return what a query asks for of one station."""
        return cls(
            query.order == "newest",
            *_bounds(query, now),
            after,
            query.action,
            query.direction,
            query.message_id,
            None if query.q is None else query.q.casefold(),
            query.level,
        )

    @classmethod
    def of_fleet(cls, query: ListFleetMessages, after: Place | None, *, now: datetime) -> "Wanted":
        """Return what is asked of all stations."""
        return cls(
            True,
            *_bounds(query, now),
            after,
            query.action,
            query.direction,
            level=query.level,
            # Elsewhere recordings are left out that hold nothing else.
            shows_gaps=query.action is None
            and query.direction is None
            and query.level != Level.ERROR,
        )

    def first(self, places: Iterable[Placed]) -> list[Placed]:
        """Return frames in the order asked for."""
        return sorted(places, key=lambda placed: placed.place, reverse=self.newest_first)

    def is_ahead(self, place: Place) -> bool:
        """Tell whether a place has not been shown yet, and lies within the times."""
        if not self.from_ms <= place.at_ms <= self.to_ms:
            return False
        if self.after is None:
            return True
        return place < self.after if self.newest_first else place > self.after

    def matches(self, frame: RecordedFrame) -> bool:
        """Tell whether the filters let a frame pass; of gaps nobody knows what they would say."""
        if frame.direction == Direction.GAP:
            return self.shows_gaps
        if self.level is not None and level_of(frame).rank < self.level.rank:
            return False
        if self.direction is not None and frame.direction != self.direction:
            return False
        if self.text is not None and self.text not in frame.text.casefold():
            return False
        if self.action is None and self.message_id is None:
            return True
        shape = _shape(frame.text)
        return (self.action is None or self.action in (frame.action, shape.action)) and (
            self.message_id is None or self.message_id == shape.message_id
        )

    def of_recording(self, recording_id: str, gateway_id: str, line: Line) -> Iterator[Placed]:
        """Yield a station's frames of one recording that are asked for and not shown yet."""
        station_id = key_without_tenant(line.filed_as)
        for position, frame in enumerate(line.frames, line.number << _LINE_BITS):
            place = Place(frame.at_ms, recording_id, position)
            if self.is_ahead(place) and self.matches(frame):
                yield Placed(place, station_id, gateway_id, frame)


def view(placed: Placed) -> MessageView:
    """Return a frame as REST shows it."""
    frame = placed.frame
    at = format_time_ms(frame.at_ms)
    if frame.direction == Direction.GAP:
        return MessageView(
            station_id=placed.station_id,
            at=at,
            level=level_of(frame),
            direction="gap",
            kind="gap",
            gateway_id=placed.gateway_id,
            gap_from=format_time_ms(frame.gap_from_ms),
            gap_to=format_time_ms(frame.gap_to_ms),
            gap_frames=frame.gap_frames,
        )
    shape = _shape(frame.text)
    return MessageView(
        station_id=placed.station_id,
        at=at,
        level=level_of(frame),
        direction="in" if frame.direction == Direction.IN else "out",
        kind=shape.kind,
        message_id=shape.message_id,
        action=shape.action or frame.action,
        error=frame.error,
        tolerated=list(frame.tolerated),
        latency_ms=frame.latency_ms,
        gateway_id=placed.gateway_id,
        connection_id=frame.connection_id,
        frame=frame.text,
    )


class _Shape(NamedTuple):
    kind: Kind
    message_id: str | None
    action: str | None


def _shape(text: str) -> _Shape:
    frame = parse_frame(text)
    match frame:
        case Call():
            return _Shape("call", frame.message_id, frame.action)
        case CallResult():
            return _Shape("result", frame.message_id, None)
        case CallError():
            return _Shape("error", frame.message_id, None)
        case FrameProblem(message_type=int(type_)) if type_ == CALL_RESULT:
            return _Shape("result", frame.message_id, None)
        case FrameProblem(message_type=int(type_)) if type_ == CALL_ERROR:
            return _Shape("error", frame.message_id, None)
        case FrameProblem():
            return _Shape("unreadable", frame.message_id, None)


def _bounds(query: ListMessages | ListFleetMessages, now: datetime) -> tuple[int, int]:
    """Return from when to when is asked for; without an end until a minute beyond `now`."""
    return (
        0 if query.sent_from is None else _ms(query.sent_from),
        _ms(now) + 60_000 if query.sent_to is None else _ms(query.sent_to) - 1,
    )


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
