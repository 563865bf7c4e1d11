"""Deletions that cost by what is due, however much is stored."""

from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.db.index_plans import plan_by_indexes

SLICE = 5_000


async def delete_slice(
    connection: AsyncConnection, table: str, due: str, **parameters: Any
) -> bool:
    """Delete up to `SLICE` rows of a table; true where there were any, and may be more.

    `due` is what follows FROM in the query for their `ctid`, with `:slice` as its LIMIT. It has to
    find them by an index, and in its order. By their places they are deleted without another look
    at the table, which a planner takes for cheaper where many are due; a row that somebody changes
    meanwhile has another place, and stays until the next time.
    """
    # A plan of an empty table compares each row with each place.
    await plan_by_indexes(connection)
    deleted = await connection.execute(
        text(
            f"WITH deleted AS (DELETE FROM {table} WHERE ctid = ANY(ARRAY("  # noqa: S608
            f"SELECT ctid FROM {due})) RETURNING 1) SELECT count(*) FROM deleted"
        ),
        {**parameters, "slice": SLICE},
    )
    return int(deleted.scalar_one()) > 0
