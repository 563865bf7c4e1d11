"""One item in quarantine that two replicas match at once, each with what it alone can see."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime

import pytest
from session_records import Records
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from csms_shared.contracts.sessions import Dismiss
from csms_shared.db.engine import create_engine, in_transaction
from csms_shared.service.dispatch import dispatching
from csms_shared.service.inbox import Work
from csms_shared.values.times import format_time
from session_service.batches.decisions import Decisions
from session_service.database import SCHEMA
from session_service.quarantine.handlers.reconciling import reconcile_due
from session_service.quarantine.handlers.requests import dismiss_item
from session_service.quarantine.store.items import lock_open
from session_service.routes import decision_routes

WITHIN_S = 20.0
AFTER_IT = format_time(datetime(2026, 11, 20, 8, 9, tzinfo=UTC))


decide = dispatching(decision_routes(Decisions().decide))


@pytest.fixture
async def other_replica(session_url: str) -> AsyncIterator[AsyncEngine]:
    engine = create_engine(session_url, SCHEMA, name="other replica", pool_size=1)
    yield engine
    await engine.dispose()


async def decide_beside(
    records: Records,
    replica: AsyncEngine,
    open_in_replica: Callable[[AsyncConnection], Awaitable[object]],
    start: Work,
) -> None:
    """Decide `start` here while the other replica has its transaction open, until this waits."""
    async with replica.connect() as theirs, theirs.begin():
        await open_in_replica(theirs)
        ours = asyncio.create_task(records.decide(start))
        async with asyncio.timeout(WITHIN_S):
            while not ours.done() and not await records.rows(
                "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
                "AND datname = current_database()"
            ):
                await asyncio.sleep(0.01)
    await ours


async def test_a_stop_in_quarantine_ends_one_session_though_two_replicas_match_it(
    records: Records, other_replica: AsyncEngine
) -> None:
    await records.token("T1", max_concurrent=None)
    await records.report(records.stop(9, 0, idTag="T1"), records.stop(10, -1, idTag="T2"))
    await records.token("T2", max_concurrent=None)
    first, second = records.start(1), records.start(2, connector_id=2)
    await decide_beside(records, other_replica, lambda theirs: decide(theirs, [first]), second)
    rows = await records.transactions()
    assert sorted((row["connector_id"], row["status"]) for row in rows) == [
        (1, "completed"),
        (2, "active"),
    ]
    (stop,) = await records.rows("SELECT transaction_id FROM stop")
    (ended,) = [row["id"] for row in rows if row["status"] == "completed"]
    assert stop["transaction_id"] == ended
    told = [event for event in await records.events() if "stopped" in event["type"]]
    assert [event["data"]["transaction_id"] for event in told] == [ended]


async def test_what_the_other_replica_took_costs_the_other_items_nothing(
    records: Records, other_replica: AsyncEngine
) -> None:
    await records.token("T1", max_concurrent=None)
    # The values are of the second connector, the stop can be of either.
    await records.report(
        records.stop(9, 0, idTag="T1"), records.meter_values(8, 0, connector_id=2, minutes=1)
    )
    first, second = records.start(1), records.start(2, connector_id=2)
    await decide_beside(records, other_replica, lambda theirs: decide(theirs, [first]), second)
    rows = {row["connector_id"]: row for row in await records.transactions()}
    assert (rows[1]["status"], rows[2]["status"]) == ("completed", "active")
    items = await records.rows("SELECT kind, status, transaction_id FROM quarantine ORDER BY kind")
    assert items == [
        {"kind": "meter_values", "status": "reconciled", "transaction_id": rows[2]["id"]},
        {"kind": "stop", "status": "reconciled", "transaction_id": rows[1]["id"]},
    ]


async def test_a_stop_that_a_person_dismisses_meanwhile_ends_nothing(
    records: Records, other_replica: AsyncEngine
) -> None:
    await records.token("T1")
    await records.report(records.stop(9, 0, idTag="T1"))
    (item,) = await records.rows("SELECT id FROM quarantine")
    dismiss = Dismiss(id=str(item["id"]))
    await decide_beside(
        records, other_replica, lambda theirs: dismiss_item(theirs, dismiss), records.start(1)
    )
    (row,) = await records.transactions()
    assert row["status"] == "active"
    (item,) = await records.rows("SELECT status FROM quarantine")
    assert item["status"] == "dismissed"


async def test_a_stop_is_not_taken_for_another_that_somebody_else_has(
    records: Records, other_replica: AsyncEngine
) -> None:
    await records.token("T1", max_concurrent=None)
    # Two sessions of one connector; neither start is there when its stop comes.
    await records.report(
        records.stop(9, 0, idTag="T1", meter_stop=5100),
        records.stop(12, 0, idTag="T1", meter_stop=9000),
    )
    items = await records.rows("SELECT id FROM quarantine ORDER BY seq")
    # A transaction that its items are not looked for yet.
    await records.decide(records.start(1, station_id="elsewhere"))
    for table in ("transaction", "connector"):
        await records.execute(f"UPDATE {table} SET station_id = 'S1'")
    await records.execute("UPDATE quarantine SET next_at = now()")
    async with other_replica.connect() as theirs, theirs.begin():
        # About to attach the first stop, or to set it aside: the transaction is not locked yet.
        await lock_open(theirs, [items[0]["id"]])
        await in_transaction(records.engine, reconcile_due)
    assert [row["status"] for row in await records.transactions()] == ["active"]
    await records.execute("UPDATE quarantine SET next_at = now()")
    await in_transaction(records.engine, reconcile_due)
    await records.decide(records.start(10, meter_start=5100, timestamp=AFTER_IT))
    ends = [(row["meter_stop"], row["flags"]) for row in await records.transactions()]
    assert ends == [(5100, ["matched_without_id"]), (9000, ["matched_without_id"])]
