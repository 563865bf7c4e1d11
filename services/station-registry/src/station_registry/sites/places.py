"""Telling other services where stations stand.

Triggers on `station` note whose place has changed; it is told soon after, once for all changes
that came together.
"""

from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.broker.topology import STATION_PLACED_KEY
from csms_shared.contracts.places import StationPlace
from csms_shared.db.upkeep import UpkeepTask
from csms_shared.runtime.clock import now_ms
from station_registry.database.sql import statement
from station_registry.database.telling import tell
from station_registry.events import Event, fact_about

TOLD_AT_ONCE = 500
# The row stays locked to the end: a change that comes meanwhile waits, and is told after this.
_LOCK_UNTOLD = statement(
    "SELECT tenant_id, station_id, version FROM station_place WHERE NOT told "
    "ORDER BY station_id LIMIT :most FOR UPDATE SKIP LOCKED"
)
_PLACES = statement(
    "SELECT station_id, site_id, tags FROM station "
    "WHERE station_id = ANY(:ids) AND deleted_at IS NULL"
)
_TOLD = statement("UPDATE station_place SET told = true WHERE station_id = ANY(:ids)")


def tell_places() -> UpkeepTask:
    """Return the task that tells the places that have changed."""
    return UpkeepTask("tell_places", 1.0, _tell)


async def _tell(connection: AsyncConnection) -> bool:
    rows = (await connection.execute(_LOCK_UNTOLD, {"most": TOLD_AT_ONCE})).all()
    if not rows:
        return False
    ids = {"ids": [row.station_id for row in rows]}
    stations = {row.station_id: row for row in await connection.execute(_PLACES, ids)}
    at_ms = now_ms()
    await tell(connection, [_placed(row, stations.get(row.station_id), at_ms) for row in rows])
    await connection.execute(_TOLD, ids)
    return len(rows) == TOLD_AT_ONCE


def _placed(untold: Row[Any], station: Row[Any] | None, at_ms: int) -> Event:
    place = StationPlace(
        station_id=untold.station_id,
        site_id=station and station.site_id,
        tags=station.tags if station else [],
        version=untold.version,
    )
    cause = (untold.station_id, untold.version)
    return fact_about(
        STATION_PLACED_KEY, place.station_id, cause, at_ms, place.model_dump(), untold.tenant_id
    )
