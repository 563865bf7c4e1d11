"""Reading events by position, for one tenant or for all.

Whoever reads is bounded by the head: what lies before it is visible, and stays as it is. Segments
are looked through in windows of positions, so that a rare event costs no look at everything at
once; where keys find them, windows grow while looks are quick.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.event_globs import is_of_station, matches
from csms_shared.contracts.event_store import EventFilter, EventPage, ReadEvents, StoredEvent
from csms_shared.contracts.refusals import ProblemRaised, refuse
from csms_shared.db.tenancy import of_tenant
from csms_shared.runtime.clock import monotonic
from csms_shared.values.times import parse_bound
from integration_service.event_store.domain import (
    KINDS,
    WINDOW,
    kind_of,
    minute_of,
    subject_key,
    type_key,
)
from integration_service.event_store.lines import Line, as_subject, divided
from integration_service.event_store.store import read_head

# A page ends here, and its reader goes on with the next: nobody waits long for one.
LONGEST_S = 1.0
PAGE_MAX_BYTES = 1024 * 1024
_QUICK_S = 0.05
_WIDER = 4
_SEGMENTS_AT_ONCE = 200
_TYPES = text("SELECT routing_key FROM event_type")
_FLOORS = text("SELECT kept, position FROM event_floor")
_MINUTES = text(
    "SELECT min(least) AS least, max(greatest) AS greatest FROM event_minute "
    "WHERE minute >= coalesce(CAST(:from_minute AS timestamptz), '-infinity') "
    "AND minute <= coalesce(CAST(:to_minute AS timestamptz), 'infinity')"
)
# A policy shows requests no other segments than these: a condition that comes from a statement is
# looked at after the policies, and so by no index (`requests.sql`). Each is planned anew: how many
# segments a key finds differs by a thousand.
_SHOW_FOUND = text(
    "SELECT set_config('csms.keys', CAST(CAST(:keys AS text[]) AS text), true), "
    "set_config('plan_cache_mode', 'force_custom_plan', true)"
)
_ANY_TENANT = "true"
# Of one kind: the index of positions has those of a kind in their order, so that what is frequent
# costs no look at all of a window.
_OF_KIND = (
    "(SELECT position, first_position, events FROM event_segment "
    "WHERE {whose} AND kept = '{kept}' AND position > :after AND position <= :window_end "
    "AND first_position <= :until {found_by} ORDER BY position LIMIT :most)"
)
# As many as fit a page: those beyond are counted, and not fetched.
_SEGMENTS = (
    "SELECT position, first_position, events, count FROM ("
    "SELECT position, first_position, events, count(*) OVER () AS count, "
    "sum(octet_length(events)) OVER (ORDER BY position) - octet_length(events) AS before FROM ("
    "SELECT * FROM ({of_kinds}) AS of_kinds ORDER BY position LIMIT :most) AS found) AS sized "
    "WHERE before < :most_bytes ORDER BY position"
)
_FOUND_BY_SUBJECT = "AND keys @> CAST(:subject AS text[]) "
_FOUND_BY_TYPE = "AND keys && CAST(:types AS text[]) "


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events are looked for; `types` are routing keys, None for any.

    `tenant_id`: None for all tenants.
    """

    tenant_id: str | None
    kinds: tuple[str, ...] = KINDS
    types: frozenset[str] | None = None
    subject: str | None = None
    of_stations: bool = False
    from_time: datetime | None = None
    to_time: datetime | None = None

    def has(self, line: Line) -> bool:
        """Tell whether an event of a segment that was found is one of them."""
        if self.subject is not None and line.subject != as_subject(self.subject):
            return False
        routing_key = line.routing_key.decode()
        if self.types is not None and routing_key not in self.types:
            return False
        if self.of_stations and not is_of_station(routing_key):
            return False
        return self._is_in_time(line)

    def next_width(self, width: int, took_s: float) -> int:
        """Return how many positions to look through, after a look through so many.

        Without keys, a look reads everything that lies there.
        """
        is_found_by_keys = self.subject is not None or self.types is not None
        return max(width, WINDOW) * _WIDER if is_found_by_keys and took_s < _QUICK_S else 1

    def _is_in_time(self, line: Line) -> bool:
        if self.from_time is None and self.to_time is None:
            return True
        time = parse_bound(line.event()["time"])
        return (
            time is not None
            and (self.from_time is None or time >= self.from_time)
            and (self.to_time is None or time < self.to_time)
        )


@dataclass(slots=True)
class Found:
    """Events after a position, in order, up to `position`; `is_end`: up to the end asked for."""

    events: list[tuple[int, Line]] = field(default_factory=list)
    position: int = 0
    is_end: bool = False


async def read_events(connection: AsyncConnection, asked: ReadEvents) -> EventPage:
    """Return a page for a request.

    Raises:
        ProblemRaised: what is asked for is gone (410), or was never there (422).
    """
    head = await read_head(connection)
    wanted = await wanted_of(connection, asked, asked.from_time, asked.to_time)
    after = await begin_of(connection, wanted, asked.after, head)
    bounds = await times_between(connection, wanted, after, head)
    await show_found(connection, wanted)
    found = await look(connection, wanted, *bounds, asked.limit)
    if asked.after is not None:
        # The oldest may have gone between the two looks.
        await begin_of(connection, wanted, asked.after, head)
    return EventPage(
        items=[StoredEvent(position=at, event=line.event()) for at, line in found.events],
        # Nothing that this reader wants lies between the end of its times and the head.
        position=head if found.is_end and asked.to_time is None else found.position,
        is_end=found.is_end,
    )


async def wanted_of(
    connection: AsyncConnection,
    asked: EventFilter,
    from_time: datetime | None = None,
    to_time: datetime | None = None,
) -> Wanted:
    """Return what a filter means: globs as the routing keys that have been stored."""
    types = None
    if asked.types:
        known = (await connection.execute(_TYPES)).scalars()
        types = frozenset(key for key in known if matches(key, asked.types))
    kinds = KINDS if types is None else tuple(sorted({kind_of(key) for key in types}))
    return Wanted(
        asked.tenant_id, kinds, types, asked.station_id, asked.of_stations, from_time, to_time
    )


async def show_found(connection: AsyncConnection, wanted: Wanted) -> None:
    """Let a request see the segments, of its tenant, that may hold what is wanted; no others."""
    if wanted.subject is not None:
        keys = [subject_key(wanted.subject)]
    elif wanted.types is not None:
        keys = sorted(map(type_key, wanted.types))
    else:
        keys = [type_key(known) for known in (await connection.execute(_TYPES)).scalars()]
    await connection.execute(_SHOW_FOUND, {"keys": keys})


async def begin_of(
    connection: AsyncConnection, wanted: Wanted, after: int | None, head: int
) -> int:
    """Return after which position to begin: as asked, or before the oldest that is kept.

    Raises:
        ProblemRaised: events after `after` are gone, or it is not given out yet.
    """
    rows = (await connection.execute(_FLOORS)).all()
    floors = [row.position for row in rows if row.kept in wanted.kinds]
    if after is None:
        return min(floors, default=head)
    if after > head:
        raise refuse(
            422,
            "position_unknown",
            f"there is no event at position {after} yet",
            ("after", f"must not be greater than {head}, the newest position"),
        )
    floor = max(floors, default=0)
    if after < floor:
        raise _gone(after, floor)
    return after


def _gone(after: int, floor: int) -> ProblemRaised:
    return refuse(
        410,
        "events_gone",
        f"events after position {after} are not kept any more; all that are asked for are kept "
        f"after position {floor}",
        ("after", f"must be {floor} or greater"),
    )


async def times_between(
    connection: AsyncConnection, wanted: Wanted, after: int, head: int
) -> tuple[int, int]:
    """Return between which positions the events of the times asked for are."""
    if wanted.from_time is None and wanted.to_time is None:
        return after, head
    found = await connection.execute(
        _MINUTES,
        {
            "from_minute": None if wanted.from_time is None else minute_of(wanted.from_time),
            "to_minute": None if wanted.to_time is None else minute_of(wanted.to_time),
        },
    )
    row = found.one()
    if row.least is None:
        return head, head
    return max(after, row.least - 1), min(head, row.greatest)


async def look(
    connection: AsyncConnection, wanted: Wanted, after: int, until: int, limit: int
) -> Found:
    """Return up to `limit` events after one position, up to another.

    Raises nothing of its own; fewer come where it would take long, or they are large.
    """
    found = Found(position=after)
    if after >= until or not wanted.kinds:
        found.position = max(after, until)
        found.is_end = True
        return found
    began = monotonic()
    give_up_at = began + LONGEST_S
    size, width = 0, 1
    while found.position < until:
        end = min(window_end(found.position + width), until)
        segments = await _segments(connection, wanted, found.position, end)
        for at, line in lines_of(segments, found.position):
            if not wanted.has(line):
                continue
            found.events.append((at, line))
            size += len(line.json)
            if len(found.events) == limit or size > PAGE_MAX_BYTES:
                found.position = at
                return found
        fetched = len(segments)
        all_seen = not fetched or fetched == segments[0].count < _SEGMENTS_AT_ONCE
        found.position = end if all_seen else segments[-1].position
        took, began = monotonic() - began, monotonic()
        if found.position < until and began > give_up_at:
            return found
        width = wanted.next_width(width, took) if all_seen else 1
    found.is_end = True
    return found


def window_end(position: int) -> int:
    """Return the last position of the window that a position lies in."""
    return (position // WINDOW + 1) * WINDOW - 1


async def _segments(
    connection: AsyncConnection, wanted: Wanted, after: int, until: int
) -> Sequence[Any]:
    keys: dict[str, Any] = {}
    if wanted.subject is not None:
        keys["subject"] = [subject_key(wanted.subject)]
    if wanted.types is not None:
        keys["types"] = sorted(map(type_key, wanted.types))
    tenant = {} if wanted.tenant_id is None else {"tenant_id": wanted.tenant_id}
    rows = await connection.execute(
        text(_segments_sql(wanted)),
        {
            "after": after,
            "until": until,
            "window_end": window_end(until),
            "most": _SEGMENTS_AT_ONCE,
            "most_bytes": PAGE_MAX_BYTES,
            **keys,
            **tenant,
        },
    )
    return rows.all()


def _segments_sql(wanted: Wanted) -> str:
    found_by = "" if wanted.subject is None else _FOUND_BY_SUBJECT
    found_by += "" if wanted.types is None else _FOUND_BY_TYPE
    whose = _ANY_TENANT if wanted.tenant_id is None else of_tenant()
    of_kinds = [_OF_KIND.format(whose=whose, kept=kept, found_by=found_by) for kept in wanted.kinds]
    return _SEGMENTS.format(of_kinds=" UNION ALL ".join(of_kinds))


def lines_of(segments: Sequence[Any], after: int) -> Iterator[tuple[int, Line]]:
    """Return position and line of each event after a position."""
    for segment in segments:
        for at, line in enumerate(divided(bytes(segment.events)), segment.first_position):
            if at > after:
                yield at, line
