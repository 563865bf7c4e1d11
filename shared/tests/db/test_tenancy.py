"""Row-level security against a real PostgreSQL: who sees what, whatever a statement asks."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from csms_shared.db import migrate as migrating
from csms_shared.db.engine import create_engine, in_transaction
from csms_shared.db.migrate import migrate
from csms_shared.db.tenancy import acting_for, create_requests_engine, of_tenant

_REVISION = '''"""Places."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute("CREATE TABLE place (id int PRIMARY KEY, tenant_id text NOT NULL)")
    op.execute(
        "CREATE TABLE visit (place int, tenant_id text NOT NULL, week int NOT NULL) "
        "PARTITION BY LIST (week)"
    )
    op.execute("CREATE TABLE visit_1 PARTITION OF visit FOR VALUES IN (1)")
    op.execute(
        "CREATE FUNCTION forget() RETURNS void LANGUAGE sql SECURITY DEFINER "
        "AS 'DELETE FROM numbers.place'"
    )
'''
_ADD = text("INSERT INTO place SELECT unnest(CAST(:ids AS int[])), :tenant_id")


@pytest.fixture
def url(role_url: Callable[[str], str]) -> str:
    return role_url("test_numbers")


@pytest.fixture
async def service(fresh_database_url: str, scripts: Path, url: str) -> AsyncIterator[AsyncEngine]:
    (scripts / "versions" / "0002_places.py").write_text(_REVISION)
    for _ in range(2):
        await migrate(fresh_database_url, url, "numbers", scripts)
    engine = create_engine(url, "numbers", name="service", pool_size=1)
    async with engine.begin() as connection:
        await connection.execute(_ADD, {"ids": [1, 2], "tenant_id": "north"})
        await connection.execute(_ADD, {"ids": [3], "tenant_id": "south"})
        await connection.execute(text("INSERT INTO visit VALUES (1, 'north', 1), (3, 'south', 1)"))
    yield engine
    await engine.dispose()


@pytest.fixture
async def requests(service: AsyncEngine, url: str) -> AsyncIterator[AsyncEngine]:
    engine = create_requests_engine(url, "numbers", name="requests", pool_size=1)
    yield engine
    await engine.dispose()


async def test_a_table_that_is_in_use_keeps_nobody_waiting_who_uses_it(
    fresh_database_url: str, scripts: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrating, "LOCK_WAIT_MS", 200)
    (scripts / "versions" / "0002_places.py").write_text(_REVISION)
    await migrate(fresh_database_url, url, "numbers", scripts)
    owner = await asyncpg.connect(fresh_database_url)
    other = await asyncpg.connect(fresh_database_url)
    try:
        # As before the tables had policies: the next migration makes them.
        for table in ("place", "visit"):
            for policy in ("all_rows_test_numbers", "own_rows_test_numbers_requests"):
                await owner.execute(f"DROP POLICY {policy} ON numbers.{table}")
        async with owner.transaction():
            await owner.execute("LOCK TABLE numbers.visit IN ROW EXCLUSIVE MODE")
            migration = asyncio.create_task(migrate(fresh_database_url, url, "numbers", scripts))
            while not await _policies(other, "place"):
                await asyncio.sleep(0.01)
            # Behind a lock that is waited for without a bound, these would wait as well.
            for _ in range(20):
                await other.fetch("SELECT FROM numbers.place, numbers.visit", timeout=30)
            assert not migration.done()
            assert await _policies(other, "visit") == 0
        await migration
        assert await _policies(other, "visit") == 2
    finally:
        await owner.close()
        await other.close()


async def _policies(connection: asyncpg.Connection, table: str) -> int:
    found: int = await connection.fetchval(
        "SELECT count(*) FROM pg_policies WHERE tablename = $1", table
    )
    return found


async def _places(connection: AsyncConnection) -> list[int]:
    return list(await connection.scalars(text("SELECT id FROM place ORDER BY id")))


async def test_a_request_sees_the_rows_of_its_tenant_and_the_service_all(
    service: AsyncEngine, requests: AsyncEngine
) -> None:
    assert await in_transaction(service, _places) == [1, 2, 3]
    with acting_for("north"):
        assert await in_transaction(requests, _places) == [1, 2]
    with acting_for("south"):
        assert await in_transaction(requests, _places) == [3]


async def test_whoever_does_not_say_for_whom_it_acts_sees_nothing(requests: AsyncEngine) -> None:
    with acting_for("north"):
        assert await in_transaction(requests, _places) == [1, 2]
    # The same connection, from the pool.
    assert await in_transaction(requests, _places) == []


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE place SET id = id + 10",
        "DELETE FROM place",
        "UPDATE visit SET place = 0",
        "DELETE FROM visit",
    ],
)
async def test_a_request_changes_no_row_of_another_tenant(
    service: AsyncEngine, requests: AsyncEngine, change: str
) -> None:
    with acting_for("south"):
        await in_transaction(requests, lambda connection: connection.execute(text(change)))

    async def others(connection: AsyncConnection) -> list[int]:
        sql = "SELECT id FROM place WHERE tenant_id = 'north' UNION ALL SELECT place FROM visit"
        return list(await connection.scalars(text(f"{sql} WHERE tenant_id = 'north' ORDER BY 1")))

    assert await in_transaction(service, others) == [1, 1, 2]


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO place VALUES (4, 'south')",
        "UPDATE place SET tenant_id = 'south'",
        "SELECT * FROM visit_1",
        "SELECT * FROM number",
        "SELECT forget()",
        "SET ROLE test_numbers",
        "ALTER TABLE place DISABLE ROW LEVEL SECURITY",
        "CREATE TABLE mine (id int)",
    ],
)
async def test_no_statement_of_a_request_gets_round_it(
    requests: AsyncEngine, statement: str
) -> None:
    with (
        acting_for("north"),
        pytest.raises(DBAPIError, match=r"permission denied|row-level security|must be owner"),
    ):
        await in_transaction(requests, lambda connection: connection.execute(text(statement)))


async def test_the_condition_of_a_statement_names_the_tenant(service: AsyncEngine) -> None:
    async def north(connection: AsyncConnection) -> list[int]:
        sql = f"SELECT p.id FROM place p WHERE {of_tenant('p')} AND {of_tenant()} ORDER BY id"
        return list(await connection.scalars(text(sql), {"tenant_id": "north"}))

    assert await in_transaction(service, north) == [1, 2]
