"""Commands of a tenant that came to nothing within a day, found by an index on their end."""

# ruff: noqa: S608 - statements are put together from constants; every value is a parameter

from collections.abc import Collection

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.overview import Attention
from csms_shared.db.attention import AT_MOST, attention_sql, read_attention
from csms_shared.db.tenancy import of_tenant

# As the predicate of the index has it.
_FAILED = (
    f"FROM commands WHERE {of_tenant()} "
    "AND status IN ('error', 'expired', 'station_offline', 'outcome_unknown') "
    "AND completed_at >= now() - interval '24 hours'"
)
_SHOWN = (
    "SELECT CAST(command_id AS text) AS id, completed_at AS at, 1 AS of, "
    f"station_id || ': ' || action || ', ' || status AS text {_FAILED}"
)
FAILED = attention_sql(f"{_SHOWN} ORDER BY completed_at DESC {AT_MOST}")
_FAILED_AMONG = attention_sql(
    f"{_SHOWN} AND station_id = ANY(:among) ORDER BY completed_at DESC {AT_MOST}"
)
_STATIONS = text(
    f"SELECT station_id FROM (SELECT station_id, completed_at {_FAILED} "
    f"ORDER BY completed_at DESC {AT_MOST}) AS failed "
    "GROUP BY station_id ORDER BY max(completed_at) DESC LIMIT :most"
)


async def failed_commands(
    connection: AsyncConnection, tenant_id: str, among: Collection[str] | None = None
) -> Attention | None:
    """Return a tenant's failures of a day, `among` some stations or all; None: there are none."""
    if among is None:
        return await read_attention(connection, FAILED, {"tenant_id": tenant_id})
    parameters = {"tenant_id": tenant_id, "among": sorted(among)}
    return await read_attention(connection, _FAILED_AMONG, parameters)


async def stations_of_failures(connection: AsyncConnection, tenant_id: str, most: int) -> list[str]:
    """Return stations that a command failed for within a day, those of the newest first."""
    rows = await connection.execute(_STATIONS, {"tenant_id": tenant_id, "most": most})
    return [row.station_id for row in rows]
