"""Cursors: what a list gave comes back as it was, anything else is refused in one way."""

import base64
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

import orjson
import pytest
from asyncpg.pgproto import pgproto

from csms_shared.db.cursors import (
    BadCursor,
    Kind,
    as_digest,
    as_int32,
    as_int64,
    as_moment,
    as_text,
    as_uuid,
    decode_cursor,
    encode_cursor,
)

AT = datetime(2026, 11, 21, 18, 0, 0, 123456, tzinfo=UTC)
ID = UUID("01998000-0000-7000-8000-000000000000")


def cursor_of(key: object) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(key)).decode().rstrip("=")


def test_a_cursor_comes_back_as_the_key_that_it_was_made_of() -> None:
    cursor = encode_cursor(AT, ID, b"\x00\xff", "ß/+", -(2**63), 2**31 - 1)
    assert decode_cursor(cursor, as_moment, as_uuid, as_digest, as_text, as_int64, as_int32) == [
        AT,
        ID,
        b"\x00\xff",
        "ß/+",
        -(2**63),
        2**31 - 1,
    ]


def test_a_uuid_as_the_driver_returns_it_is_as_good_as_any() -> None:
    assert encode_cursor(pgproto.UUID(str(ID))) == encode_cursor(ID)


@pytest.mark.parametrize("cursor", ["", "x", "é", "%%%", "e30", cursor_of([]), cursor_of("a")])
def test_what_is_no_cursor_at_all_is_refused(cursor: str) -> None:
    with pytest.raises(BadCursor) as refused:
        decode_cursor(cursor, as_text)
    problem = refused.value.problem
    assert (problem.status, problem.code) == (422, "bad_cursor")
    assert [error.field for error in problem.errors] == ["cursor"]


@pytest.mark.parametrize(
    ("key", "kinds"),
    [
        (["a"], [as_text, as_text]),
        (["a", "b"], [as_text]),
        ([1], [as_text]),
        (["a\0"], [as_text]),
        (["1"], [as_int64]),
        ([True], [as_int64]),
        ([1.0], [as_int64]),
        ([2**63], [as_int64]),
        ([2**31], [as_int32]),
        ([-(2**31) - 1], [as_int32]),
        (["yesterday"], [as_moment]),
        (["2026-11-21T18:00:00"], [as_moment]),
        (["0001-01-01T00:00:00+14:00"], [as_moment]),
        (["9999-12-31T23:59:59-14:00"], [as_moment]),
        ([0], [as_moment]),
        (["0"], [as_uuid]),
        (["0g"], [as_digest]),
    ],
)
def test_a_part_that_its_column_could_not_hold_makes_the_cursor_a_bad_one(
    key: list[object], kinds: Sequence[Kind]
) -> None:
    with pytest.raises(BadCursor):
        decode_cursor(cursor_of(key), *kinds)
