"""Arrays as a relation: how a whole batch becomes one statement."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import TextClause, text

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def at(epoch_ms: int) -> datetime:
    """Return milliseconds since the Unix epoch as a time."""
    return _EPOCH + timedelta(milliseconds=epoch_ms)


def unnest(columns: Sequence[tuple[str, str]]) -> str:
    """Return SQL for rows given as one array per column; `columns` are (name, type)."""
    arrays = ", ".join(f"CAST(:{name} AS {type_}[])" for name, type_ in columns)
    names = ", ".join(name for name, _ in columns)
    return f"unnest({arrays}) AS d({names})"


def arrays(columns: Sequence[tuple[str, str]], rows: Iterable[Sequence[Any]]) -> dict[str, Any]:
    """Return the parameters of `unnest`: one list per column."""
    lists: tuple[Sequence[Any], ...] = tuple(zip(*rows, strict=True)) or ((),) * len(columns)
    return {name: list(values) for (name, _), values in zip(columns, lists, strict=True)}


def statement(sql: str) -> TextClause:
    """Return a statement to keep: parsed once."""
    return text(sql)
