"""What holds between the fields of a body, in JSON Schema: for documentation, beside the check."""

from typing import Any

Schema = dict[str, Any]

# At least one character that `str.strip` leaves, and no NUL.
NOT_BLANK = (
    r"^[^\u0000]*[^\u0000\u0009-\u000d\u001c-\u0020\u0085\u00a0\u1680\u2000-\u200a"
    r"\u2028\u2029\u202f\u205f\u3000][^\u0000]*$"
)


def given(*names: str) -> Schema:
    """Return what holds where all of these fields are given, and none as null."""
    return {
        "required": list(names),
        "properties": {name: {"not": {"type": "null"}} for name in names},
    }


def left_out(*names: str) -> Schema:
    """Return what holds where none of these fields is given, but as null."""
    return {"properties": {name: {"type": "null"} for name in names}}


def any_given(*names: str) -> Schema:
    """Return what holds where at least one of these fields is given."""
    return {"anyOf": [given(name) for name in names]}


def one_given(*names: str) -> Schema:
    """Return what holds where exactly one of these fields is given."""
    return {"oneOf": [given(name) for name in names]}


def at_most_one_given(*names: str) -> Schema:
    """Return what holds where one of these fields is given, or none."""
    return {"oneOf": [*(_alone(name, names) for name in names), left_out(*names)]}


def _alone(name: str, names: tuple[str, ...]) -> Schema:
    others = left_out(*(other for other in names if other != name))
    return {"allOf": [given(name), others]}
