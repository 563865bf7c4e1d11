"""What gateways tell of their stations by the way: liveness, forgiven deviations."""

# ruff: noqa: S608 - statements are put together from literals; every value is a parameter

from collections import Counter
from collections.abc import Iterable

from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.ownership import Liveness
from csms_shared.db.row_arrays import arrays, unnest
from csms_shared.values.texts import fit
from station_registry.database.sql import at, statement

_SEEN = (("station_id", "text"), ("epoch", "bigint"), ("last_seen_at", "timestamptz"))
_SAVE_SEEN = statement(
    "INSERT INTO station_liveness AS l (station_id, epoch, last_seen_at) "
    f"SELECT * FROM {unnest(_SEEN)} ORDER BY station_id ON CONFLICT (station_id) DO UPDATE "
    "SET epoch = excluded.epoch, last_seen_at = excluded.last_seen_at "
    "WHERE (excluded.epoch, excluded.last_seen_at) > (l.epoch, l.last_seen_at)"
)
_TOLERATED = (("station_id", "text"), ("name", "text"), ("times", "bigint"))
_COUNT_TOLERATED = statement(
    "INSERT INTO tolerance AS t (station_id, name, times) "
    f'SELECT * FROM {unnest(_TOLERATED)} ORDER BY station_id COLLATE "C", name COLLATE "C" '
    "ON CONFLICT (station_id, name) DO UPDATE SET times = t.times + excluded.times"
)


async def save_seen(connection: AsyncConnection, seen: Iterable[tuple[str, int, int]]) -> None:
    """Store when stations were heard last: (station, epoch, time in ms), later wins."""
    newest: dict[str, tuple[int, int]] = {}
    for station_id, epoch, seen_ms in seen:
        newest[station_id] = max(newest.get(station_id, (0, 0)), (epoch, seen_ms))
    rows = [(name, epoch, at(seen_ms)) for name, (epoch, seen_ms) in sorted(newest.items())]
    if rows:
        await connection.execute(_SAVE_SEEN, arrays(_SEEN, rows))


async def count_tolerated(connection: AsyncConnection, heard: Iterable[Liveness]) -> None:
    """Add what was forgiven to the stations' counts."""
    times: Counter[tuple[str, str]] = Counter()
    for item in heard:
        for name, count in item.tolerated.items():
            times[item.station_id, fit(name, 64) or ""] += count
    if times:
        rows = [(*key, count) for key, count in sorted(times.items())]
        await connection.execute(_COUNT_TOLERATED, arrays(_TOLERATED, rows))
