"""No column holds an infinity in place of a time: Python has none, and no reader gets past one.

For migrations. A table that is new calls `require_finite_times` in the revision that makes it.
"""

# ruff: noqa: S608 - names come from the catalogue, quoted by the server

from collections.abc import Callable
from typing import NamedTuple

from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

_LOCK_WITHIN = "5s"

# Partitions have what their tables have.
_COLUMNS = text(
    "SELECT c.relname AS table_name, a.attname AS column_name, a.attnotnull AS required, "
    "left(c.relname || '_' || a.attname || '_finite', 63) AS name, k.convalidated AS checked "
    "FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid "
    "LEFT JOIN pg_constraint AS k ON k.conrelid = c.oid AND k.contype = 'c' "
    "AND k.conname = left(c.relname || '_' || a.attname || '_finite', 63) "
    "WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') "
    "AND NOT c.relispartition AND a.attnum > 0 AND NOT a.attisdropped "
    "AND a.atttypid = 'timestamptz'::regtype ORDER BY c.relname, a.attnum"
)


class _Time(NamedTuple):
    table: str
    column: str
    required: bool
    constraint: str
    # None: there is no such constraint. False: rows of before may break it.
    checked: bool | None


def require_finite_times(connection: Connection) -> None:
    """Give every time of the schema a check that it is finite, for new rows and changed ones.

    It keeps readers and writers off for a moment only; `validate_finite_times` checks the rows
    that are there.
    """
    connection.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_WITHIN}'"))
    quote = connection.dialect.identifier_preparer.quote
    for time in _times(connection):
        if time.checked is None:
            connection.execute(
                text(
                    f"ALTER TABLE {quote(time.table)} ADD CONSTRAINT {quote(time.constraint)} "
                    f"CHECK (isfinite({quote(time.column)})) NOT VALID"
                )
            )


def validate_finite_times(connection: Connection, mend: Callable[[Connection], None]) -> None:
    """Check all rows, while everybody goes on reading and writing.

    Only where some break it, `mend` is called, which is for the times that come from outside;
    whatever other time still is infinite after that becomes NULL, or the time of the migration.
    """
    quote = connection.dialect.identifier_preparer.quote
    times = _times(connection)
    for time in times:
        if time.checked is not False:
            continue
        validate = text(
            f"ALTER TABLE {quote(time.table)} VALIDATE CONSTRAINT {quote(time.constraint)}"
        )
        try:
            with connection.begin_nested():
                connection.execute(validate)
        except IntegrityError:
            mend(connection)
            _replace(connection, [other for other in times if other.table == time.table])
            connection.execute(validate)


def _replace(connection: Connection, times: list[_Time]) -> None:
    """Replace what is infinite in one table, all at once: each row is checked as a whole."""
    quote = connection.dialect.identifier_preparer.quote
    changes = ", ".join(
        f"{column} = CASE WHEN isfinite({column}) THEN {column} "
        f"ELSE {'now()' if time.required else 'NULL'} END"
        for time in times
        for column in [quote(time.column)]
    )
    infinite = " OR ".join(f"NOT isfinite({quote(time.column)})" for time in times)
    connection.execute(text(f"UPDATE {quote(times[0].table)} SET {changes} WHERE {infinite}"))


def _times(connection: Connection) -> list[_Time]:
    return [_Time(*row) for row in connection.execute(_COLUMNS)]
