"""Statements that store events."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import orjson
from sqlalchemy import Text, text
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.places import StationPlace
from csms_shared.db.row_arrays import arrays, columns_of, names, unnest
from integration_service.event_store.domain import Event, Segment
from integration_service.event_store.lines import Line, joined
from integration_service.event_store.recent import minute_of
from integration_service.event_store.tables import event_minute, event_segment, station_site

_LOCK_HEAD = text("SELECT position FROM event_head FOR UPDATE")
_READ_HEAD = text("SELECT position FROM event_head")
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
_MINUTE = columns_of(event_minute, "minute", "source", "least", "greatest")
# In one exchange: whoever stores holds up everybody else.
_STORE = text(
    f"WITH stored AS (INSERT INTO event_segment ({names(_SEGMENT)}) "  # noqa: S608 - columns
    "SELECT kept, position, first_position, tenant_id, ids, events, "
    "ARRAY(SELECT json_array_elements_text(CAST(keys AS json))) "
    f"FROM {unnest(_SEGMENT)}), "
    f"minutes AS (INSERT INTO event_minute AS known ({names(_MINUTE)}) "
    f"SELECT {names(_MINUTE)} FROM {unnest(_MINUTE, 'm')} "
    "ON CONFLICT (minute, source) DO UPDATE "
    "SET greatest = greatest(known.greatest, excluded.greatest)) "
    "UPDATE event_head SET position = :head RETURNING clock_timestamp()"
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


async def lock_head(connection: AsyncConnection) -> int:
    """Return the newest position; nobody else stores events until the transaction ends."""
    return int((await connection.execute(_LOCK_HEAD)).scalar_one())


async def read_head(connection: AsyncConnection) -> int:
    """Return the position of the newest event that is visible, as are all before it."""
    return int((await connection.execute(_READ_HEAD)).scalar_one())


async def make_partitions(connection: AsyncConnection, up_to: int) -> int:
    """Make the partitions of positions up to this one; return where the last of them ends."""
    return int((await connection.execute(_MAKE_PARTITIONS, {"up_to": up_to})).scalar_one())


async def store_segments(
    connection: AsyncConnection, made: Sequence[Segment], lines: Sequence[Sequence[Line]]
) -> datetime:
    """Store segments, the lines of each, and how far the store is now; return the time."""
    rows = [
        (
            segment.kept,
            segment.position,
            segment.first_position,
            segment.tenant_id,
            b"".join([one.key for one in segment.events]),
            joined(its),
            orjson.dumps(segment.keys).decode(),
        )
        for segment, its in zip(made, lines, strict=True)
    ]
    values = {
        **arrays(_SEGMENT, rows),
        **arrays(_MINUTE, _minutes(made)),
        "head": made[-1].position,
    }
    stored_at: datetime = (await connection.execute(_STORE, values)).scalar_one()
    return stored_at


def _minutes(made: Sequence[Segment]) -> list[tuple[datetime, str, int, int]]:
    """Return where the events of each minute and source are."""
    minutes: dict[tuple[datetime, str], tuple[int, int]] = {}
    for segment in made:
        for position, event in enumerate(segment.events, segment.first_position):
            minute = minute_of(event.time), event.source
            least, greatest = minutes.get(minute, (position, position))
            minutes[minute] = min(least, position), max(greatest, position)
    return [(*minute, *bounds) for minute, bounds in sorted(minutes.items())]


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
