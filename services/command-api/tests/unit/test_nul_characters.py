"""Which field of a request holds a NUL."""

import pytest

from command_api.http.requests.nul_characters import fields_of_json, fields_of_query


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (rb'{"a": "b"}', []),
        (rb'{"a": "\u0000", "b": [1, {"c": "x\u0000"}]}', ["a", "b.1.c"]),
        (rb'{"a\u0000": 1}', ["body"]),
        (rb'"\u0000"', ["body"]),
        (rb'{"a": "\\u0000"}', []),
        (b"[" * 1000 + rb'"\u0000"' + b"]" * 1000, [".".join("0" * 1000)]),
        (rb'{"a": NaN, "b": "\u0000"}', ["body"]),
    ],
)
def test_fields_of_json_that_hold_nul_are_named(body: bytes, fields: list[str]) -> None:
    assert fields_of_json(body) == fields


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        (b"", []),
        (b"q=a&limit=1", []),
        (b"limit=1&type=a%00b", ["type"]),
        (b"%00=1", ["query"]),
        (b"cursor=%00&type=%00", ["type"]),
        (b"changed_after=a%00", []),
        (b"a%20b=%00&c=%00", ["a b", "c"]),
    ],
)
def test_parameters_that_hold_nul_are_named(query: bytes, fields: list[str]) -> None:
    assert fields_of_query(query) == fields
