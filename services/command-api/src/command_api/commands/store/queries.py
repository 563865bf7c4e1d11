"""Reading commands."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from command_api.commands.domain.states import CommandRecord, CommandStatus
from command_api.commands.store.rows import COLUMNS, record_of
from command_api.commands.tables import commands
from csms_shared.db.tenancy import of_tenant
from csms_shared.runtime.clock import utc_now

_ONE = text(
    f"SELECT {COLUMNS} FROM commands WHERE command_id = :id AND {of_tenant()}"  # noqa: S608 - constants
)


async def get_command(
    connection: AsyncConnection, tenant_id: str, command_id: UUID
) -> CommandRecord | None:
    """Return one command of a tenant."""
    row = (await connection.execute(_ONE, {"id": command_id, "tenant_id": tenant_id})).first()
    return None if row is None else record_of(row)


async def stored_among(connection: AsyncConnection, ids: Sequence[UUID]) -> set[UUID]:
    """Return the ids of which there are commands."""
    result = await connection.execute(
        text("SELECT command_id FROM commands WHERE command_id = ANY(:ids)"),
        {"ids": list(ids)},
    )
    return {row.command_id for row in result}


async def get_commands(
    connection: AsyncConnection, tenant_id: str, ids: Sequence[UUID]
) -> list[CommandRecord]:
    """Return commands of a tenant, newest first."""
    rows = await connection.execute(
        select(commands)
        .where(commands.c.tenant_id == tenant_id, commands.c.command_id == func.any(list(ids)))
        .order_by(commands.c.command_id.desc())
    )
    return [record_of(row) for row in rows]


@dataclass(frozen=True, slots=True)
class CommandFilter:
    """Which commands of a tenant: everything given must be so; older than `before`."""

    tenant_id: str
    station_id: str | None = None
    action: str | None = None
    status: CommandStatus | None = None
    before: UUID | None = None


async def list_commands(
    connection: AsyncConnection, wanted: CommandFilter, limit: int
) -> list[CommandRecord]:
    """Return up to `limit` commands, newest first."""
    statement = _listed(select(commands), wanted, limit)
    return [record_of(row) for row in await connection.execute(statement)]


async def stations_of_commands(
    connection: AsyncConnection, wanted: CommandFilter, limit: int
) -> list[tuple[UUID, str]]:
    """Return ids and stations of up to `limit` commands, newest first."""
    statement = _listed(select(commands.c.command_id, commands.c.station_id), wanted, limit)
    rows = await connection.execute(statement)
    return [(row.command_id, row.station_id) for row in rows]


def _listed(statement: Select[Any], wanted: CommandFilter, limit: int) -> Select[Any]:
    statement = statement.where(commands.c.tenant_id == wanted.tenant_id)
    statement = statement.order_by(commands.c.command_id.desc()).limit(limit)
    if wanted.station_id is not None:
        statement = statement.where(commands.c.station_id == wanted.station_id)
    if wanted.action is not None:
        statement = statement.where(commands.c.action == wanted.action)
    if wanted.status is not None:
        statement = statement.where(commands.c.status == wanted.status.value)
    if wanted.before is not None:
        statement = statement.where(commands.c.command_id < wanted.before)
    return statement


async def stations_with_waiting(
    connection: AsyncConnection, among: Sequence[str] | None, after: str, limit: int
) -> list[str]:
    """Return stations that commands wait for, in order, `among` some or all."""
    parameters: dict[str, Any] = {"after": after, "limit": limit, "now": utc_now()}
    condition = ""
    if among is not None:
        condition = "AND station_id = ANY(:among) "
        parameters["among"] = list(among)
    result = await connection.execute(
        text(
            "SELECT DISTINCT station_id FROM commands WHERE status = 'waiting' "  # noqa: S608
            f"AND deadline > CAST(:now AS timestamptz) AND station_id > :after {condition}"
            "ORDER BY station_id LIMIT :limit"
        ),
        parameters,
    )
    return [row.station_id for row in result]
