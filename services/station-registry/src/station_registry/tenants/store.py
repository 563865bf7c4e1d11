"""Statements on tenants.

Whoever changes how many stations a tenant has locks its row before any station: so the number is
exact, and nobody waits for two of them in another order.
"""

# ruff: noqa: S608 - statements are put together from literals; every value is a parameter

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.tenants import TenantStatus
from station_registry.database.sql import statement
from station_registry.tenants.domain import TENANT_FIELDS, StationQuota, Tenant

# How long the connections of a suspended tenant are looked for: a claim that was decided just
# before may be stored after it, and no transaction lasts as long as this.
DISCONNECT_S = 60
_FIELDS = ", ".join(TENANT_FIELDS)
_VALUES = ", ".join(f":{name}" for name in TENANT_FIELDS)
_ONE = "WHERE tenant_id = :tenant_id"
_CREATE = statement(
    f"INSERT INTO tenant ({_FIELDS}) VALUES ({_VALUES}) "
    "ON CONFLICT (tenant_id) DO NOTHING RETURNING *"
)
_CHANGE = statement(
    f"UPDATE tenant SET ({_FIELDS}, updated_at) = ({_VALUES}, now()), disconnect_until = CASE "
    "WHEN :status <> 'suspended' THEN NULL WHEN status = 'suspended' THEN disconnect_until "
    f"ELSE now() + interval '{DISCONNECT_S} seconds' END {_ONE} RETURNING *"
)
_GET = statement(f"SELECT * FROM tenant {_ONE}")
# Those who only count its stations wait; what refers to it does not.
_LOCK = statement(f"SELECT * FROM tenant {_ONE} FOR NO KEY UPDATE")
_QUOTA = "SELECT tenant_id, stations, max_stations, status = 'active' AS active FROM tenant "
_READ_QUOTA = statement(f"{_QUOTA}{_ONE}")
_LOCK_QUOTAS = statement(
    f"{_QUOTA}WHERE tenant_id = ANY(:ids) ORDER BY tenant_id FOR NO KEY UPDATE"
)
_TO_DISCONNECT = statement("SELECT tenant_id FROM tenant WHERE disconnect_until IS NOT NULL")
_ALL_DISCONNECTED = statement(
    "UPDATE tenant SET disconnect_until = NULL "
    "WHERE tenant_id = ANY(:ids) AND disconnect_until < now()"
)
_LIST = "SELECT * FROM tenant {conditions}ORDER BY tenant_id LIMIT :limit"
_CONDITIONS = {
    "after": "tenant_id > :after",
    # The ids' own collation would reach all of it, and knows no small letters but those of ASCII.
    "q": "position(lower(CAST(:q AS text)) IN lower(concat_ws(E'\\x1f', "
    'tenant_id COLLATE "default", name))) > 0',
}


async def create_tenant(connection: AsyncConnection, tenant: Tenant) -> Row[Any] | None:
    """Store a tenant; None where its id is taken."""
    return (await connection.execute(_CREATE, _parameters(tenant))).first()


async def change_tenant(connection: AsyncConnection, tenant: Tenant) -> Row[Any]:
    """Store what a tenant is now; from its suspension on its connections are ended."""
    return (await connection.execute(_CHANGE, _parameters(tenant))).one()


async def get_tenant(connection: AsyncConnection, tenant_id: str) -> Row[Any] | None:
    """Return a tenant's row."""
    return (await connection.execute(_GET, {"tenant_id": tenant_id})).first()


async def lock_tenant(connection: AsyncConnection, tenant_id: str) -> Row[Any] | None:
    """Return a tenant's row, locked."""
    return (await connection.execute(_LOCK, {"tenant_id": tenant_id})).first()


async def read_quota(connection: AsyncConnection, tenant_id: str) -> StationQuota | None:
    """Return how many stations a tenant has and may have; None where there is no such tenant."""
    row = (await connection.execute(_READ_QUOTA, {"tenant_id": tenant_id})).first()
    return None if row is None else StationQuota(*row)


async def lock_quotas(connection: AsyncConnection, ids: Collection[str]) -> dict[str, StationQuota]:
    """Return what tenants have and may have; nobody else changes it until the commit."""
    rows = await connection.execute(_LOCK_QUOTAS, {"ids": list(ids)})
    return {row.tenant_id: StationQuota(*row) for row in rows}


async def list_tenants(
    connection: AsyncConnection, filters: dict[str, Any], limit: int
) -> Sequence[Row[Any]]:
    """Return tenants in the order of their ids; `filters`: `after`, `q`."""
    wanted = [sql for name, sql in _CONDITIONS.items() if name in filters]
    conditions = f"WHERE {' AND '.join(wanted)} " if wanted else ""
    sql = statement(_LIST.format(conditions=conditions))
    return (await connection.execute(sql, {**filters, "limit": limit})).all()


async def to_disconnect(connection: AsyncConnection) -> list[str]:
    """Return the suspended tenants whose connections are still looked for."""
    return list((await connection.execute(_TO_DISCONNECT)).scalars())


async def all_disconnected(connection: AsyncConnection, ids: Collection[str]) -> None:
    """Note that these have no connection left, where none can come any more."""
    await connection.execute(_ALL_DISCONNECTED, {"ids": list(ids)})


def read_tenant(row: Row[Any]) -> Tenant:
    """Return the tenant in a row."""
    values = {name: row._mapping[name] for name in TENANT_FIELDS}
    return Tenant(**(values | {"status": TenantStatus(values["status"])}))


def _parameters(tenant: Tenant) -> dict[str, Any]:
    values = {name: getattr(tenant, name) for name in TENANT_FIELDS}
    return values | {"status": tenant.status.value}
