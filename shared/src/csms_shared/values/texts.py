"""Texts made fit for PostgreSQL, which stores no NUL (8.3), and no more than is wanted of them."""

from typing import Any


def is_storable(text: str) -> bool:
    """Tell whether a column can hold the text, or can be compared with it."""
    return "\0" not in text


def storable(value: Any) -> str:
    """Return the value as text, without NUL."""
    text = value if type(value) is str else str(value)
    return text.replace("\0", "") if "\0" in text else text


def fit(value: Any, longest: int) -> str | None:
    """Return the value as text without NUL, cut to `longest`; nothing stays nothing."""
    return None if value is None else storable(value)[:longest]
