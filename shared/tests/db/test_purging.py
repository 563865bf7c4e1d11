"""Deletions look at what is due, whatever the tables were like when they were first planned."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from csms_shared.db.purging import SLICE, delete_slice

# Enough for any driver to prepare a statement, and for the server to keep one plan of it.
_LOOKS = 20
_ROWS = 4 * SLICE
_DUE = "outbox WHERE published_at < now() ORDER BY id LIMIT :slice"


async def _purge(connection: AsyncConnection) -> tuple[bool, int]:
    """Return whether something was deleted, and how often the whole table was read for it."""
    read = text(
        "SELECT coalesce(sum(seq_scan), 0) FROM pg_stat_xact_user_tables WHERE relname = 'outbox'"
    )
    async with connection.begin():
        # What this connection did before may not have been reported yet.
        before = (await connection.execute(read)).scalar_one()
        more = await delete_slice(connection, "outbox", _DUE)
        return more, int((await connection.execute(read)).scalar_one() - before)


async def test_a_table_that_has_grown_since_it_was_looked_at_first_is_not_read_whole(
    engine: AsyncEngine,
) -> None:
    async with engine.connect() as connection:
        async with connection.begin():
            await connection.execute(text("DELETE FROM outbox"))
        for _ in range(_LOOKS):
            assert not (await _purge(connection))[0]
        async with connection.begin():
            await connection.execute(
                text(
                    "INSERT INTO outbox (routing_key, events, event_count, published_at) "
                    "SELECT 'number.counted', '[{}]', 1, now() - interval '1 hour' "
                    "FROM generate_series(1, :rows)"
                ),
                {"rows": _ROWS},
            )
        for _ in range(_ROWS // SLICE):
            assert await _purge(connection) == (True, 0)
        assert not (await _purge(connection))[0]
