"""Groups in the database; commands are counted by index, and once more at the end of a group."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import ColumnElement, Row, and_, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from command_api.command_groups.domain import EXPANDED_WITHIN_DAYS, Addressed, CommandGroup
from command_api.command_groups.tables import command_group
from command_api.commands.domain.secret_values import shown_payload
from command_api.commands.domain.states import CommandRecord
from command_api.commands.store.rows import COLUMNS, at, ms_of, record_of
from csms_shared.db.tenancy import of_tenant
from csms_shared.runtime.clock import utc_now
from csms_shared.values.times import format_time_ms

_COLUMNS = (
    "command_group_id, tenant_id, action, ocpp_version, payload, site_id, tag, station_ids, "
    "hold_until, timeout_ms, created_by, created_at, position, expanded_at, cancelled_at, "
    "completed_at, counts"
)
_OPEN = "status IN ('waiting', 'pending', 'sent')"


async def add_group(connection: AsyncConnection, group: CommandGroup) -> None:
    """Store a new group; one that is stored already stays."""
    named = group.to.station_ids
    await connection.execute(
        insert(command_group)
        .values(
            command_group_id=group.command_group_id,
            tenant_id=group.tenant_id,
            action=group.action,
            ocpp_version=group.ocpp_version,
            payload=group.payload,
            site_id=group.to.site_id,
            tag=group.to.tag,
            station_ids=None if named is None else list(named),
            hold_until=at(group.hold_until_ms),
            timeout_ms=group.timeout_ms,
            created_by=group.created_by,
            created_at=at(group.created_ms),
        )
        .on_conflict_do_nothing(index_elements=["command_group_id"])
    )


async def get_group(
    connection: AsyncConnection, tenant_id: str, group_id: UUID
) -> CommandGroup | None:
    """Return one group of a tenant."""
    found = await connection.execute(select(command_group).where(_named(tenant_id, group_id)))
    row = found.first()
    return None if row is None else _group(row)


async def list_groups(
    connection: AsyncConnection,
    *,
    tenant_id: str,
    action: str | None,
    before: UUID | None,
    limit: int,
) -> list[CommandGroup]:
    """Return up to `limit` groups of a tenant, newest first, older than `before`."""
    newest = command_group.c.command_group_id.desc()
    mine = select(command_group).where(command_group.c.tenant_id == tenant_id)
    statement = mine.order_by(newest).limit(limit)
    if action is not None:
        statement = statement.where(command_group.c.action == action)
    if before is not None:
        statement = statement.where(command_group.c.command_group_id < before)
    return [_group(row) for row in await connection.execute(statement)]


async def counts_of(
    connection: AsyncConnection, groups: Sequence[CommandGroup]
) -> dict[UUID, dict[str, int]]:
    """Return how many commands of each group have which status: of those that are over, as kept."""
    kept = {one.command_group_id: one.counts for one in groups if one.counts is not None}
    others = [one.command_group_id for one in groups if one.counts is None]
    return {**kept, **(await count_commands(connection, others) if others else {})}


async def keep_counts(connection: AsyncConnection, counts: dict[UUID, dict[str, int]]) -> None:
    """Keep how the commands of groups have ended."""
    await connection.execute(
        text(
            "UPDATE command_group SET counts = CAST(new.counts AS json) "
            "FROM unnest(CAST(:ids AS uuid[]), CAST(:counts AS text[])) AS new (id, counts) "
            "WHERE command_group_id = new.id"
        ),
        {"ids": list(counts), "counts": [orjson.dumps(one).decode() for one in counts.values()]},
    )


async def count_commands(
    connection: AsyncConnection, group_ids: Sequence[UUID]
) -> dict[UUID, dict[str, int]]:
    """Return how many commands of each group have which status."""
    result = await connection.execute(
        text(
            "SELECT command_group_id, status, count(*) AS commands FROM commands "
            "WHERE command_group_id = ANY(:ids) GROUP BY command_group_id, status"
        ),
        {"ids": list(group_ids)},
    )
    counts: dict[UUID, dict[str, int]] = {id: {} for id in group_ids}
    for row in result:
        counts[row.command_group_id][row.status] = row.commands
    return counts


async def commands_of_group(
    connection: AsyncConnection,
    *,
    tenant_id: str,
    group_id: UUID,
    status: str | None,
    after: str,
    limit: int,
) -> list[CommandRecord]:
    """Return commands of a group in the order of their stations' ids."""
    condition = "" if status is None else "AND status = :status "
    given = {} if status is None else {"status": status}
    result = await connection.execute(
        text(
            f"SELECT {COLUMNS} FROM commands WHERE command_group_id = :id "  # noqa: S608
            f"AND {of_tenant()} AND station_id > :after {condition}ORDER BY station_id LIMIT :limit"
        ),
        {"id": group_id, "tenant_id": tenant_id, "after": after, "limit": limit, **given},
    )
    return [record_of(row) for row in result]


async def groups_to_expand(
    connection: AsyncConnection, most: int, but: Sequence[UUID]
) -> list[CommandGroup]:
    """Return groups whose next step has room, the oldest first, without some.

    Commands that are held for an operator wait for their stations, and are not under way.
    """
    result = await connection.execute(
        text(
            f"""
            SELECT command_group.* FROM command_group
            WHERE completed_at IS NULL AND expanded_at IS NULL AND cancelled_at IS NULL
              AND command_group_id <> ALL(:but)
              AND (SELECT count(*) FROM (
                    SELECT FROM commands
                    WHERE commands.command_group_id = command_group.command_group_id AND {_OPEN}
                      AND (status <> 'waiting' OR command_group.hold_until IS NULL)
                    LIMIT :most + 1) AS under_way) <= :most
            ORDER BY command_group_id LIMIT 100
            """  # noqa: S608 - a constant
        ),
        {"most": most, "but": list(but)},
    )
    return [_group(row) for row in result]


async def lock_step(connection: AsyncConnection, group: CommandGroup) -> bool:
    """Lock the group for its next step; false where another takes or has taken it."""
    found = await connection.execute(
        text(
            "SELECT 1 FROM command_group WHERE command_group_id = :id AND expanded_at IS NULL "
            "AND cancelled_at IS NULL AND position IS NOT DISTINCT FROM :position "
            "FOR UPDATE SKIP LOCKED"
        ),
        {"id": group.command_group_id, "position": group.position},
    )
    return found.first() is not None


async def end_step(connection: AsyncConnection, group: CommandGroup, position: str | None) -> None:
    """Store behind which the next stations are, None after the last."""
    await connection.execute(
        command_group.update()
        .where(command_group.c.command_group_id == group.command_group_id)
        .values(position=position, expanded_at=utc_now() if position is None else None)
    )


async def cancel_group(connection: AsyncConnection, tenant_id: str, group_id: UUID) -> None:
    """Have nothing more of a tenant's group sent, unless it is over."""
    await connection.execute(
        command_group.update()
        .where(
            _named(tenant_id, group_id),
            command_group.c.completed_at.is_(None),
            command_group.c.cancelled_at.is_(None),
        )
        .values(cancelled_at=utc_now())
    )


async def cancel_overdue(connection: AsyncConnection) -> None:
    """Cancel groups whose stations have not all got their command in time."""
    await connection.execute(
        text(
            "UPDATE command_group SET cancelled_at = now() WHERE completed_at IS NULL "
            "AND expanded_at IS NULL AND cancelled_at IS NULL "
            "AND created_at < now() - make_interval(days => :days)"
        ),
        {"days": EXPANDED_WITHIN_DAYS},
    )


async def lock_cancelled(connection: AsyncConnection, limit: int) -> list[CommandRecord]:
    """Return locked commands of cancelled groups that were not sent."""
    result = await connection.execute(
        text(
            f"""
            SELECT {COLUMNS} FROM commands
            WHERE command_group_id = ANY(ARRAY(
                SELECT command_group_id FROM command_group
                WHERE completed_at IS NULL AND cancelled_at IS NOT NULL))
              AND status = 'waiting'
            ORDER BY command_id LIMIT :limit FOR UPDATE SKIP LOCKED
            """  # noqa: S608 - a constant
        ),
        {"limit": limit},
    )
    return [record_of(row) for row in result]


async def complete_groups(connection: AsyncConnection, limit: int) -> list[CommandGroup]:
    """End groups of which nothing is open any more, and return them."""
    result = await connection.execute(
        text(
            f"""
            UPDATE command_group SET completed_at = :now WHERE command_group_id = ANY(ARRAY(
                SELECT command_group_id FROM command_group
                WHERE completed_at IS NULL
                  AND (expanded_at IS NOT NULL OR cancelled_at IS NOT NULL)
                  AND NOT EXISTS (
                    SELECT FROM commands
                    WHERE commands.command_group_id = command_group.command_group_id AND {_OPEN})
                ORDER BY command_group_id LIMIT :limit FOR UPDATE SKIP LOCKED))
            RETURNING {_COLUMNS}
            """  # noqa: S608 - a constant
        ),
        {"now": utc_now(), "limit": limit},
    )
    return [_group(row) for row in result]


def _named(tenant_id: str, group_id: UUID) -> ColumnElement[bool]:
    of_group = command_group.c.command_group_id == group_id
    return and_(of_group, command_group.c.tenant_id == tenant_id)


def _group(row: Row[Any]) -> CommandGroup:
    named = row.station_ids
    return CommandGroup(
        command_group_id=row.command_group_id,
        tenant_id=row.tenant_id,
        action=row.action,
        ocpp_version=row.ocpp_version,
        payload=row.payload,
        to=Addressed(row.site_id, row.tag, None if named is None else tuple(named)),
        hold_until_ms=None if row.hold_until is None else ms_of(row.hold_until),
        timeout_ms=row.timeout_ms,
        created_by=row.created_by,
        created_ms=ms_of(row.created_at),
        position=row.position,
        is_expanded=row.expanded_at is not None,
        is_cancelled=row.cancelled_at is not None,
        completed_ms=None if row.completed_at is None else ms_of(row.completed_at),
        counts=row.counts,
    )


def group_view(group: CommandGroup, counts: dict[str, int]) -> dict[str, Any]:
    """Return the group as REST and events show it."""
    ended = group.completed_ms
    return {
        "command_group_id": str(group.command_group_id),
        "tenant_id": group.tenant_id,
        "action": group.action,
        "ocpp_version": group.ocpp_version,
        "payload": shown_payload(group.ocpp_version, group.action, group.payload),
        "to": group.to.view,
        "status": group.status.value,
        "is_expanded": group.is_expanded,
        "commands": counts,
        "created_by": group.created_by,
        "created_at": format_time_ms(group.created_ms),
        "hold_until": None if group.hold_until_ms is None else format_time_ms(group.hold_until_ms),
        "completed_at": None if ended is None else format_time_ms(ended),
    }
