"""Locks of stations: whoever writes for several takes them at once, in the order of their ids."""

from collections.abc import Iterable

from sqlalchemy.ext.asyncio import AsyncConnection

from station_registry.database.sql import statement

# Not deleted ones: whoever creates one of them again takes its lock before all others.
_LOCK_STATIONS = statement(
    "SELECT station_id FROM station WHERE station_id = ANY(:ids) AND deleted_at IS NULL "
    "ORDER BY station_id FOR UPDATE OF station"
)


async def lock_stations(connection: AsyncConnection, ids: Iterable[str]) -> set[str]:
    """Lock those of the stations that exist, and return them."""
    rows = await connection.execute(_LOCK_STATIONS, {"ids": sorted(set(ids))})
    return {row.station_id for row in rows}
