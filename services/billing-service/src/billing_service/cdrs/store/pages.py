"""Reading charge detail records, in the order of their numbers."""

from typing import Any
from uuid import UUID

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from billing_service.cdrs.tables import cdr
from csms_shared.contracts.billing import ListCdrs

_SHOWN = (cdr.c.position, cdr.c.document, cdr.c.missing)


async def page_of_records(
    connection: AsyncConnection, asked: ListCdrs
) -> tuple[list[Row[Any]], bool]:
    """Return records after a number, and whether there are more."""
    statement = select(*_SHOWN).where(
        cdr.c.tenant_id == asked.tenant_id, cdr.c.position > asked.after
    )
    if asked.from_time is not None:
        statement = statement.where(cdr.c.created_at >= asked.from_time)
    if asked.to_time is not None:
        statement = statement.where(cdr.c.created_at < asked.to_time)
    found = await connection.execute(statement.order_by(cdr.c.position).limit(asked.limit + 1))
    rows: list[Row[Any]] = [*found]
    return rows[: asked.limit], len(rows) > asked.limit


async def record_of(connection: AsyncConnection, tenant_id: str, cdr_id: UUID) -> Row[Any] | None:
    """Return a record, if the tenant has it."""
    statement = select(*_SHOWN).where(cdr.c.tenant_id == tenant_id, cdr.c.cdr_id == cdr_id)
    found: Any = await connection.execute(statement)
    row: Row[Any] | None = found.first()
    return row
