"""Statements on tariffs and their versions."""

# ruff: noqa: S608 - statements are put together from literals; every value is a parameter

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.billing import ListTariffs, TariffView
from csms_shared.contracts.pages import Page
from csms_shared.db.cursors import as_moment, as_uuid, decode_cursor, encode_cursor
from csms_shared.db.tenancy import of_tenant
from csms_shared.values.times import format_time

FIRST_VERSION = 1
_ADD = text(
    "INSERT INTO tariff (tariff_id, tenant_id, name, version, created_at, created_by, changed_at, "
    f"changed_by) VALUES (:tariff_id, :tenant_id, :name, {FIRST_VERSION}, now(), :changed_by, "
    "now(), :changed_by) ON CONFLICT (tariff_id) DO NOTHING RETURNING tariff_id"
)
# Whoever waited for the lock began before the change that it waited for.
_RENEW = text(
    "UPDATE tariff SET version = :version, name = :name, "
    "changed_at = greatest(clock_timestamp(), changed_at), changed_by = :changed_by "
    f"WHERE {of_tenant()} AND tariff_id = :tariff_id"
)
_ADD_VERSION = text(
    "INSERT INTO tariff_version (tariff_id, version, tenant_id, name, tariff, starts_at, ends_at, "
    "changed_at, changed_by) SELECT tariff_id, version, tenant_id, name, "
    "CAST(:document AS jsonb), CAST(:starts_at AS timestamptz), "
    "CAST(:ends_at AS timestamptz), changed_at, changed_by "
    f"FROM tariff WHERE {of_tenant()} AND tariff_id = :tariff_id"
)
_SELECT = (
    "SELECT t.tariff_id, v.name, v.version, v.tariff, t.created_at, t.created_by, v.changed_at, "
    "v.changed_by FROM tariff AS t JOIN tariff_version AS v ON v.tariff_id = t.tariff_id "
)
_OF_TENANT = f"{of_tenant('t')} AND {of_tenant('v')}"
_NEWEST = "v.version = t.version AND t.deleted_at IS NULL"
_GET = text(f"{_SELECT}WHERE {_OF_TENANT} AND t.tariff_id = :tariff_id AND {_NEWEST}")
# What was billed by a tariff can be read when it is gone.
_GET_VERSION = text(
    f"{_SELECT}WHERE {_OF_TENANT} AND t.tariff_id = :tariff_id AND v.version = :version"
)
_LOCK = text(
    f"SELECT tariff_id FROM tariff WHERE {of_tenant()} AND tariff_id = :tariff_id "
    "AND deleted_at IS NULL FOR UPDATE"
)
_LIST = text(
    f"{_SELECT}WHERE {_OF_TENANT} AND {_NEWEST} "
    "AND (CAST(:part AS text) IS NULL OR strpos(lower(t.name), lower(:part)) > 0) "
    "AND (CAST(:before AS timestamptz) IS NULL OR (t.created_at, t.tariff_id) < "
    "(:before, CAST(:before_id AS uuid))) "
    "ORDER BY t.created_at DESC, t.tariff_id DESC LIMIT :most"
)
_IS_ASSIGNED = text(
    f"SELECT EXISTS (SELECT FROM tariff_assignment WHERE {of_tenant()} "
    "AND tariff_id = :tariff_id AND ended_at IS NULL)"
)
_DELETE = text(
    f"UPDATE tariff SET deleted_at = now() WHERE {of_tenant()} AND tariff_id = :tariff_id"
)


@dataclass(frozen=True, slots=True)
class VersionToKeep:
    """What a version says; `starts_at` and `ends_at` are when the document says that it holds."""

    name: str
    document: dict[str, Any]
    starts_at: datetime | None
    ends_at: datetime | None
    changed_by: str


@dataclass(frozen=True, slots=True)
class TariffNames:
    """Names a tariff of a tenant."""

    tenant_id: str
    tariff_id: UUID

    def parameters(self) -> dict[str, Any]:
        """Return the parameters of a statement on it."""
        return {"tenant_id": self.tenant_id, "tariff_id": self.tariff_id}


async def add(connection: AsyncConnection, named: TariffNames, first: VersionToKeep) -> bool:
    """Store a new tariff; false where there is one of this id."""
    values = {**named.parameters(), "name": first.name, "changed_by": first.changed_by}
    if (await connection.execute(_ADD, values)).first() is None:
        return False
    await _add_version(connection, named, first)
    return True


async def renew(
    connection: AsyncConnection, named: TariffNames, version: int, newest: VersionToKeep
) -> None:
    """Store the next version of a tariff that is locked."""
    values = {"version": version, "name": newest.name, "changed_by": newest.changed_by}
    await connection.execute(_RENEW, {**named.parameters(), **values})
    await _add_version(connection, named, newest)


async def get(connection: AsyncConnection, named: TariffNames) -> TariffView | None:
    """Return a tariff that was not deleted, in its newest version."""
    return _view((await connection.execute(_GET, named.parameters())).first())


async def get_version(
    connection: AsyncConnection, named: TariffNames, version: int
) -> TariffView | None:
    """Return a version of a tariff, whether that was deleted or not."""
    asked = {**named.parameters(), "version": version}
    return _view((await connection.execute(_GET_VERSION, asked)).first())


async def lock(connection: AsyncConnection, named: TariffNames) -> bool:
    """Keep others from changing, deleting and assigning a tariff; false where there is none."""
    return (await connection.execute(_LOCK, named.parameters())).first() is not None


async def is_assigned(connection: AsyncConnection, named: TariffNames) -> bool:
    """Tell whether a tariff is assigned to anything, now or at another time."""
    return bool((await connection.execute(_IS_ASSIGNED, named.parameters())).scalar_one())


async def delete(connection: AsyncConnection, named: TariffNames) -> None:
    """Take a tariff away; its versions stay."""
    await connection.execute(_DELETE, named.parameters())


async def list_page(connection: AsyncConnection, query: ListTariffs) -> Page[TariffView]:
    """Return a page of tariffs by their newest versions, newest first."""
    before, before_id = None, None
    if query.cursor is not None:
        before, before_id = decode_cursor(query.cursor, as_moment, as_uuid)
    rows = await connection.execute(
        _LIST,
        {
            "tenant_id": query.tenant_id,
            "part": query.q,
            "before": before,
            "before_id": before_id,
            "most": query.limit + 1,
        },
    )
    found = rows.all()
    shown = found[: query.limit]
    more = len(found) > query.limit
    return Page(
        items=[view for one in shown if (view := _view(one)) is not None],
        next_cursor=encode_cursor(shown[-1].created_at, shown[-1].tariff_id) if more else None,
    )


async def _add_version(
    connection: AsyncConnection, named: TariffNames, content: VersionToKeep
) -> None:
    """Keep what a tariff is now as a version of it."""
    values = {
        "document": orjson.dumps(content.document).decode(),
        "starts_at": content.starts_at,
        "ends_at": content.ends_at,
    }
    await connection.execute(_ADD_VERSION, {**named.parameters(), **values})


def _view(row: Any) -> TariffView | None:
    return (
        None
        if row is None
        else TariffView(
            tariff_id=str(row.tariff_id),
            name=row.name,
            version=row.version,
            tariff=row.tariff,
            created_at=format_time(row.created_at),
            created_by=row.created_by,
            changed_at=format_time(row.changed_at),
            changed_by=row.changed_by,
        )
    )
