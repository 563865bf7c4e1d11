"""Statements on what tariffs are assigned to."""

# ruff: noqa: S608 - statements are put together from literals; every value is a parameter

from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from billing_service.tariffs.store.choosing import assigned_value
from csms_shared.contracts.billing import (
    AssignmentTarget,
    AssignmentView,
    CreateAssignment,
    ListAssignments,
)
from csms_shared.contracts.pages import Page
from csms_shared.db.cursors import as_moment, as_uuid, decode_cursor, encode_cursor
from csms_shared.db.tenancy import of_tenant
from csms_shared.values.times import format_time

_ADD = text(
    "INSERT INTO tariff_assignment (assignment_id, tenant_id, tariff_id, target, value, "
    "shown_value, valid_from, valid_to, created_at, created_by) VALUES (:assignment_id, "
    ":tenant_id, :tariff_id, :target, :value, :shown_value, :valid_from, :valid_to, now(), "
    ":created_by) ON CONFLICT (assignment_id) DO NOTHING"
)
_SELECT = (
    "SELECT a.*, t.name AS tariff_name FROM tariff_assignment AS a "
    f"JOIN tariff AS t USING (tariff_id) WHERE {of_tenant('a')} AND {of_tenant('t')} "
    "AND a.ended_at IS NULL "
)
_GET = text(f"{_SELECT}AND a.assignment_id = :assignment_id")
_LIST = text(
    f"{_SELECT}AND (CAST(:tariff_id AS uuid) IS NULL OR a.tariff_id = :tariff_id) "
    "AND (CAST(:target AS text) IS NULL OR a.target = :target) "
    "AND (CAST(:value AS text) IS NULL OR a.value = :value) "
    "AND (CAST(:before AS timestamptz) IS NULL OR (a.created_at, a.assignment_id) < "
    "(:before, CAST(:before_id AS uuid))) "
    "ORDER BY a.created_at DESC, a.assignment_id DESC LIMIT :most"
)
_DELETE = text(
    f"UPDATE tariff_assignment SET ended_at = now() WHERE {of_tenant()} "
    "AND assignment_id = :assignment_id AND ended_at IS NULL RETURNING assignment_id"
)


async def add(connection: AsyncConnection, new: CreateAssignment) -> None:
    """Store an assignment, unless there is one of this id."""
    await connection.execute(
        _ADD,
        {
            "assignment_id": new.assignment_id,
            "tenant_id": new.tenant_id,
            "tariff_id": new.tariff_id,
            "target": new.target.value,
            "value": assigned_value(new.target, new.value),
            "shown_value": new.value,
            "valid_from": new.valid_from,
            "valid_to": new.valid_to,
            "created_by": new.created_by,
        },
    )


async def get(
    connection: AsyncConnection, tenant_id: str, assignment_id: UUID
) -> AssignmentView | None:
    """Return an assignment."""
    asked = {"tenant_id": tenant_id, "assignment_id": assignment_id}
    row = (await connection.execute(_GET, asked)).first()
    return None if row is None else _view(row)


async def delete(connection: AsyncConnection, tenant_id: str, assignment_id: UUID) -> bool:
    """End an assignment, which holds on for what has begun; false where there is none."""
    asked = {"tenant_id": tenant_id, "assignment_id": assignment_id}
    return (await connection.execute(_DELETE, asked)).first() is not None


async def list_page(connection: AsyncConnection, query: ListAssignments) -> Page[AssignmentView]:
    """Return a page of assignments, newest first."""
    before, before_id = None, None
    if query.cursor is not None:
        before, before_id = decode_cursor(query.cursor, as_moment, as_uuid)
    value = query.value
    if query.target is not None and value is not None:
        value = assigned_value(query.target, value)
    rows = await connection.execute(
        _LIST,
        {
            "tenant_id": query.tenant_id,
            "tariff_id": query.tariff_id,
            "target": None if query.target is None else query.target.value,
            "value": value,
            "before": before,
            "before_id": before_id,
            "most": query.limit + 1,
        },
    )
    found = rows.all()
    shown = found[: query.limit]
    more = len(found) > query.limit
    return Page(
        items=[_view(one) for one in shown],
        next_cursor=encode_cursor(shown[-1].created_at, shown[-1].assignment_id) if more else None,
    )


def _view(row: Any) -> AssignmentView:
    target = AssignmentTarget(row.target)
    named = {} if target is AssignmentTarget.TENANT else {target.value: row.shown_value}
    return AssignmentView(
        assignment_id=str(row.assignment_id),
        tariff_id=str(row.tariff_id),
        tariff_name=row.tariff_name,
        valid_from=None if row.valid_from is None else format_time(row.valid_from),
        valid_to=None if row.valid_to is None else format_time(row.valid_to),
        created_at=format_time(row.created_at),
        created_by=row.created_by,
        **named,
    )
