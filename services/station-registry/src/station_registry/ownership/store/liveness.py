"""What stations report by the way: liveness, deviations, data transfers."""

# ruff: noqa: S608 - statements are put together from literals; every value is a parameter

from collections import Counter
from collections.abc import Iterable
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.calls import StationCall
from csms_shared.contracts.ownership import Liveness
from csms_shared.db.purging import delete_slice
from csms_shared.values.texts import fit
from station_registry.database.sql import arrays, at, statement, unnest

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
_TRANSFER = (
    ("connection_id", "text"),
    ("seq", "bigint"),
    ("station_id", "text"),
    ("epoch", "bigint"),
    ("vendor_id", "text"),
    ("message_id", "text"),
    ("data", "text"),
    ("received_at", "timestamptz"),
)
_SAVE_TRANSFERS = statement(
    "INSERT INTO data_transfer (connection_id, seq, station_id, epoch, vendor_id, message_id, "
    f"data, received_at) SELECT * FROM {unnest(_TRANSFER)} ORDER BY connection_id, seq "
    "ON CONFLICT DO NOTHING RETURNING connection_id, seq"
)
_OLD_TRANSFERS = (
    "data_transfer WHERE received_at < now() - interval '30 days' ORDER BY received_at LIMIT :slice"
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


async def save_transfers(
    connection: AsyncConnection, calls: Iterable[StationCall]
) -> set[tuple[str, int]]:
    """Store data transfers; returns the (connection, seq) of those that were not there yet."""
    rows = {(call.connection_id, call.seq): _transfer(call) for call in calls}
    found = await connection.execute(_SAVE_TRANSFERS, arrays(_TRANSFER, rows.values()))
    return {(row.connection_id, row.seq) for row in found}


def _transfer(call: StationCall) -> tuple[Any, ...]:
    payload = call.payload
    return (
        call.connection_id,
        call.seq,
        call.station_id,
        call.epoch,
        fit(payload["vendorId"], 255),
        fit(payload.get("messageId"), 255),
        fit(payload.get("data"), 1_000_000),
        at(call.received_ms),
    )


async def purge_transfers(connection: AsyncConnection) -> bool:
    """Delete data transfers after 30 days; true where there may be more."""
    return await delete_slice(connection, "data_transfer", _OLD_TRANSFERS)
