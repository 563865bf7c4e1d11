"""Who changed what: written before the change, completed after it."""

from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncConnection

from command_api.domain.roles import Principal
from command_api.store.tables import audit


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


async def record_outcome(connection: AsyncConnection, audit_id: int, status: int) -> None:
    """Note how it ended."""
    await connection.execute(update(audit).where(audit.c.id == audit_id).values(status=status))
