"""No table of any service can hold an infinity in place of a time."""

from typing import Any

import asyncpg

from csms_local.run_state import RunState

_SCHEMAS = ["registry", "session", "command"]
# Partitions too, which inherit what their tables have, and what nobody has made yet.
_TIMES = """
    SELECT n.nspname AS schema, c.relname AS table, a.attname AS column, a.atttypid::regtype::text
        AS type, array_agg(pg_get_constraintdef(k.oid)) FILTER (WHERE k.convalidated) AS checks
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_constraint AS k ON k.conrelid = c.oid AND k.contype = 'c'
        AND k.conkey = ARRAY[a.attnum]
    WHERE n.nspname = ANY($1) AND c.relkind IN ('r', 'p')
        AND a.atttypid IN ('timestamptz'::regtype, 'timestamp'::regtype, 'date'::regtype)
    GROUP BY n.nspname, c.relname, a.attname, a.atttypid
"""


async def _times(run: RunState) -> list[asyncpg.Record]:
    connection: asyncpg.Connection[Any] = await asyncpg.connect(run.database_url)
    try:
        found: list[asyncpg.Record] = await connection.fetch(_TIMES, _SCHEMAS)
        return found
    finally:
        await connection.close()


async def test_every_time_in_every_table_is_checked_to_be_finite(run: RunState) -> None:
    times = await _times(run)
    assert {time["schema"] for time in times} == {*_SCHEMAS}
    unchecked = [
        f"{time['schema']}.{time['table']}.{time['column']}"
        for time in times
        if time["type"] not in ("timestamp with time zone", "date")
        or f"CHECK (isfinite({time['column']}))" not in (time["checks"] or ())
    ]
    assert unchecked == []
