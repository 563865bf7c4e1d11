"""Statements that store events."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Text, text
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.places import StationPlace
from csms_shared.db.row_arrays import arrays, columns_of, names, unnest
from integration_service.event_store.domain import Event, Segment
from integration_service.event_store.recent import minute_of
from integration_service.event_store.tables import event_minute, event_segment, station_site

_LOCK_HEAD = text("SELECT position FROM event_head FOR UPDATE")
_READ_HEAD = text("SELECT position FROM event_head")
_MOVE_HEAD = text("UPDATE event_head SET position = :position RETURNING clock_timestamp()")
_MAKE_PARTITIONS = text("SELECT make_event_partitions(:up_to)")
_SEGMENT = columns_of(
    event_segment,
    "kept",
    "position",
    "first_position",
    "tenant_id",
    "ids",
    "events",
    keys=Text(),
)
_STORE = text(
    f"INSERT INTO event_segment ({names(_SEGMENT)}) "  # noqa: S608 - names of columns
    "SELECT kept, position, first_position, tenant_id, ids, events, "
    "ARRAY(SELECT json_array_elements_text(CAST(keys AS json))) "
    f"FROM {unnest(_SEGMENT)}"
)
_MINUTE = columns_of(event_minute, "minute", "least", "greatest")
_NOTE_MINUTES = text(
    f"INSERT INTO event_minute AS known ({names(_MINUTE)}) "  # noqa: S608
    f"SELECT {names(_MINUTE)} FROM {unnest(_MINUTE)} "
    "ON CONFLICT (minute) DO UPDATE SET greatest = greatest(known.greatest, excluded.greatest)"
)
_NOTE_TYPES = text(
    "INSERT INTO event_type (routing_key) SELECT unnest(CAST(:routing_keys AS text[])) "
    "ON CONFLICT DO NOTHING"
)
_SITES = text(
    "SELECT station_id, site_id, version FROM station_site WHERE station_id = ANY(:station_ids)"
)
_SITE = columns_of(station_site, "station_id", "site_id", "version")
_KEEP_SITES = text(
    f"INSERT INTO station_site AS known ({names(_SITE)}) "  # noqa: S608
    f"SELECT {names(_SITE)} FROM {unnest(_SITE)} ORDER BY station_id "
    "ON CONFLICT (station_id) DO UPDATE SET site_id = excluded.site_id, version = excluded.version "
    "WHERE known.version < excluded.version"
)

# Pages and answers nest events deeper, and parsers go 200 levels deep; what leaves less than this
# of the 254 that can be written would be in the way of all who read past it.
_LEVELS_LEFT = 100


async def lock_head(connection: AsyncConnection) -> int:
    """Return the newest position; nobody else stores events until the transaction ends."""
    return int((await connection.execute(_LOCK_HEAD)).scalar_one())


async def read_head(connection: AsyncConnection) -> int:
    """Return the position of the newest event that is visible, as are all before it."""
    return int((await connection.execute(_READ_HEAD)).scalar_one())


async def move_head(connection: AsyncConnection, position: int) -> datetime:
    """Tell up to which position events are stored; return the time."""
    moved: datetime = (await connection.execute(_MOVE_HEAD, {"position": position})).scalar_one()
    return moved


async def make_partitions(connection: AsyncConnection, up_to: int) -> int:
    """Make the partitions of positions up to this one; return where the last of them ends."""
    return int((await connection.execute(_MAKE_PARTITIONS, {"up_to": up_to})).scalar_one())


async def store_segments(connection: AsyncConnection, made: Sequence[Segment]) -> list[bytes]:
    """Store segments; return the events of each as JSON."""
    documents = [_written(segment) for segment in made]
    rows = [
        (
            segment.kept,
            segment.position,
            segment.first_position,
            segment.tenant_id,
            b"".join(one.key for one in segment.events),
            events,
            orjson.dumps(segment.keys).decode(),
        )
        for segment, events in zip(made, documents, strict=True)
    ]
    await connection.execute(_STORE, arrays(_SEGMENT, rows))
    return documents


def _written(segment: Segment) -> bytes:
    """Return its events as JSON.

    Raises:
        JSONEncodeError: an event is nested too deep for those who read it.
    """
    nested: list[Any] = [one.document for one in segment.events]
    for _ in range(_LEVELS_LEFT):
        nested = [nested]
    return orjson.dumps(nested)[_LEVELS_LEFT:-_LEVELS_LEFT]


async def note_minutes(connection: AsyncConnection, made: Sequence[Segment]) -> None:
    """Note where the events of each minute are."""
    minutes: dict[datetime, tuple[int, int]] = {}
    for segment in made:
        for position, event in enumerate(segment.events, segment.first_position):
            minute = minute_of(event.time)
            least, greatest = minutes.get(minute, (position, position))
            minutes[minute] = min(least, position), max(greatest, position)
    rows = [(minute, *bounds) for minute, bounds in sorted(minutes.items())]
    await connection.execute(_NOTE_MINUTES, arrays(_MINUTE, rows))


async def note_types(connection: AsyncConnection, routing_keys: Sequence[str]) -> None:
    """Note that events of these routing keys are stored."""
    await connection.execute(_NOTE_TYPES, {"routing_keys": sorted(routing_keys)})


async def sites_of(
    connection: AsyncConnection, events: Sequence[Event]
) -> dict[str, tuple[str | None, int]]:
    """Return site and version of the place of each subject that is a station with a known one."""
    found = await connection.execute(
        _SITES, {"station_ids": sorted({event.subject for event in events})}
    )
    return {row.station_id: (row.site_id, row.version) for row in found}


async def keep_sites(connection: AsyncConnection, places: Mapping[str, StationPlace]) -> None:
    """Keep where stations stand now."""
    rows = [(one.station_id, one.site_id, one.version) for one in places.values()]
    await connection.execute(_KEEP_SITES, arrays(_SITE, rows))
