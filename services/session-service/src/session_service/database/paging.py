"""What paged reads have in common: spans of time, a bound, and whether there is more."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Row,
    Select,
)
from sqlalchemy.ext.asyncio import AsyncConnection

PageRows = tuple[list[Row[Any]], str | None]


def between(
    column: Column[Any], beginning: datetime | None, end: datetime | None
) -> list[ColumnElement[bool]]:
    """Return the conditions of a time from `beginning` on and before `end`."""
    conditions: list[ColumnElement[bool]] = []
    if beginning is not None:
        conditions.append(column >= beginning)
    if end is not None:
        conditions.append(column < end)
    return conditions


async def limited(
    connection: AsyncConnection, statement: Select[Any], limit: int
) -> tuple[list[Row[Any]], bool]:
    """Return at most `limit` rows, and whether there are more."""
    rows = list(await connection.execute(statement.limit(limit + 1)))
    return rows[:limit], len(rows) > limit
