"""When stations were heard last, with which of it an event is due: one statement for both."""

# ruff: noqa: S608 - statements are put together from literals; every value is a parameter

from collections.abc import Iterable
from datetime import timedelta
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.ownership import Liveness
from csms_shared.db.row_arrays import arrays, columns_of, names, unnest
from csms_shared.values.tenants import DEFAULT_TENANT
from station_registry.database.sql import at, statement
from station_registry.ownership.tables import station_liveness

_SEEN = columns_of(station_liveness, "station_id", "epoch", "last_seen_at")
# Due in both directions: a new connection may be at a gateway whose clock is behind by a lot. The
# tenant by an index of those stations alone that are not the default one's.
_SAVE_HEARD = statement(
    f"WITH heard AS (INSERT INTO station_liveness AS l ({names(_SEEN)}, heartbeat_told_at) "
    f"SELECT d.*, d.last_seen_at FROM {unnest(_SEEN)} ORDER BY station_id "
    "ON CONFLICT (station_id) DO UPDATE SET epoch = excluded.epoch, "
    "last_seen_at = excluded.last_seen_at, heartbeat_told_at = CASE "
    "WHEN l.heartbeat_told_at > excluded.last_seen_at - CAST(:period AS interval) "
    "AND l.heartbeat_told_at < excluded.last_seen_at + CAST(:period AS interval) "
    "THEN l.heartbeat_told_at ELSE excluded.last_seen_at END "
    "WHERE (excluded.epoch, excluded.last_seen_at) > (l.epoch, l.last_seen_at) "
    "RETURNING station_id, last_seen_at, heartbeat_told_at) "
    "SELECT h.station_id, coalesce((SELECT s.tenant_id FROM station s "
    f"WHERE s.station_id = h.station_id AND s.tenant_id <> '{DEFAULT_TENANT}'), "
    f"'{DEFAULT_TENANT}') AS tenant_id FROM heard h "
    "WHERE h.heartbeat_told_at = h.last_seen_at ORDER BY h.station_id"
)


class Due(NamedTuple):
    """What was heard of a station last, of which an event is due."""

    tenant_id: str
    heard: Liveness


async def save_heard(
    connection: AsyncConnection, heard: Iterable[Liveness], period_s: int
) -> list[Due]:
    """Store what is newest of each station; return that of which nothing was told for a period."""
    newest: dict[str, Liveness] = {}
    for item in heard:
        known = newest.get(item.station_id)
        if known is None or _order(known) < _order(item):
            newest[item.station_id] = item
    if not newest:
        return []
    rows = [(name, item.epoch, at(item.last_seen_ms)) for name, item in sorted(newest.items())]
    parameters = {**arrays(_SEEN, rows), "period": timedelta(seconds=period_s)}
    found = await connection.execute(_SAVE_HEARD, parameters)
    return [Due(row.tenant_id, newest[row.station_id]) for row in found]


def _order(item: Liveness) -> tuple[int, int]:
    return item.epoch, item.last_seen_ms
