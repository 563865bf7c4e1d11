"""Numbers and flags from outside."""

from typing import Annotated

import orjson
import pytest
from pydantic import TypeAdapter, ValidationError

from csms_shared.values.flags import Flag, FlagText
from csms_shared.values.numbers import (
    INT64_MAX,
    INT64_MIN,
    NumberText,
    Whole,
    WholeText,
    as_integer,
    parse_integer,
    parse_number,
)


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        ("12", 12.0),
        (" -1.5 ", -1.5),
        ("+.5e3", 500.0),
        ("1e999", None),
        ("nan", None),
        ("1_0", None),
        ("", None),
        ("٣", None),
    ],
)
def test_text_becomes_a_number_only_where_it_is_one(raw: str, value: float | None) -> None:
    assert parse_number(raw) == value


_ANY = TypeAdapter[int](Annotated[int, Whole(INT64_MIN, INT64_MAX)])
_ANY_TEXT = TypeAdapter[int](Annotated[int, WholeText(INT64_MIN, INT64_MAX)])
_SECONDS = TypeAdapter[float](Annotated[float, NumberText(0, 60)])


def test_the_bounds_of_a_number_are_checked_and_documented() -> None:
    few = TypeAdapter[int | None](Annotated[int, Whole(1, 3)] | None)
    assert few.validate_python(3) == 3
    for given in (0, 4):
        with pytest.raises(ValidationError, match="than or equal to"):
            few.validate_python(given)
    assert few.json_schema()["anyOf"][0] == {"type": "integer", "minimum": 1, "maximum": 3}


@pytest.mark.parametrize("number", [0, -1, INT64_MAX, INT64_MIN, 2.0])
def test_an_integer_of_json_is_one_also_where_it_is_written_with_a_point(number: float) -> None:
    assert as_integer(number) == number
    assert type(as_integer(number)) is int
    assert _ANY.validate_python(number) == number


@pytest.mark.parametrize(
    "given",
    [True, False, None, "1", 1.5, INT64_MAX + 1, INT64_MIN - 1, 1e300, float("inf"), [], {},
     # What the parser makes of one below the bound.
     orjson.loads(str(INT64_MIN - 1))],
)  # fmt: skip
def test_what_only_looks_like_an_integer_is_refused(given: object) -> None:
    assert as_integer(given) is None
    with pytest.raises(ValidationError, match="whole number"):
        _ANY.validate_python(given)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("7", 7),
        ("-7", -7),
        (" 007 ", 7),
        (str(INT64_MAX), INT64_MAX),
        (str(INT64_MAX + 1), None),
        ("9" * 5000, None),
        ("", None),
        ("1.0", None),
        ("1_0", None),
        ("٣", None),
        ("true", None),
    ],
)
def test_text_is_an_integer_only_where_digits_write_one(text: str, number: int | None) -> None:
    assert parse_integer(text) == number
    if number is None:
        with pytest.raises(ValidationError, match="whole number"):
            _ANY_TEXT.validate_python(text)


@pytest.mark.parametrize("text", ["", "nan", "inf", "1e999", "1_0", "true", "61"])
def test_a_number_in_a_query_is_a_decimal(text: str) -> None:
    assert _SECONDS.validate_python("1.5") == 1.5
    with pytest.raises(ValidationError, match="number"):
        _SECONDS.validate_python(text)


@pytest.mark.parametrize("given", [0, 1, "true", "", None, 1.0, []])
def test_a_flag_of_json_is_true_or_false_and_nothing_else(given: object) -> None:
    assert TypeAdapter(Flag).validate_python(True) is True
    with pytest.raises(ValidationError, match="true or false"):
        TypeAdapter(Flag).validate_python(given)


@pytest.mark.parametrize(
    ("text", "flag"),
    [("true", True), ("False", False), ("1", True), ("0", False), ("", None), ("2", None)],
)
def test_a_flag_in_a_query_is_a_word_or_a_digit(text: str, flag: bool | None) -> None:
    if flag is None:
        with pytest.raises(ValidationError, match="true or false"):
            TypeAdapter(FlagText).validate_python(text)
    else:
        assert TypeAdapter(FlagText).validate_python(text) is flag
