"""Entries of the audit: added before a change, completed after it by a row of their own."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import product
from typing import Any

from sqlalchemy import ColumnElement, Select, func, insert, select, tuple_, union
from sqlalchemy.ext.asyncio import AsyncConnection

from command_api.audit.domain import Target
from command_api.audit.tables import audit, audit_outcome
from csms_shared.db.index_plans import plan_by_indexes
from csms_shared.db.purging import SLICE

# Shown under other names, or as one with those of the outcome.
_COMPLETED = ("tenant_id", "target_id", "status", "outcome")


@dataclass(frozen=True, slots=True)
class NewEntry:
    """What is about to be done for a tenant.

    `principal` is the id of who asks, `name` what people read.
    """

    tenant_id: str
    principal: str
    name: str
    role: str
    address: str
    method: str
    path: str
    request_id: str
    target: Target
    asked: Any
    before: Any


@dataclass(frozen=True, slots=True)
class Outcome:
    """How it ended: `target_id` of what was made, `counts` of a bulk action."""

    tenant_id: str
    status: int
    target_id: str | None
    after: Any
    counts: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """What is looked for; times from `since` on and before `until`."""

    tenant_id: str
    since: datetime | None = None
    until: datetime | None = None
    actor: str | None = None
    target: str | None = None


async def add_entry(connection: AsyncConnection, entry: NewEntry) -> int:
    """Note what is about to be done, and return the entry's id."""
    values = {
        "tenant_id": entry.tenant_id,
        "principal": entry.principal,
        "principal_name": entry.name,
        "role": entry.role,
        "address": entry.address,
        "method": entry.method,
        "path": entry.path,
        "request_id": entry.request_id,
        "target_type": entry.target.type,
        "target_id": entry.target.id,
        **_given(asked=entry.asked, before=entry.before),
    }
    result = await connection.execute(insert(audit).values(values).returning(audit.c.id))
    return int(result.scalar_one())


def _given(**documents: Any) -> dict[str, Any]:
    """Return what is there: of the rest the columns are NULL, and no JSON null."""
    return {name: value for name, value in documents.items() if value is not None}


async def add_outcome(connection: AsyncConnection, audit_id: int, outcome: Outcome) -> None:
    """Note how it ended."""
    await connection.execute(
        insert(audit_outcome).values(
            audit_id=audit_id,
            tenant_id=outcome.tenant_id,
            status=outcome.status,
            target_id=outcome.target_id,
            **_given(after=outcome.after, outcome=outcome.counts),
        )
    )


async def list_entries(
    connection: AsyncConnection,
    wanted: AuditFilter,
    before: tuple[datetime, int] | None,
    limit: int,
) -> list[dict[str, Any]]:
    """Return entries with how they ended, newest first."""
    statement = newest_entries(wanted, before, limit)
    return [dict(row) for row in (await connection.execute(statement)).mappings()]


def newest_entries(
    wanted: AuditFilter, before: tuple[datetime, int] | None, limit: int
) -> Select[Any]:
    """Select entries with how they ended, newest first.

    Each way to be meant in the order of its index, and no further than the page goes.
    """
    conditions = list(_conditions(wanted))
    if before is not None:
        conditions.append(tuple_(audit.c.at, audit.c.id) < tuple_(*before))
    if wanted.target is not None or wanted.actor is not None:
        ways = product(_about(wanted.target), _by(wanted.actor))
        newest = [_newest(ids.where(*by, *conditions), limit) for ids, by in ways]
        conditions = [audit.c.id.in_(union(*newest))]
    statement = select(
        *(column for column in audit.c if column.name not in _COMPLETED),
        func.coalesce(audit_outcome.c.target_id, audit.c.target_id).label("target"),
        func.coalesce(audit_outcome.c.status, audit.c.status).label("status"),
        func.coalesce(audit_outcome.c.outcome, audit.c.outcome).label("outcome"),
        audit_outcome.c.after,
    ).outerjoin_from(audit, audit_outcome)
    return _newest(statement.where(*conditions), limit)


def _newest(statement: Select[Any], limit: int) -> Select[Any]:
    return statement.order_by(audit.c.at.desc(), audit.c.id.desc()).limit(limit)


def _conditions(wanted: AuditFilter) -> Iterator[ColumnElement[bool]]:
    yield audit.c.tenant_id == wanted.tenant_id
    if wanted.since is not None:
        yield audit.c.at >= wanted.since
    if wanted.until is not None:
        yield audit.c.at < wanted.until


def _about(target: str | None) -> list[Select[Any]]:
    """Select the ids of entries about `ID` or `TYPE/ID`; an id may hold slashes itself."""
    named, made = select(audit.c.id), select(audit.c.id).join(audit_outcome)
    if target is None:
        return [named]
    type_, _, id_ = target.partition("/")
    typed = audit.c.target_type == type_
    return [
        ids.where(*meant)
        for ids, column in ((named, audit.c.target_id), (made, audit_outcome.c.target_id))
        for meant in ((column == target,), (column == id_, typed))
    ]


def _by(actor: str | None) -> list[tuple[ColumnElement[bool], ...]]:
    """Return the conditions of entries of `user:NAME`, `api-key:ID`, or a user's name."""
    if actor is None:
        return [()]
    return [(audit.c.principal == one,) for one in (actor, f"user:{actor}")]


async def purge_entries(connection: AsyncConnection, days: int) -> bool:
    """Delete some of the entries that are older; true where there were any, and may be more.

    By a function of the schema's owner: the service's role may not delete.
    """
    await plan_by_indexes(connection)
    purged = await connection.execute(select(func.purge_audit(days, SLICE)))
    return bool(purged.scalar_one())
