"""What gateways tell of their stations by the way: liveness, forgiven deviations."""

# ruff: noqa: S608 - statements are put together from literals; every value is a parameter

from collections import Counter
from collections.abc import Iterable

from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.ownership import Liveness
from csms_shared.db.row_arrays import arrays, columns_of, names, unnest
from csms_shared.values.texts import fit
from station_registry.database.sql import at, statement
from station_registry.ownership.tables import station_liveness, tolerance

_SEEN = columns_of(station_liveness, "station_id", "epoch", "last_seen_at")
_SAVE_SEEN = statement(
    f"INSERT INTO station_liveness AS l ({names(_SEEN)}) "
    f"SELECT * FROM {unnest(_SEEN)} ORDER BY station_id ON CONFLICT (station_id) DO UPDATE "
    "SET epoch = excluded.epoch, last_seen_at = excluded.last_seen_at "
    "WHERE (excluded.epoch, excluded.last_seen_at) > (l.epoch, l.last_seen_at)"
)
_TOLERATED = columns_of(tolerance, "station_id", "name", "times")
_COUNT_TOLERATED = statement(
    f"INSERT INTO tolerance AS t ({names(_TOLERATED)}) "
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
