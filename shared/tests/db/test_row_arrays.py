"""Rows as one array per column, against a real PostgreSQL."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from csms_shared.db.engine import create_engine
from csms_shared.db.row_arrays import arrays, columns_of, names, unnest

THING = Table(
    "thing",
    MetaData(),
    Column("id", Uuid),
    Column("number", BigInteger),
    Column("small", SmallInteger),
    Column("name", Text),
    Column("at", DateTime(True)),
    Column("hash", LargeBinary),
    Column("done", Boolean),
    Column("value", Float(53)),
    Column("document", JSON),
    Column("flags", ARRAY(Text)),
)
COLUMNS = columns_of(THING, *(column.name for column in THING.columns), count=Integer())


def test_types_are_those_of_the_table_and_names_are_given_once() -> None:
    some = columns_of(THING, "number", "at", "document", count=Integer())
    assert names(some) == "number, at, document, count"
    assert unnest(some, "given") == (
        "unnest(CAST(:number AS BIGINT[]), CAST(:at AS TIMESTAMP WITH TIME ZONE[]), "
        "CAST(:document AS TEXT[]), CAST(:count AS INTEGER[])) "
        "AS given(number, at, document, count)"
    )
    assert arrays(some, [(1, None, "{}", 2), (3, None, None, 4)]) == {
        "number": [1, 3],
        "at": [None, None],
        "document": ["{}", None],
        "count": [2, 4],
    }


def test_no_rows_are_empty_arrays() -> None:
    assert arrays(COLUMNS[:2], []) == {"id": [], "number": []}


def test_rows_that_are_not_as_long_as_the_columns_are_an_error() -> None:
    with pytest.raises(ValueError, match="zip"):
        arrays(COLUMNS[:2], [(1,)])


def test_a_column_that_the_table_has_not_is_an_error() -> None:
    with pytest.raises(KeyError):
        columns_of(THING, "nothing")


async def test_every_type_comes_back_as_it_was_sent(fresh_database_url: str) -> None:
    row: tuple[object, ...] = (
        UUID(int=1),
        2**40,
        7,
        "name",
        datetime(2026, 1, 1, tzinfo=UTC),
        b"\0hash",
        True,
        0.5,
        '{"a": [1]}',
        "{x,y}",
        3,
    )
    rows = [row, (None,) * len(row)]
    engine = create_engine(fresh_database_url, "public", name="test", pool_size=1)
    async with engine.connect() as connection:
        found = await connection.execute(
            text(f"SELECT {names(COLUMNS)} FROM {unnest(COLUMNS)}"),
            arrays(COLUMNS, rows),
        )
        assert [tuple(one) for one in found] == rows
    await engine.dispose()
