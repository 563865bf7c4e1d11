"""Numbers: whole ones as JSON and as text, decimals of samples, and the bounds of columns."""

import math
import re
from dataclasses import dataclass
from typing import Any

from pydantic_core import CoreSchema
from pydantic_core.core_schema import (
    float_schema,
    int_schema,
    no_info_before_validator_function,
)

INT32_MAX = 2**31 - 1
INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1

_DIGITS = re.compile(r"[+-]?\d{1,19}", re.ASCII)
_DECIMAL = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*", re.ASCII)
_NO_INTEGER = "must be a whole number"
_NO_NUMBER = "must be a number"


def as_integer(given: Any) -> int | None:
    """Return an integer of JSON that 64 bits hold, None where it is anything else.

    1.0 is an integer (JSON Schema, 6.1.1); true is none. The parser reads what 64 bits do not hold
    as a float, so that one at the lower bound may have been beyond it.
    """
    if isinstance(given, float) and given.is_integer() and given > INT64_MIN:
        given = int(given)
    return given if type(given) is int and INT64_MIN <= given <= INT64_MAX else None


def in_64_bits(number: int) -> int:
    """Return what was calculated of integers, or the bound of 64 bits that it lies beyond."""
    return max(INT64_MIN, min(INT64_MAX, number))


def parse_integer(text: str) -> int | None:
    """Return the number that ASCII digits with or without a sign write, None for other text."""
    stripped = text.strip()
    return as_integer(int(stripped)) if _DIGITS.fullmatch(stripped) else None


def parse_number(text: str) -> float | None:
    """Return a decimal, None where the text is none (signed data, "nan", an overflow)."""
    if _DECIMAL.fullmatch(text) is None:
        return None
    value = float(text)
    return value if math.isfinite(value) else None


def _of_json(given: Any) -> int:
    number = as_integer(given)
    if number is None:
        raise ValueError(_NO_INTEGER)
    return number


def _of_text(given: Any) -> int:
    number = parse_integer(given) if isinstance(given, str) else as_integer(given)
    if number is None:
        raise ValueError(_NO_INTEGER)
    return number


def _number_of_text(given: Any) -> float:
    number = parse_number(given) if isinstance(given, str) else given
    if not isinstance(number, int | float) or isinstance(number, bool):
        raise ValueError(_NO_NUMBER)
    return number


def _number_of_json(given: Any) -> float:
    if not isinstance(given, int | float) or isinstance(given, bool):
        raise ValueError(_NO_NUMBER)
    return given


@dataclass(frozen=True, slots=True)
class Whole:
    """Marks an `int` of a JSON document: an integer from `least` to `most`."""

    least: int
    most: int

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> CoreSchema:
        bounds = int_schema(ge=self.least, le=self.most)
        return no_info_before_validator_function(_of_json, bounds)


@dataclass(frozen=True, slots=True)
class WholeText(Whole):
    """Marks an `int` of a query or a path: digits that write an integer within the bounds."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> CoreSchema:
        bounds = int_schema(ge=self.least, le=self.most)
        return no_info_before_validator_function(_of_text, bounds)


@dataclass(frozen=True, slots=True)
class Number:
    """Marks a `float` of a JSON document, from `least` to `most`."""

    least: float
    most: float

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> CoreSchema:
        bounds = float_schema(ge=self.least, le=self.most, allow_inf_nan=False)
        return no_info_before_validator_function(_number_of_json, bounds)


@dataclass(frozen=True, slots=True)
class NumberText:
    """Marks a `float` of a query, from `least` to `most`."""

    least: float
    most: float

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> CoreSchema:
        bounds = float_schema(ge=self.least, le=self.most, allow_inf_nan=False)
        return no_info_before_validator_function(_number_of_text, bounds)
