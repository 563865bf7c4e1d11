"""What a round costs that looks at deferred messages: by what is tried, not by what is kept."""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from outbox_fakes import FakePublisher
from outbox_stage import FOLLOWED, OUTBOX
from sqlalchemy import text
from sqlalchemy.event import listen, remove
from sqlalchemy.ext.asyncio import AsyncEngine

from csms_shared.broker.errors import PublishRefused
from csms_shared.broker.topology import COMMAND_ORDERS_KEY, INTERNAL_EVENTS, REQUESTS
from csms_shared.db.outbox import OutboxRelay

MANY = 20_000
Statements = list[tuple[str, Any]]


@pytest.fixture
async def sent(engine: AsyncEngine) -> AsyncIterator[Statements]:
    """Statements in the order in which they are sent."""
    statements: Statements = []

    def note(_: Any, __: Any, sql: str, parameters: Any, *___: Any) -> None:
        statements.append((sql, parameters))

    listen(engine.sync_engine, "before_cursor_execute", note)
    yield statements
    remove(engine.sync_engine, "before_cursor_execute", note)


async def _keep(engine: AsyncEngine, exchange: str, key: str, count: int) -> None:
    async with engine.begin() as connection:
        await connection.execute(
            text(
                "INSERT INTO outbox_deferred (exchange, routing_key, outbox_id, events, "
                "event_count) SELECT :exchange, :key, n, '[{}]', 2 "
                "FROM generate_series(1, :count) AS n"
            ),
            {"exchange": exchange, "key": key, "count": count},
        )


async def _rows_read(engine: AsyncEngine, statements: Statements) -> int:
    """Run the reading ones again in one transaction; how many rows of the table they look at."""
    read = 0
    async with engine.connect() as connection:
        for sql, parameters in statements:
            if "set_config" in sql:
                await connection.exec_driver_sql(sql, parameters)
            elif "outbox_deferred" in sql:
                explain = f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {sql}"
                found = await connection.exec_driver_sql(explain, parameters)
                read += _rows_of(found.scalar_one()[0]["Plan"])
        await connection.rollback()
    return read


def _rows_of(node: dict[str, Any]) -> int:
    rows = sum(_rows_of(part) for part in node.get("Plans", ()))
    if node.get("Relation Name") == "outbox_deferred" and node["Node Type"] != "ModifyTable":
        looked_at = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
        rows += int(looked_at * node["Actual Loops"])
    return rows


@pytest.mark.parametrize("analyzed", [False, True])
async def test_a_round_reads_no_more_rows_however_many_wait_for_the_suite_itself(
    engine: AsyncEngine, fresh_database_url: str, sent: Statements, analyzed: bool
) -> None:
    await _keep(engine, INTERNAL_EVENTS, FOLLOWED, MANY)
    await _keep(engine, REQUESTS, COMMAND_ORDERS_KEY, MANY)
    if analyzed:
        owner = await asyncpg.connect(fresh_database_url)
        await owner.execute("VACUUM ANALYZE numbers.outbox_deferred")
        await owner.close()
    refusing = FakePublisher(PublishRefused("full"))
    relay = OutboxRelay(engine, OUTBOX, refusing)
    sent.clear()
    await relay.retry_round()
    assert {one.exchange for one in refusing.sent} == {INTERNAL_EVENTS, REQUESTS}
    assert 0 < await _rows_read(engine, list(sent)) < 300
