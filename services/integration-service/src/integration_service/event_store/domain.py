"""What an event is to the store: read from its JSON, and put together with its neighbours."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from hashlib import md5
from typing import Any, NamedTuple

from csms_shared.contracts.event_globs import routing_key_of
from csms_shared.contracts.event_order import groups_in_order
from csms_shared.values.tenants import DEFAULT_TENANT
from csms_shared.values.texts import is_storable
from csms_shared.values.times import parse_bound

FACTS, MEASUREMENTS = "facts", "measurements"
KINDS = (FACTS, MEASUREMENTS)
# Repeated for as long as something lasts; the next one makes the one before worth little.
_MEASUREMENTS = frozenset(("meter_values.received", "station.heartbeat"))
# Readers look through so many positions at once, and no segment reaches over a multiple of it.
WINDOW = 100_000
_TEXT_MAX = 1_000
# As routing keys they have to fit AMQP.
_TYPE = re.compile(r"[A-Za-z0-9._-]{1,200}")
# As services write times.
_WRITTEN = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}):[0-5][0-9]\.[0-9]{3}Z")
PLACED = "station.placed"


class NotAnEvent(ValueError):
    """This is no CloudEvent of the suite."""


class Event(NamedTuple):
    """An event as it came. `key` stands for (`source`, `id`), in 16 bytes.

    `minute` is that of its time.
    """

    key: bytes
    routing_key: str
    tenant_id: str
    subject: str
    minute: datetime
    document: dict[str, Any]

    @property
    def source(self) -> str:
        """Who told it."""
        source: str = self.document["source"]
        return source


@dataclass(frozen=True, slots=True)
class Segment:
    """Events of a tenant and a kind at positions that follow each other."""

    kept: str
    tenant_id: str
    first_position: int
    events: tuple[Event, ...]

    @property
    def position(self) -> int:
        """The position of the last of them."""
        return self.first_position + len(self.events) - 1

    @property
    def keys(self) -> list[str]:
        """What they are found by, each once."""
        return sorted(
            {subject_key(one.subject) for one in self.events}
            | {type_key(one.routing_key) for one in self.events}
        )


def subject_key(subject: str) -> str:
    """Return what events about a subject are found by."""
    return f"s {subject}"


def type_key(routing_key: str) -> str:
    """Return what events of a routing key are found by."""
    return f"t {routing_key}"


def kind_of(routing_key: str) -> str:
    """Return which retention events of a routing key have."""
    return MEASUREMENTS if routing_key in _MEASUREMENTS else FACTS


def read_event(document: Any) -> Event:
    """Read an event from its JSON.

    Raises:
        NotAnEvent: an attribute that the store goes by is missing, or is no such text.
    """
    if not isinstance(document, dict):
        raise NotAnEvent("it is no JSON object")
    id_, source, type_ = (_text(document, name) for name in ("id", "source", "type"))
    return Event(
        md5(f"{source}\n{id_}".encode(), usedforsecurity=False).digest(),
        _routing_key(type_),
        _text(document, "tenantid", DEFAULT_TENANT),
        _text(document, "subject"),
        _minute(_text(document, "time")),
        document,
    )


# Few types, and few minutes at a time.
@lru_cache(maxsize=1_000)
def _routing_key(type_: str) -> str:
    if _TYPE.fullmatch(type_) is None:
        raise NotAnEvent("its type is none that events have")
    return routing_key_of(type_)


def _minute(time: str) -> datetime:
    written = _WRITTEN.fullmatch(time)
    read = parse_bound(time) if written is None else _minute_written(written[1])
    if read is None:
        raise NotAnEvent("its time is none")
    return minute_of(read)


@lru_cache(maxsize=1_000)
def _minute_written(minute: str) -> datetime | None:
    return parse_bound(f"{minute}Z")


def minute_of(time: datetime) -> datetime:
    """Return the minute that a time lies in."""
    return time.replace(second=0, microsecond=0)


def _text(document: dict[str, Any], name: str, otherwise: str | None = None) -> str:
    value = document.get(name, otherwise)
    if not isinstance(value, str) or len(value) > _TEXT_MAX or not is_storable(value):
        raise NotAnEvent(f"its {name} is no text that can be stored")
    return value


def at_site(event: Event, site_id: str | None) -> Event:
    """Return the event of a station that stands at this site."""
    if site_id is None:
        return event
    return event._replace(document={**event.document, "siteid": site_id})


def segments(events: Iterable[Event], head: int) -> list[Segment]:
    """Give events the positions after `head`; those of each subject keep their order."""
    groups = groups_in_order(
        ((one.tenant_id, kind_of(one.routing_key)), f"{one.tenant_id} {one.subject}", one)
        for one in events
    )
    made: list[Segment] = []
    for (tenant_id, kept), group in groups:
        for part in _parts(group, head + 1):
            made.append(Segment(kept, tenant_id, head + 1, part))
            head += len(part)
    return made


def _parts(group: Sequence[Event], first: int) -> Iterator[tuple[Event, ...]]:
    """Divide a group whose first position is `first` where a multiple of `WINDOW` is reached."""
    begin = 0
    while begin < len(group):
        room = WINDOW - (first + begin) % WINDOW
        yield tuple(group[begin : begin + room])
        begin += room
