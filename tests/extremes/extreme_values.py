"""The greatest, the least and the oddest values of each type, and those of others beside them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

TIMES = (
    "0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000001Z", "0001-01-01T00:00:00+14:00",
    "0000-00-00T00:00:00Z", "0000-01-01T00:00:00Z", "1582-10-04T23:59:59Z", "1900-01-01T00:00:00Z",
    "1969-12-31T23:59:59Z", "1970-01-01T00:00:00Z", "1970-01-01T00:00:00+14:00",
    "2024-02-29T23:59:59.999999999Z", "2025-02-29T00:00:00Z", "2026-12-31T23:59:60Z",
    "2026-12-31T24:00:00Z", "2026-01-01T00:00:00-23:59", "2038-01-19T03:14:08Z",
    "2099-12-31T23:59:59.999Z", "2100-01-01T00:00:00Z", "2100-01-01T00:00:00.001Z",
    "9998-12-31T23:59:59Z", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59.999999Z",
    "9999-12-31T23:59:59-14:00", "9999-12-31T24:00:00Z", "10000-01-01T00:00:00Z",
    "+275760-09-13T00:00:00Z", "-0001-01-01T00:00:00Z", "4714-11-24 BC", "infinity", "-infinity",
    "epoch", "now", "2026-11-21", "2026-11-21 02:00:00", "20261121T020000Z", "2026-W47-6T02:00:00Z",
    "1795226400", "1795226400000",
)  # fmt: skip
TEXTS = (
    "", " ", "\t\r\n", "\u0000", "a\u0000b", "\ud800", "a\udfffb", "\u202e", "\ufeff", "\uffff",
    "é" * 25, "😀" * 20, "x" * 20, "x" * 21, "x" * 36, "x" * 50, "x" * 51, "x" * 255, "x" * 256,
    "x" * 501, "x" * 70_000, "NaN", "Infinity", "-inf", "null", "None", "true", "0", "-1", "1_000",
    "1e999", "9" * 400, "2147483648", "9223372036854775808", "0x10", "٣", "{}", "[]", "{0}", "%s",
    "%00", "../../etc", "a/b", "?#&=", "'; DROP TABLE transaction; --", "$1", "\\", '"', "<b>",
    "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff",
)  # fmt: skip
INTEGERS = (
    0, -1, 1, 255, 256, 32767, 32768, 2**31 - 1, 2**31, 2**31 + 1, -(2**31), -(2**31) - 1,
    2**32, 2**53, 2**53 + 1, 2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 2**64 - 1, 2**64, 10**40,
    -(10**40),
)  # fmt: skip
NUMBERS = (
    0.5, -0.5, -0.0, 1.0, 1e-7, 5e-324, 1e15, 1e16, 1.7976931348623157e308, -1e308, 2147483647.5,
    9.223372036854775807e18, float("nan"), float("inf"), float("-inf"),
)  # fmt: skip
FLAGS = (True, False)


# Deeper than the standard library writes; `written` makes arrays of them.
_DEEP = {f"@{levels} levels@": levels for levels in (60, 70, 260, 990, 1_100)}

SHAPES: tuple[object, ...] = (
    None, [], {}, [[]], [None], [{}], {"": None}, {"a": {"b": []}}, [0] * 1_000,
    *_DEEP,
)  # fmt: skip
ALL = (*TIMES, *TEXTS, *INTEGERS, *NUMBERS, *FLAGS, *SHAPES)
# What of each other type is tried everywhere.
_OF_OTHERS: tuple[object, ...] = (
    "", "x", "1", "true", TIMES[0], 0, 1, 2**63, 1.0, float("nan"), True, False, None, [], {},
    SHAPES[-1],
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Extreme:
    """A value to try; a short run tries more of those that are `likely` to find something."""

    value: object
    likely: bool


def extremes_of(valid: object) -> Iterator[Extreme]:
    """Yield the extremes of a valid value's type, and some of every other."""
    own: tuple[object, ...]
    match valid:
        case bool():
            own = FLAGS
        case int():
            own = (*INTEGERS, 0.5, 1.0)
        case float():
            own = (*INTEGERS, *NUMBERS)
        case str() if _is_time(valid):
            own = TIMES
        case str():
            own = TEXTS
        case _:
            own = SHAPES
    likely = isinstance(valid, int | float) or _is_time(valid)
    yield from (Extreme(value, likely) for value in own)
    yield from (Extreme(value, likely=False) for value in _OF_OTHERS)


def _is_time(valid: object) -> bool:
    return isinstance(valid, str) and valid.startswith("20") and "T" in valid


def written(document: object) -> str:
    """Return a document as JSON, and as more than that: NaN and lone surrogates are written too."""
    text = json.dumps(document)
    for mark, levels in _DEEP.items():
        text = text.replace(f'"{mark}"', "[" * levels + "]" * levels)
    return text
