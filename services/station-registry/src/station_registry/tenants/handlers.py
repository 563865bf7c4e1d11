"""What a platform's administrator asks of tenants, and what creates stations asks of their room."""

from typing import Any, TypeVar

import orjson
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.pages import Page
from csms_shared.contracts.refusals import ProblemRaised, refuse
from csms_shared.contracts.requests import Problem
from csms_shared.contracts.tenants import (
    ChangeTenant,
    CreateTenant,
    ListTenants,
    TenantName,
    TenantView,
)
from csms_shared.db.cursors import as_text, decode_cursor, encode_cursor
from csms_shared.runtime.clock import now_ms
from csms_shared.values.texts import is_storable
from csms_shared.values.times import format_time
from station_registry.database.telling import tell
from station_registry.events import fact_about, told_to
from station_registry.tenants import store
from station_registry.tenants.domain import (
    TENANT_FIELDS,
    StationQuota,
    Tenant,
    changed_tenant,
    new_tenant,
)

Kept = TypeVar("Kept")


async def list_all(connection: AsyncConnection, query: ListTenants) -> Page[TenantView]:
    """Return a page of tenants by id."""
    filters = query.model_dump(include={"q"}, exclude_none=True)
    if query.cursor is not None:
        filters["after"] = decode_cursor(query.cursor, as_text)[0]
    rows = await store.list_tenants(connection, filters, query.limit + 1)
    shown = rows[: query.limit]
    cursor = encode_cursor(shown[-1].tenant_id) if len(rows) > query.limit else None
    return Page(items=[_view(row) for row in shown], next_cursor=cursor)


async def create(connection: AsyncConnection, wanted: CreateTenant) -> TenantView:
    """Make a tenant."""
    tenant = new_tenant(wanted)
    row = await store.create_tenant(connection, tenant)
    if row is None:
        raise refuse(
            409,
            "tenant_exists",
            f"there is a tenant {tenant.tenant_id} already",
            ("tenant_id", "is taken"),
        )
    await _tell(connection, "tenant.created", tenant)
    return _view(row)


async def get(connection: AsyncConnection, name: TenantName) -> TenantView:
    """Return one tenant."""
    tenant_id = _storable(name.named_tenant_id)
    return _view(_found(await store.get_tenant(connection, tenant_id), tenant_id))


async def change(connection: AsyncConnection, wanted: ChangeTenant) -> TenantView:
    """Change what is given; nothing is told where that is as it was."""
    tenant_id = _storable(wanted.changed_tenant_id)
    row = _found(await store.lock_tenant(connection, tenant_id), tenant_id)
    before = store.read_tenant(row)
    tenant = changed_tenant(before, wanted)
    if isinstance(tenant, Problem):
        raise ProblemRaised(tenant)
    if tenant == before:
        return _view(row)
    row = await store.change_tenant(connection, tenant)
    await _tell(connection, "tenant.updated", tenant)
    return _view(row)


async def take_room(connection: AsyncConnection, tenant_id: str) -> None:
    """Keep room for a new station of a tenant until the commit; before any station is locked.

    Raises:
        ProblemRaised: 404, there is no such tenant, or 409, it has all the stations it may have.
    """
    quotas = await store.lock_quotas(connection, [tenant_id])
    check_room(_found(quotas.get(tenant_id), tenant_id))


def check_room(quota: StationQuota) -> None:
    """Refuse a station that a tenant has no room for.

    Raises:
        ProblemRaised: 409.
    """
    if not quota.room_for(1):
        raise refuse(
            409,
            "station_quota_reached",
            f"the tenant {quota.tenant_id} may have {quota.max_stations} stations",
        )


async def _tell(connection: AsyncConnection, key: str, tenant: Tenant) -> None:
    """Tell what a tenant is now; the event is its own."""
    now = now_ms()
    data = _content(tenant)
    told = orjson.dumps(data, option=orjson.OPT_SORT_KEYS).decode()
    event = fact_about(key, tenant.tenant_id, (tenant.tenant_id, now, told), now, data)
    await tell(connection, [told_to(tenant.tenant_id, event)])


def _content(tenant: Tenant) -> dict[str, Any]:
    values = {name: getattr(tenant, name) for name in TENANT_FIELDS}
    return values | {"status": tenant.status.value}


def _view(row: Row[Any]) -> TenantView:
    return TenantView(
        **_content(store.read_tenant(row)),
        created_at=format_time(row.created_at),
        updated_at=format_time(row.updated_at),
    )


def _storable(tenant_id: str) -> str:
    if not is_storable(tenant_id):
        raise _not_found(tenant_id)
    return tenant_id


def _found(kept: Kept | None, tenant_id: str) -> Kept:
    if kept is None:
        raise _not_found(tenant_id)
    return kept


def _not_found(tenant_id: str) -> ProblemRaised:
    return refuse(404, "unknown_tenant", f"there is no tenant {tenant_id}")
