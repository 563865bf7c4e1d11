"""Deletions that cost by what is due, however much is stored."""

from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

SLICE = 5_000
# A plan that is kept may be of a time when the table was empty: it reads all of a table that has
# grown since, and compares each row with each place. So each slice is planned anew, by indexes.
_BY_INDEXES = text(
    "SELECT set_config('plan_cache_mode', 'force_custom_plan', true), "
    "set_config('enable_seqscan', 'off', true)"
)


async def delete_slice(
    connection: AsyncConnection, table: str, due: str, **parameters: Any
) -> bool:
    """Delete up to `SLICE` rows of a table; true where there were any, and may be more.

    `due` is what follows FROM in the query for their `ctid`, with `:slice` as its LIMIT. It has to
    find them by an index, and in its order. By their places they are deleted without another look
    at the table, which a planner takes for cheaper where many are due; a row that somebody changes
    meanwhile has another place, and stays until the next time.
    """
    await connection.execute(_BY_INDEXES)
    deleted = await connection.execute(
        text(
            f"WITH deleted AS (DELETE FROM {table} WHERE ctid = ANY(ARRAY("  # noqa: S608
            f"SELECT ctid FROM {due})) RETURNING 1) SELECT count(*) FROM deleted"
        ),
        {**parameters, "slice": SLICE},
    )
    return int(deleted.scalar_one()) > 0
