"""Stations of tenants, stored before a load, and the tokens that they charge with.

Ten stations are stored for each that charges. Those that charge are dealt out among the tenants:
where there are as many tenants as they are, each is of another.
"""

import asyncpg

from bench.driver.plan import Plan, station_ids
from csms_shared.values.tenant_keys import key_in_tenant

STORED_FOR_EACH = 10
STATEMENT_SECONDS = 300.0

_TENANTS = "INSERT INTO registry.tenant (tenant_id, name) SELECT unnest($1::text[]), 'Tenant'"
_STATIONS = """
    INSERT INTO registry.station (station_id, tenant_id, registration_status)
    SELECT station_id, tenant_id, 'accepted'
    FROM unnest($1::text[], $2::text[]) AS new (station_id, tenant_id)
"""
_TOKENS = """
    INSERT INTO session.id_token (key, id_token, status, tenant_id)
    SELECT key, id_token, 'accepted', tenant_id
    FROM unnest($1::text[], $2::text[], $3::text[]) AS new (key, id_token, tenant_id)
"""


async def store_tenants(database_url: str, plan: Plan, *, many: bool) -> None:
    """Store the stations of one tenant, or of as many as there are stations that charge."""
    prefix = plan.station_prefix.strip("-")
    tenants = [f"{prefix}-t{number}" for number in range(plan.stations if many else 1)]
    stored = station_ids(plan.station_prefix, STORED_FOR_EACH * plan.stations)
    whose = [tenants[number % len(tenants)] for number in range(len(stored))]
    charging = whose[: plan.stations]
    keys = [
        key_in_tenant(tenant_id, token.lower())
        for token, tenant_id in zip(plan.station_ids, charging, strict=True)
    ]
    connection = await asyncpg.connect(database_url, command_timeout=STATEMENT_SECONDS)
    try:
        await connection.execute(_TENANTS, tenants)
        await connection.execute(_STATIONS, stored, whose)
        await connection.execute(_TOKENS, keys, plan.station_ids, charging)
        for table in ("registry.station", "registry.tenant", "session.id_token"):
            await connection.execute(f"VACUUM (ANALYZE) {table}")
    finally:
        await connection.close()
