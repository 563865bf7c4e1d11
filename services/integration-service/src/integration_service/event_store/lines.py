"""How a segment holds its events: a line of each, of which most readers parse a part only.

Routing key, subject and event, the last two as JSON, with a tab in between: JSON holds neither tabs
nor ends of lines.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

import orjson

from integration_service.event_store.domain import Event

# Pages and answers nest events deeper, and parsers go 200 levels deep; what leaves less than this
# of the 254 that can be written would be in the way of all who read past it.
_LEVELS_LEFT = 100


class Line(NamedTuple):
    """An event as it is stored; `routing_key` is ASCII."""

    routing_key: bytes
    subject: bytes
    json: bytes

    def event(self) -> dict[str, Any]:
        """Return the event."""
        event: dict[str, Any] = orjson.loads(self.json)
        return event

    def with_position(self, position: int) -> bytes:
        """Return the event as it is published, with its position."""
        return b'{"position":"%d",%b' % (position, self.json[1:])


def line_of(event: Event) -> Line:
    """Return the line of an event.

    Raises:
        JSONEncodeError: it is nested too deep for those who read it.
    """
    return Line(event.routing_key.encode(), as_subject(event.subject), _written(event.document))


def _written(document: dict[str, Any]) -> bytes:
    written = orjson.dumps(document)
    if written.count(b"{") + written.count(b"[") > _LEVELS_LEFT:
        nested: Any = document
        for _ in range(_LEVELS_LEFT):
            nested = [nested]
        orjson.dumps(nested)
    return written


def as_subject(subject: str) -> bytes:
    """Return a subject as lines have it."""
    return orjson.dumps(subject)


def joined(lines: Iterable[Line]) -> bytes:
    """Return the events of a segment."""
    return b"\n".join([b"\t".join(line) for line in lines])


def divided(events: bytes) -> list[Line]:
    """Return the lines of a segment."""
    return [Line(*line.split(b"\t")) for line in events.split(b"\n")]
