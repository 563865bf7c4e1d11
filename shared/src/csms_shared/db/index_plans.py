"""Plans that go by indexes, whatever the server takes a table for."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_BY_INDEXES = text(
    "SELECT set_config('plan_cache_mode', 'force_custom_plan', true), "
    "set_config('enable_seqscan', 'off', true)"
)


async def plan_by_indexes(connection: AsyncConnection) -> None:
    """Have each statement of this transaction planned anew, by indexes where it can be.

    A plan that is kept, and statistics, may be of a time when a table was empty: by them all of a
    table that has grown since is read.
    """
    await connection.execute(_BY_INDEXES)
