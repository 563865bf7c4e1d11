"""Statements on sites."""

# ruff: noqa: S608 - statements are put together from literals; every value is a parameter

from collections.abc import Iterable, Sequence
from typing import Any

import orjson
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.scopes import Scope
from csms_shared.contracts.sites import OpeningHours
from csms_shared.db.tenancy import of_tenant
from station_registry.database.sql import statement
from station_registry.sites.domain import SITE_FIELDS, Site
from station_registry.sites.scopes import SITE_IN_SCOPE, scope_parameters

# Stations `t` that have a tag, and those of them after a cursor.
HAS_TAG = (
    f"EXISTS (SELECT FROM station_tag g WHERE {of_tenant('g')} AND g.tag = :tag "
    "AND g.station_id = t.station_id)"
)
HAS_TAG_AFTER = f"{HAS_TAG.removesuffix(')')} AND g.station_id > :cursor)"
_ONE = f"WHERE {of_tenant()} AND site_id = :site_id"
_VALUES = ", ".join(
    "CAST(:opening_hours AS json)" if name == "opening_hours" else f":{name}"
    for name in SITE_FIELDS
)
_CREATE = statement(
    f"INSERT INTO site (tenant_id, {', '.join(SITE_FIELDS)}) "
    f"VALUES (:tenant_id, {_VALUES}) ON CONFLICT (tenant_id, site_id) DO NOTHING "
    "RETURNING *"
)
_CHANGE = statement(
    f"UPDATE site SET ({', '.join(SITE_FIELDS)}, updated_at) = ({_VALUES}, now()) {_ONE} "
    "RETURNING *"
)
_GET = statement(f"SELECT * FROM site {_ONE}")
_GET_IN_SCOPE = statement(
    f"SELECT * FROM site t WHERE {of_tenant('t')} AND site_id = :site_id AND {SITE_IN_SCOPE}"
)
_KNOWN = statement(f"SELECT site_id FROM site WHERE {of_tenant()} AND site_id = ANY(:ids)")
_LOCK = statement(f"SELECT * FROM site {_ONE} FOR UPDATE")
# Until the commit nobody changes or deletes it; others go on adding stations to it.
_HOLD = statement(f"SELECT 1 FROM site {_ONE} FOR KEY SHARE")
_DELETE = statement(f"DELETE FROM site {_ONE}")
_STATION_OF = statement(
    f"SELECT station_id FROM station_listing WHERE {of_tenant()} AND site_id = :site_id "
    "ORDER BY station_id LIMIT 1"
)
_LIST = f"SELECT * FROM site t WHERE {of_tenant('t')} {{conditions}}ORDER BY site_id LIMIT :limit"
_CONDITIONS = {
    "after": "AND site_id > :after ",
    "scope_sites": f"AND {SITE_IN_SCOPE} ",
    "tag": "AND tags @> ARRAY[CAST(:tag AS text)] ",
    # The ids' own collation would reach all of it, and knows no small letters but those of ASCII.
    "q": "AND position(lower(CAST(:q AS text)) IN lower(concat_ws(E'\\x1f', "
    'site_id COLLATE "default", name, address, city, postal_code))) > 0 ',
}


async def create_site(connection: AsyncConnection, tenant_id: str, site: Site) -> Row[Any] | None:
    """Store a site; None where its id is taken."""
    return (await connection.execute(_CREATE, _parameters(tenant_id, site))).first()


async def change_site(connection: AsyncConnection, tenant_id: str, site: Site) -> Row[Any]:
    """Store what a site is now."""
    return (await connection.execute(_CHANGE, _parameters(tenant_id, site))).one()


async def get_site(
    connection: AsyncConnection, tenant_id: str, site_id: str, scope: Scope | None = None
) -> Row[Any] | None:
    """Return a site's row, if it is in the scope."""
    named = _named(tenant_id, site_id) | scope_parameters(scope)
    return (await connection.execute(_GET if scope is None else _GET_IN_SCOPE, named)).first()


async def lock_site(connection: AsyncConnection, tenant_id: str, site_id: str) -> Row[Any] | None:
    """Return a site's row, locked."""
    return (await connection.execute(_LOCK, _named(tenant_id, site_id))).first()


async def hold_site(connection: AsyncConnection, tenant_id: str, site_id: str) -> bool:
    """Keep a site from being deleted until the commit; false where there is none."""
    return (await connection.execute(_HOLD, _named(tenant_id, site_id))).first() is not None


async def unknown_sites(
    connection: AsyncConnection, tenant_id: str, site_ids: Iterable[str]
) -> set[str]:
    """Return which of the sites do not exist."""
    wanted = set(site_ids)
    rows = await connection.execute(_KNOWN, {"tenant_id": tenant_id, "ids": list(wanted)})
    return wanted - {row.site_id for row in rows}


async def delete_site(connection: AsyncConnection, tenant_id: str, site_id: str) -> None:
    """Delete a site."""
    await connection.execute(_DELETE, _named(tenant_id, site_id))


async def station_of(connection: AsyncConnection, tenant_id: str, site_id: str) -> str | None:
    """Return one of a site's stations, None where it has none."""
    found: str | None = (await connection.execute(_STATION_OF, _named(tenant_id, site_id))).scalar()
    return found


async def list_sites(
    connection: AsyncConnection, tenant_id: str, filters: dict[str, Any], limit: int
) -> Sequence[Row[Any]]:
    """Return sites in the order of their ids; `filters`: `after`, `tag`, `q`, those of a scope."""
    conditions = "".join(sql for name, sql in _CONDITIONS.items() if name in filters)
    sql = statement(_LIST.format(conditions=conditions))
    return (
        await connection.execute(sql, {**filters, "tenant_id": tenant_id, "limit": limit})
    ).all()


def read_site(row: Row[Any]) -> Site:
    """Return the site in a row."""
    values = {name: row._mapping[name] for name in SITE_FIELDS}
    hours = values["opening_hours"]
    values["opening_hours"] = None if hours is None else OpeningHours.model_validate(hours)
    return Site(**(values | {"tags": tuple(values["tags"])}))


def _parameters(tenant_id: str, site: Site) -> dict[str, Any]:
    values = {name: getattr(site, name) for name in SITE_FIELDS}
    hours = site.opening_hours
    values["opening_hours"] = None if hours is None else orjson.dumps(hours.model_dump()).decode()
    return values | {"tenant_id": tenant_id, "tags": list(site.tags)}


def _named(tenant_id: str, site_id: str) -> dict[str, Any]:
    return {"tenant_id": tenant_id, "site_id": site_id}
