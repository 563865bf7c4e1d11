"""Opaque cursors of paged lists: the sort key of the last row that was shown.

Whoever asks may have made a cursor up, so each part is read as what its column can be compared
with: a part of another kind, or beyond what the column holds, makes the cursor a bad one.
"""

import base64
import binascii
from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from csms_shared.contracts.refusals import ProblemRaised
from csms_shared.contracts.requests import FieldProblem, Problem
from csms_shared.values.texts import is_storable
from csms_shared.values.times import parse_time

Kind = Callable[[Any], Any]


class BadCursor(ProblemRaised):
    """The cursor was not given by this list: 422 `bad_cursor`, whoever reads it."""

    def __init__(self, parameter: str = "cursor") -> None:
        field = FieldProblem(field=parameter, message="is not one that this list gave")
        super().__init__(
            Problem(
                status=422,
                code="bad_cursor",
                detail="the cursor is not one that this list gave",
                errors=(field,),
            )
        )


def encode_cursor(*key: str | int | datetime | UUID | bytes) -> str:
    """Return the cursor of the row with this sort key."""
    return base64.urlsafe_b64encode(orjson.dumps(key, default=_written)).decode().rstrip("=")


def _written(part: Any) -> str:
    # A UUID from the database is of a class of the driver's own, which orjson does not know.
    return part.hex() if isinstance(part, bytes) else str(part)


def decode_cursor(cursor: str, *kinds: Kind, parameter: str = "cursor") -> list[Any]:
    """Return the sort key in a cursor, each part read by its kind, one of those below.

    `parameter`: where the cursor was given.

    Raises:
        BadCursor: it is not such a cursor.
    """
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        key = orjson.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        if not isinstance(key, list):
            raise ValueError("no sort key")
        return [kind(part) for kind, part in zip(kinds, key, strict=True)]
    except (binascii.Error, ValueError, OverflowError) as error:
        raise BadCursor(parameter) from error


def as_text(part: Any) -> str:
    """Read a text."""
    if not isinstance(part, str) or not is_storable(part):
        raise ValueError("no text")
    return part


def as_int64(part: Any) -> int:
    """Read a number of a bigint column."""
    return _integer(part, 63)


def as_int32(part: Any) -> int:
    """Read a number of an integer column."""
    return _integer(part, 31)


def as_moment(part: Any) -> datetime:
    """Read a time, which has a zone; in UTC."""
    read = parse_time(as_text(part))
    if read is None or read.zone_missing:
        raise ValueError("no time with a zone")
    return read.said


def as_uuid(part: Any) -> UUID:
    """Read a UUID."""
    return UUID(as_text(part))


def as_digest(part: Any) -> bytes:
    """Read bytes, written in hexadecimal."""
    return bytes.fromhex(as_text(part))


def _integer(part: Any, bits: int) -> int:
    if type(part) is not int or not -(2**bits) <= part < 2**bits:
        raise ValueError("no number of this column")
    return part
