"""Which waiting commands are found to be checked, and what it costs to find them."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio
from sqlalchemy.event import listen, remove
from sqlalchemy.ext.asyncio import AsyncConnection

from command_api.commands.store.changes import AT_ONCE, find_unchecked
from command_api.database import SCHEMA
from csms_shared.db.engine import create_engine

pytestmark = pytest.mark.asyncio(loop_scope="package")

STATIONS = [f"TO-BE-CHECKED-{number}" for number in range(20)]


@pytest_asyncio.fixture(loop_scope="package")
async def connection(service_url: str, database: asyncpg.Pool) -> AsyncIterator[AsyncConnection]:
    engine = create_engine(service_url, SCHEMA, name="test", pool_size=1)
    async with engine.connect() as connection:
        yield connection
    await engine.dispose()
    await database.execute("DELETE FROM commands WHERE station_id LIKE 'TO-BE-CHECKED-%'")


async def store(
    database: asyncpg.Pool, status: str, stations: list[str], each: int, *, unchecked: bool
) -> None:
    """Store as many commands of each station."""
    await database.execute(
        "INSERT INTO commands (command_id, station_id, ocpp_version, action, payload, status, "
        "created_by, created_at, deadline, held, attempts, unchecked) "
        "SELECT gen_random_uuid(), station, 'ocpp16', 'ClearCache', '{}', $2, 'test', now(), "
        "now() + interval '1 hour', true, 0, $4 "
        "FROM unnest($1::text[]) AS station, generate_series(1, $3)",
        stations,
        status,
        each,
        unchecked,
    )


async def test_no_command_is_read_that_has_ended(
    connection: AsyncConnection, database: asyncpg.Pool
) -> None:
    stations, others = STATIONS[:10], STATIONS[10:]
    await store(database, "completed", stations, 2_000, unchecked=False)
    await store(database, "waiting", stations, 1, unchecked=False)
    # Others have many that are to be checked: one in three of all, as far as the planner knows.
    await store(database, "waiting", others, 1_000, unchecked=True)
    await database.execute("ANALYZE commands")
    sent: list[tuple[str, Any]] = []

    def note(_: Any, __: Any, sql: str, parameters: Any, *___: Any) -> None:
        sent.append((sql, parameters))

    engine = connection.engine.sync_engine
    listen(engine, "before_cursor_execute", note)
    found = await find_unchecked(connection, stations, [], [], [], [], 1_000)
    remove(engine, "before_cursor_execute", note)
    assert found == []
    ((sql, parameters),) = sent
    explain = f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {sql}"
    plan = (await connection.exec_driver_sql(explain, parameters)).scalar_one()
    assert _rows_read(plan[0]["Plan"]) < 100


async def test_of_a_station_that_is_held_up_any_is_found_of_others_the_oldest(
    connection: AsyncConnection, database: asyncpg.Pool
) -> None:
    held_up, other = STATIONS[:2]
    await store(database, "waiting", [held_up, other], 3 * AT_ONCE, unchecked=True)
    found: dict[str, set[UUID]] = {held_up: set(), other: set()}
    for _ in range(50):
        few = await find_unchecked(connection, [held_up, other], [], [], [], [held_up], 1_000)
        assert len(few) == 2 * AT_ONCE
        for command in few:
            found[command.station_id].add(command.command_id)
    assert len(found[held_up]) == 3 * AT_ONCE
    stored = await database.fetch("SELECT command_id FROM commands WHERE station_id = $1", other)
    assert found[other] == set(sorted(row["command_id"] for row in stored)[:AT_ONCE])


def _rows_read(node: dict[str, Any]) -> float:
    rows = sum(_rows_read(part) for part in node.get("Plans", ()))
    if node.get("Relation Name") == "commands":
        looked_at: float = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
        rows += looked_at * node["Actual Loops"]
    return rows
