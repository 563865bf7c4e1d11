"""When stations last accepted a Reset."""

# ruff: noqa: S608 - statements are put together from literals; every value is a parameter

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.db.row_arrays import arrays, unnest
from station_registry.database.sql import statement

# Types by hand: the table is that of provisioning, a block above this one.
_RESET = (("id", "text"), ("at", "timestamptz"))
_SAVE = statement(
    "UPDATE station SET reset_at = greatest(station.reset_at, d.at) "
    f"FROM {unnest(_RESET)} WHERE station.station_id = d.id"
)


async def save_resets(connection: AsyncConnection, resets: Mapping[str, datetime]) -> None:
    """Store the newest reset of each station; the stations are locked."""
    await connection.execute(_SAVE, arrays(_RESET, sorted(resets.items())))
