"""Text from stations, made fit to be stored."""

from typing import Any


def fit(value: Any, longest: int) -> str | None:
    """Return the text without NUL, which PostgreSQL stores nowhere, and cut to `longest`."""
    if value is None:
        return None
    return str(value).replace("\0", "")[:longest]
