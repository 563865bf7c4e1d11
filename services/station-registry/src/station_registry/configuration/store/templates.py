"""Statements on configuration templates and the stations they are for."""

# ruff: noqa: S608 - statements are put together from literals; every value is a parameter

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.configuration import CreateTemplate
from csms_shared.db.tenancy import of_tenant
from csms_shared.values.tenant_keys import key_in_tenant
from station_registry.database.sql import statement

_CREATE = statement(
    "INSERT INTO configuration_template (template_id, tenant_id, name, wanted, station_ids, "
    "vendor, model, site_ids, tags) VALUES (:template_id, :tenant_id, :name, "
    "CAST(:wanted AS json), :station_ids, :vendor, :model, :site_ids, :tags) "
    "ON CONFLICT (name) DO NOTHING RETURNING template_id"
)
# A name that is given meanwhile would be seen by the index alone, which makes it an error.
_LOCK = statement("LOCK TABLE configuration_template IN SHARE ROW EXCLUSIVE MODE")
_REPLACE = statement(
    "UPDATE configuration_template SET name = :name, wanted = CAST(:wanted AS json), "
    "station_ids = :station_ids, vendor = :vendor, model = :model, site_ids = :site_ids, "
    "tags = :tags, "
    f"updated_at = now() WHERE {of_tenant()} AND template_id = :template_id "
    "AND NOT EXISTS (SELECT FROM configuration_template other "
    "WHERE other.name = :name AND other.template_id <> :template_id) "
    "RETURNING template_id"
)
_GET = statement(
    f"SELECT * FROM configuration_template WHERE {of_tenant()} AND template_id = :template_id"
)
_LIST = statement(
    f"SELECT * FROM configuration_template WHERE {of_tenant()} AND name > :after "
    "ORDER BY name LIMIT :limit"
)
_DELETE = statement(
    f"DELETE FROM configuration_template WHERE {of_tenant()} AND template_id = :template_id "
    "RETURNING template_id"
)
_PAGE = "AND m.station_id > :after ORDER BY m.station_id LIMIT :limit"
# Each way to be meant by an index of its own, and no further than the page goes: each site and each
# tag by itself, or a station that has several of the tags would take the place of others.
_STATIONS = statement(
    f"WITH t AS (SELECT * FROM configuration_template WHERE {of_tenant()} "
    "AND template_id = :template_id) "
    "SELECT station_id FROM ("
    + " UNION ".join(
        f"SELECT one.station_id FROM t {each}CROSS JOIN LATERAL "
        f"(SELECT m.station_id FROM {meant} {_PAGE}) AS one"
        for each, meant in (
            (
                "",
                f"station m WHERE {of_tenant('m')} AND m.deleted_at IS NULL "
                "AND m.station_id = ANY(t.station_ids)",
            ),
            (
                "",
                f"station m WHERE {of_tenant('m')} AND m.deleted_at IS NULL "
                "AND (t.vendor IS NOT NULL OR t.model IS NOT NULL) "
                "AND (t.vendor IS NULL OR m.vendor = t.vendor) "
                "AND (t.model IS NULL OR m.model = t.model)",
            ),
            (
                "CROSS JOIN unnest(t.site_ids) AS of_site (id) ",
                f"station_listing m WHERE {of_tenant('m')} AND m.site_id = of_site.id",
            ),
            (
                "CROSS JOIN unnest(t.tags) AS of_tag (name) ",
                f"station_tag m WHERE {of_tenant('m')} AND m.tag = of_tag.name",
            ),
        )
    )
    + ") AS meant ORDER BY station_id LIMIT :limit"
)


async def create_template(
    connection: AsyncConnection, template_id: UUID, content: CreateTemplate
) -> bool:
    """Store a template; false where its name is taken."""
    row = await connection.execute(_CREATE, _parameters(template_id, content))
    return row.first() is not None


async def lock_templates(connection: AsyncConnection) -> None:
    """Keep others from writing templates until the commit."""
    await connection.execute(_LOCK)


async def replace_template(
    connection: AsyncConnection, template_id: UUID, content: CreateTemplate
) -> bool:
    """Store a template's new content; false where the name is another template's."""
    row = await connection.execute(_REPLACE, _parameters(template_id, content))
    return row.first() is not None


async def get_template(
    connection: AsyncConnection, tenant_id: str, template_id: UUID
) -> Row[Any] | None:
    """Return a template's row."""
    return (await connection.execute(_GET, _named(tenant_id, template_id))).first()


async def list_templates(
    connection: AsyncConnection, tenant_id: str, after: str, limit: int
) -> Sequence[Row[Any]]:
    """Return templates by name."""
    asked = {"tenant_id": tenant_id, "after": key_in_tenant(tenant_id, after), "limit": limit}
    return (await connection.execute(_LIST, asked)).all()


async def delete_template(connection: AsyncConnection, tenant_id: str, template_id: UUID) -> bool:
    """Delete a template; false where there is none."""
    row = await connection.execute(_DELETE, _named(tenant_id, template_id))
    return row.first() is not None


async def stations_of(
    connection: AsyncConnection, tenant_id: str, template_id: UUID, after: str, limit: int
) -> list[str]:
    """Return the ids of stations that a template is for."""
    parameters = {**_named(tenant_id, template_id), "after": after, "limit": limit}
    return list((await connection.execute(_STATIONS, parameters)).scalars())


def _parameters(template_id: UUID, content: CreateTemplate) -> dict[str, Any]:
    return {
        **_named(content.tenant_id, template_id),
        # Its index is older than tenants, and others may use the name.
        "name": key_in_tenant(content.tenant_id, content.name),
        "wanted": orjson.dumps(content.values).decode(),
        "station_ids": content.station_ids,
        "vendor": content.vendor,
        "model": content.model,
        "site_ids": content.site_ids,
        "tags": content.tags,
    }


def _named(tenant_id: str, template_id: UUID) -> dict[str, Any]:
    return {"tenant_id": tenant_id, "template_id": template_id}
