"""What the statements of the stores are made of."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import TextClause, text

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def at(epoch_ms: int) -> datetime:
    """Return milliseconds since the Unix epoch as a time."""
    return _EPOCH + timedelta(milliseconds=epoch_ms)


def statement(sql: str) -> TextClause:
    """Return a statement to keep: parsed once."""
    return text(sql)
