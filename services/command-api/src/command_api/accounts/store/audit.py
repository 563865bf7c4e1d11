"""Who changed what: written before the change, completed after it."""

from typing import Any

from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncConnection

from command_api.accounts.domain.roles import Principal
from command_api.accounts.tables import audit


async def record_write(
    connection: AsyncConnection, principal: Principal, address: str, method: str, path: str
) -> int:
    """Note what is about to be done, and return the note's id."""
    result = await connection.execute(
        insert(audit)
        .values(
            principal=principal.id,
            role=principal.role.value,
            address=address,
            method=method,
            path=path,
        )
        .returning(audit.c.id)
    )
    return int(result.scalar_one())


async def record_asked(connection: AsyncConnection, audit_id: int, asked: dict[str, Any]) -> None:
    """Note what it asks for."""
    await connection.execute(update(audit).where(audit.c.id == audit_id).values(asked=asked))


async def record_outcome(
    connection: AsyncConnection, audit_id: int, status: int, outcome: dict[str, Any] | None
) -> None:
    """Note how it ended; `outcome` are counts of what was done."""
    values: dict[str, Any] = {"status": status}
    if outcome is not None:
        values["outcome"] = outcome
    await connection.execute(update(audit).where(audit.c.id == audit_id).values(values))
