"""The schema that migrations make, its partitions, and what is kept how long."""

from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from event_books import Books, told
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from csms_shared.contracts.refusals import ProblemRaised
from csms_shared.db.engine import in_transaction
from csms_shared.db.migrate import migrate, missing_migrations
from csms_shared.db.upkeep import UpkeepTask
from integration_service.database import MIGRATIONS, SCHEMA
from integration_service.database.tables import metadata
from integration_service.event_store.upkeep import upkeep_tasks

Own = Callable[[str], Awaitable[list[asyncpg.Record]]]
_PARTITIONS = (
    "SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid WHERE inhparent IN "
    "('event_segment_facts'::regclass, 'event_segment_measurements'::regclass)"
)


async def test_tables_in_code_and_migrations_agree(books: Books) -> None:
    def ours(name: str | None, kind: str, parent: object) -> bool:
        return name in {*metadata.tables} if kind == "table" else True

    def differences(connection: Connection) -> list[object]:
        options: dict[str, Any] = {"compare_type": True, "include_name": ours}
        return list(
            compare_metadata(MigrationContext.configure(connection, opts=options), metadata)
        )

    async with books.engine.connect() as connection:
        assert await connection.run_sync(differences) == []
    assert await missing_migrations(books.engine, SCHEMA, MIGRATIONS) is None


async def test_migrating_again_changes_nothing(database_url: str, integration_url: str) -> None:
    await migrate(database_url, integration_url, SCHEMA, MIGRATIONS)


async def test_the_role_changes_nothing_of_the_schema(books: Books) -> None:
    for statement in (
        "DROP TABLE event_segment",
        "CREATE TABLE mine (n int)",
        "UPDATE alembic_version SET version_num = '0'",
    ):
        with pytest.raises(DBAPIError, match=r"permission denied|must be owner"):
            async with books.engine.begin() as connection:
                await connection.execute(text(statement))


async def _far(own: Own, position: int) -> None:
    await own(f"UPDATE event_head SET position = {position}")


async def test_partitions_are_made_when_they_are_reached(books: Books, own: Own) -> None:
    await _far(own, 41_999_998)
    await books.store([told(n, f"S-{n}") for n in range(4)])
    await books.store([told(n, f"S-{n}") for n in range(4, 8)])
    assert await books.numbers(after=41_999_998) == [*range(8)]
    names = {row["relname"] for row in await own(_PARTITIONS)}
    assert {f"event_segment_{kind}_42" for kind in ("facts", "measurements")} <= names


def _task(name: str, days: int = 30, measurement_days: int = 7) -> UpkeepTask:
    tasks = upkeep_tasks(event_days=days, measurement_days=measurement_days)
    return next(one for one in tasks if one.name == name)


async def _keep_up(books: Books, name: str) -> None:
    while await in_transaction(books.engine, _task(name).work):
        pass


async def _age(own: Own, up_to: int, days: int) -> None:
    await own(
        f"UPDATE event_segment SET stored_at = now() - interval '{days} days' "
        f"WHERE position <= {up_to}"
    )


async def test_what_is_too_old_goes_and_is_not_asked_for_any_more(books: Books, own: Own) -> None:
    await books.store([told(n, f"S-{n}") for n in range(5)])
    await books.store([told(n, "S-1", "meter_values.received") for n in range(5, 10)])
    await books.store([told(n, f"S-{n}") for n in range(10, 15)])
    await _age(own, 10, 8)
    for name in ("purge_facts", "purge_measurements"):
        await _keep_up(books, name)
    # The measurements of a week ago are gone, the facts are not.
    assert await books.numbers() == [*range(5), *range(10, 15)]
    assert await books.numbers(types=["transaction.*"], after=0) == [*range(5), *range(10, 15)]
    with pytest.raises(ProblemRaised) as gone:
        await books.page(after=9)
    assert (gone.value.problem.status, gone.value.problem.code) == (410, "events_gone")
    assert await books.numbers(after=10) == [*range(10, 15)]
    await _age(own, 5, 31)
    await _keep_up(books, "purge_facts")
    assert await books.numbers() == [*range(10, 15)]
    with pytest.raises(ProblemRaised):
        await books.page(types=["transaction.*"], after=4)
    assert await books.numbers(types=["transaction.*"], after=5) == [*range(10, 15)]


async def test_a_partition_that_is_too_old_is_dropped_whole(books: Books, own: Own) -> None:
    await books.store([told(n, f"S-{n}") for n in range(5)])
    await _far(own, 1_000_000)
    await books.store([told(n, f"S-{n}") for n in range(5, 10)])
    await _age(own, 5, 29)
    await _keep_up(books, "drop_facts")
    assert await books.numbers() == [*range(10)]
    await _age(own, 5, 31)
    await _keep_up(books, "drop_facts")
    assert await books.numbers() == [*range(5, 10)]
    with pytest.raises(ProblemRaised):
        await books.page(types=["transaction.*"], after=999_998)
    assert (await books.page(types=["transaction.*"], after=999_999)).items
    names = {row["relname"] for row in await own(_PARTITIONS)}
    assert "event_segment_facts_0" not in names
    await own("SELECT make_event_partitions(2000000)")


async def test_minutes_that_nothing_is_kept_of_are_forgotten(books: Books, own: Own) -> None:
    await books.store([told(n * 60, f"S-{n}") for n in range(5)])
    await own("UPDATE event_floor SET position = 3")
    await _keep_up(books, "purge_event_minutes")
    assert [row["least"] for row in await own("SELECT least FROM event_minute")] == [4, 5]


async def test_where_nothing_of_a_kind_was_stored_nothing_of_it_is_gone(
    books: Books, own: Own
) -> None:
    """A reader who was here a moment ago is not sent away, because there are no measurements."""
    await _far(own, 999_990)
    await books.store([told(n, f"S-{n}") for n in range(4)])
    await _far(own, 1_000_010)
    await books.store([told(n, f"S-{n}") for n in range(4, 8)])
    await _keep_up(books, "drop_measurements")
    assert await books.numbers(after=999_992) == [*range(2, 8)]
