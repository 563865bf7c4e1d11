"""Rows as one array per column, against a real PostgreSQL."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import pytest
from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Float,
    Integer,
    Interval,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.schema import CreateTable

from csms_shared.db.engine import create_engine
from csms_shared.db.row_arrays import arrays, columns_of, names, unnest

THING = Table(
    "thing",
    MetaData(),
    Column("id", Uuid),
    Column("number", BigInteger),
    Column("small", SmallInteger),
    Column("name", Text(collation="C")),
    Column("at", DateTime(True)),
    Column("hash", LargeBinary),
    Column("done", Boolean),
    Column("value", Float(53)),
    Column("pause", Interval),
    Column("document", JSON),
    Column("flags", ARRAY(Text)),
)
COLUMNS = columns_of(THING, *(column.name for column in THING.columns), count=Integer())


def test_types_are_those_of_the_table_and_names_are_given_once() -> None:
    some = columns_of(THING, "number", "name", "at", "document", count=Integer())
    assert names(some) == "number, name, at, document, count"
    assert unnest(some, "given") == (
        "unnest(CAST(:number AS BIGINT[]), CAST(:name AS TEXT[]), "
        "CAST(:at AS TIMESTAMP WITH TIME ZONE[]), "
        "CAST(:document AS TEXT[]), CAST(:count AS INTEGER[])) "
        "AS given(number, name, at, document, count)"
    )
    assert arrays(some, [(1, "a", None, "{}", 2), (3, "b", None, None, 4)]) == {
        "number": [1, 3],
        "name": ["a", "b"],
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
        timedelta(minutes=5),
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


async def test_an_array_beside_a_column_has_the_type_of_the_column(
    fresh_database_url: str,
) -> None:
    columns = [column.name for column in THING.columns if not isinstance(column.type, JSON)]
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    driver = await asyncpg.connect(fresh_database_url)
    try:
        await driver.execute(str(CreateTable(THING).compile(dialect=dialect)))
        for name in columns[:-1]:
            compared = await driver.prepare(f"SELECT FROM thing WHERE {name} = ANY($1)")
            among = await driver.prepare(f"SELECT FROM thing WHERE {name} <> ALL($1)")
            (column,) = (await driver.prepare(f"SELECT {name} FROM thing")).get_attributes()
            for statement in compared, among:
                (parameter,) = statement.get_parameters()
                assert parameter.name == f"{column.type.name}[]"
        stored = await driver.prepare("UPDATE thing SET flags = $1")
        assert [parameter.name for parameter in stored.get_parameters()] == ["text[]"]
    finally:
        await driver.close()
