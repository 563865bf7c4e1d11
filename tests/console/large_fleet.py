"""A fleet of many stations that were never there: rows put past the services into their tables."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

# The ids sort as their numbers do.
PREFIX = "FLEET-"
_STATIONS = f"""
INSERT INTO registry.station (
    station_id, registration_status, vendor, model, firmware_version, serial_number, display_name,
    ocpp_version, tags, last_boot_at)
SELECT '{PREFIX}' || lpad(n::text, 5, '0'),
    CASE WHEN n % 50 = 0 THEN 'pending' ELSE 'accepted' END, 'Maker ' || n % 9, 'Model ' || n % 40,
    '1.' || n % 7, 'SN' || n, 'Bay ' || n, 'ocpp16', ARRAY['area-' || n % 20],
    now() - n * interval '1 minute'
FROM generate_series(1, $1::int) AS n
"""
_CONNECTORS = f"""
INSERT INTO registry.connector (
    station_id, connector_id, status, error_code, epoch, seq, connection_id, received_at)
SELECT '{PREFIX}' || lpad(n::text, 5, '0'), connector_id,
    CASE WHEN n % 100 = 0 THEN 'Faulted' WHEN n % 4 = 0 THEN 'Charging' ELSE 'Available' END,
    'NoError', 0, n, 'large-fleet', now()
FROM generate_series(1, $1::int) AS n, generate_series(1, 2) AS connector_id
"""


def station_of_fleet(number: int) -> str:
    """Return the id of one of the fleet, from 1 on."""
    return f"{PREFIX}{number:05}"


async def put_in_fleet(database_url: str, stations: int) -> None:
    """Put in so many stations with two connectors each; every hundredth is faulted."""
    connection = await asyncpg.connect(database_url)
    try:
        for statement in (_STATIONS, _CONNECTORS):
            await connection.execute(statement, stations)
        await connection.execute("ANALYZE registry.station, registry.connector")
    finally:
        await connection.close()


@asynccontextmanager
async def large_fleet(database_url: str, stations: int) -> AsyncIterator[None]:
    """Have the fleet in a suite that others use too, and take it out again."""
    await put_in_fleet(database_url, stations)
    yield
    connection = await asyncpg.connect(database_url)
    try:
        for table in ("connector", "station"):
            await connection.execute(
                f"DELETE FROM registry.{table} WHERE starts_with(station_id, $1)", PREFIX
            )
    finally:
        await connection.close()
