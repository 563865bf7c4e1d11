"""Opaque cursors of paged lists: the sort key of the last row that was shown."""

import base64
import binascii

import orjson


class BadCursor(ValueError):
    """The cursor was not made by this service, or for another list."""


def encode_cursor(*key: str | int) -> str:
    """Return the cursor of the row with this sort key."""
    return base64.urlsafe_b64encode(orjson.dumps(key)).decode().rstrip("=")


def decode_cursor(cursor: str, *kinds: type) -> list[str | int]:
    """Return the sort key in a cursor, whose parts must be of these kinds.

    Raises:
        BadCursor: it is not such a cursor.
    """
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        key = orjson.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError) as error:
        raise BadCursor("the cursor is not one of ours") from error
    if (
        not isinstance(key, list)
        or len(key) != len(kinds)
        or not all(type(part) is kind for part, kind in zip(key, kinds, strict=True))
        or not all(map(_fits_a_column, key))
    ):
        raise BadCursor("the cursor belongs to another list")
    return key


def _fits_a_column(part: str | int) -> bool:
    """Tell whether a part that anybody may have made up can be compared with a column at all."""
    return "\0" not in part if isinstance(part, str) else abs(part) < 2**63
