"""Migrations, isolation of bad items and upkeep against a real PostgreSQL."""

import asyncio
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from csms_shared.db.engine import create_engine, in_transaction, is_infrastructure
from csms_shared.db.isolation import apply_apart, apply_isolated
from csms_shared.db.migrate import migrate, missing_migrations
from csms_shared.db.upkeep import Upkeep, UpkeepTask
from csms_shared.runtime.errors import Unavailable


async def _insert(connection: AsyncConnection, numbers: Sequence[int]) -> list[int]:
    await connection.execute(
        text("INSERT INTO number SELECT unnest(CAST(:n AS int[]))"), {"n": list(numbers)}
    )
    return list(numbers)


async def _numbers(engine: AsyncEngine) -> list[int]:
    async with engine.connect() as connection:
        rows = await connection.execute(text("SELECT n FROM number ORDER BY n"))
        return [row.n for row in rows]


async def test_migrating_twice_at_once_is_the_same_as_once(
    fresh_database_url: str, scripts: Path, role_url: Callable[[str], str]
) -> None:
    url = role_url("test_numbers")
    await asyncio.gather(*(migrate(fresh_database_url, url, "numbers", scripts) for _ in range(2)))
    engine = create_engine(url, "numbers", name="test", pool_size=1)
    assert await missing_migrations(engine, "numbers", scripts) is None
    await engine.dispose()


async def test_a_missing_migration_is_named(engine: AsyncEngine, scripts: Path) -> None:
    (scripts / "versions" / "0002_second.py").write_text(
        'revision = "0002"\ndown_revision = "0001"\n\n\ndef upgrade() -> None:\n    pass\n'
    )
    assert await missing_migrations(engine, "numbers", scripts) == (
        "schema numbers is at 0001, wanted 0002"
    )


async def test_each_revision_commits_so_that_none_keeps_the_locks_of_the_one_before(
    engine: AsyncEngine, fresh_database_url: str, scripts: Path, role_url: Callable[[str], str]
) -> None:
    for number, statement in ((2, "ALTER TABLE number ADD later text"), (3, "SELECT 1 / 0")):
        (scripts / "versions" / f"000{number}_more.py").write_text(
            f'from alembic import op\n\nrevision = "000{number}"\n'
            f'down_revision = "000{number - 1}"\n\n\n'
            f'def upgrade() -> None:\n    op.execute("{statement}")\n'
        )
    with pytest.raises(DBAPIError, match="division by zero"):
        await migrate(fresh_database_url, role_url("test_numbers"), "numbers", scripts)
    assert await missing_migrations(engine, "numbers", scripts) == (
        "schema numbers is at 0002, wanted 0003"
    )
    async with engine.connect() as connection:
        await connection.execute(text("SELECT later FROM number"))


async def test_an_older_instance_goes_on_with_a_newer_schema(
    engine: AsyncEngine,
    fresh_database_url: str,
    scripts: Path,
    role_url: Callable[[str], str],
    tmp_path: Path,
) -> None:
    newer = tmp_path / "newer"
    shutil.copytree(scripts, newer, ignore=shutil.ignore_patterns("newer"))
    (newer / "versions" / "0002_second.py").write_text(
        'revision = "0002"\ndown_revision = "0001"\n\n\ndef upgrade() -> None:\n    pass\n'
    )
    url = role_url("test_numbers")
    await migrate(fresh_database_url, url, "numbers", newer)
    assert await missing_migrations(engine, "numbers", scripts) is None


async def test_a_migration_under_a_prepared_statement_is_a_reason_to_try_again(
    engine: AsyncEngine, fresh_database_url: str
) -> None:
    async def read(connection: AsyncConnection) -> int:
        # A parameter, for the statement to be prepared and kept.
        found = await connection.execute(text("SELECT * FROM number WHERE n > :n"), {"n": 0})
        return len(found.keys())

    assert await in_transaction(engine, read) == 1
    owner = create_engine(fresh_database_url, "numbers", name="owner", pool_size=1)
    await in_transaction(
        owner, lambda connection: connection.execute(text("ALTER TABLE number ADD later text"))
    )
    await owner.dispose()
    with pytest.raises(Unavailable):
        await in_transaction(engine, read)
    assert await in_transaction(engine, read) == 2


async def test_a_role_reads_no_schema_but_its_own(
    engine: AsyncEngine,
    fresh_database_url: str,
    scripts: Path,
    role_url: Callable[[str], str],
) -> None:
    other_url = role_url("test_others")
    await migrate(fresh_database_url, other_url, "others", scripts)
    other = create_engine(other_url, "others", name="test", pool_size=1)
    with pytest.raises(DBAPIError, match="permission denied for schema numbers"):
        async with other.connect() as connection:
            await connection.execute(text("SELECT * FROM numbers.number"))
    await other.dispose()


async def test_a_bad_item_fails_alone_and_its_neighbours_commit(engine: AsyncEngine) -> None:
    replies, failures = await apply_isolated(engine, [1, 13, 2], _insert)
    assert (replies, [failure.work for failure in failures]) == ([1, 2], [13])
    assert await _numbers(engine) == [1, 2]


@pytest.mark.parametrize("works", [[1, 13, 2], [1, 2, 13]])
async def test_a_bad_item_fails_alone_inside_a_transaction_that_goes_on(
    engine: AsyncEngine, works: list[int]
) -> None:
    async def work(connection: AsyncConnection) -> None:
        await _insert(connection, [7])
        assert await apply_apart(connection, [], _insert) == ([], [])
        replies, failures = await apply_apart(connection, works, _insert)
        assert (replies, [failure.work for failure in failures]) == ([1, 2], [13])
        _, alone = await apply_apart(connection, [13], _insert)
        assert [failure.work for failure in alone] == [13]
        assert await apply_apart(connection, [8, 9], _insert) == ([8, 9], [])

    await in_transaction(engine, work)
    assert await _numbers(engine) == [1, 2, 7, 8, 9]


async def test_what_concerns_all_is_no_bad_item(engine: AsyncEngine) -> None:
    async def work(connection: AsyncConnection) -> None:
        await apply_apart(connection, [1, 13], _insert, lambda _: True)

    with pytest.raises(DBAPIError):
        await in_transaction(engine, work)
    assert await _numbers(engine) == []


async def test_a_savepoint_that_cannot_be_gone_back_to_ends_the_transaction(
    engine: AsyncEngine,
) -> None:
    """As when the bound on statements is over while one of the savepoint's own is under way."""

    async def lose(connection: AsyncConnection, works: Sequence[int]) -> list[int]:
        await connection.execute(text("RELEASE SAVEPOINT sa_savepoint_1"))
        return await _insert(connection, [13])

    async def work(connection: AsyncConnection) -> None:
        await apply_apart(connection, [1], lose)

    with pytest.raises(Unavailable):
        await in_transaction(engine, work)
    assert await _numbers(engine) == []


async def test_an_administrators_kill_counts_as_the_database_being_away(
    engine: AsyncEngine,
) -> None:
    async def killed(connection: AsyncConnection, works: Sequence[int]) -> list[int]:
        await connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
        return []

    with pytest.raises(Unavailable):
        await apply_isolated(engine, [1, 2], killed)


async def test_connections_that_ended_in_the_pool_cost_no_request(
    engine: AsyncEngine, fresh_database_url: str, pool_size: int
) -> None:
    """After a restart of the database the first requests are answered as all others are."""
    together = asyncio.Barrier(pool_size)

    async def hold(connection: AsyncConnection) -> None:
        await together.wait()

    async with asyncio.timeout(10):
        await asyncio.gather(*(in_transaction(engine, hold) for _ in range(pool_size)))
    owner = await asyncpg.connect(fresh_database_url)
    try:
        ended = await owner.fetchval(
            "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity "
            "WHERE datname = current_database() AND application_name = 'test'"
        )
    finally:
        await owner.close()
    assert ended == pool_size

    async def answered(connection: AsyncConnection) -> int:
        return int(await connection.scalar(text("SELECT 1")) or 0)

    for _ in range(pool_size):
        assert await in_transaction(engine, answered) == 1


async def test_an_unreachable_database_is_infrastructure() -> None:
    engine = create_engine("postgresql://a:b@127.0.0.1:1/c", "x", name="test", pool_size=1)

    async def nothing(connection: AsyncConnection) -> None:
        return None

    with pytest.raises(Unavailable):
        await in_transaction(engine, nothing)
    # What asyncpg says when a connection breaks in the middle of an exchange.
    assert is_infrastructure(asyncpg.InternalClientError("another operation is in progress"))
    assert not is_infrastructure(ValueError())


async def test_an_upkeep_task_runs_in_one_replica_at_a_time(engine: AsyncEngine) -> None:
    entered, leave = asyncio.Event(), asyncio.Event()
    running = 0
    most = 0

    async def work(_: AsyncConnection) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        entered.set()
        await leave.wait()
        running -= 1

    task = UpkeepTask("count", 0.01, work)
    replicas = [asyncio.create_task(Upkeep(engine, "numbers", (task,)).run()) for _ in range(2)]
    async with asyncio.timeout(20):
        await entered.wait()
        # The other replica's turns end without work while the first one holds the lock.
        async with engine.connect() as connection:
            for _ in range(20):
                await connection.execute(text("SELECT 1"))
    leave.set()
    for replica in replicas:
        replica.cancel()
    await asyncio.gather(*replicas, return_exceptions=True)
    assert most == 1


async def test_statements_by_keys_are_planned_once(
    fresh_database_url: str, scripts: Path, role_url: Callable[[str], str]
) -> None:
    url = role_url("test_numbers")
    await migrate(fresh_database_url, url, "numbers", scripts)
    engine = create_engine(url, "numbers", name="test", pool_size=1, by_keys=True)
    found = text("SELECT n FROM number WHERE n = ANY(CAST(:n AS int[]))")
    async with engine.connect() as connection:
        for n in range(3):
            await connection.execute(found, {"n": [n]})
        statements = await connection.exec_driver_sql(
            "SELECT generic_plans, custom_plans FROM pg_prepared_statements "
            "WHERE statement LIKE 'SELECT n FROM number%'"
        )
        assert [tuple(row) for row in statements] == [(3, 0)]
        plan = await connection.exec_driver_sql("EXPLAIN SELECT n FROM number WHERE n = ANY('{1}')")
        assert "Seq Scan" not in "".join(plan.scalars())
    await engine.dispose()
