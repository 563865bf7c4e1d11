"""A whole batch in one statement: its rows go to the database as one array per column.

_ROW = columns_of(commands, "command_id", "status", key=Text())
text(f"INSERT INTO commands (command_id, status) SELECT command_id, status FROM {unnest(_ROW)}")
connection.execute(statement, arrays(_ROW, rows))

Types are said once, in the table. One array that is compared with a column, or stored in one, needs
no cast either: in `id = ANY(:ids)` PostgreSQL gives it the type of the column.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import JSON, Table, Text
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import ARRAY, TypeEngine

Columns = Sequence[tuple[str, str]]
_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]


def columns_of(table: Table, *names: str, **others: TypeEngine[Any]) -> Columns:
    """Return the (name, type) of columns of a table, then those of `others` that it has not.

    JSON and arrays are sent as text, which the statement casts: of arrays, PostgreSQL makes
    rectangular ones only. Rows have no collation: where their order matters, the statement says it.

    Raises:
        KeyError: the table has no such column.
    """
    types = {name: table.columns[name].type for name in names} | others
    return tuple((name, _sql_type(type_)) for name, type_ in types.items())


def names(columns: Columns) -> str:
    """Return the columns' names as a list in SQL."""
    return ", ".join(name for name, _ in columns)


def unnest(columns: Columns, alias: str = "d") -> str:
    """Return SQL for rows given as one array per column."""
    casts = ", ".join(f"CAST(:{name} AS {type_}[])" for name, type_ in columns)
    return f"unnest({casts}) AS {alias}({names(columns)})"


def arrays(columns: Columns, rows: Iterable[Sequence[Any]]) -> dict[str, list[Any]]:
    """Return the parameters of `unnest`: one list per column."""
    lists: tuple[Sequence[Any], ...] = tuple(zip(*rows, strict=True)) or ((),) * len(columns)
    return {name: list(values) for (name, _), values in zip(columns, lists, strict=True)}


def _sql_type(type_: TypeEngine[Any]) -> str:
    sent = Text() if isinstance(type_, JSON | ARRAY | Text) else type_
    return str(sent.compile(dialect=_DIALECT))
