"""Bulk actions at the same time as each other, as single ones, and as what stations send."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from session_records import Records
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from csms_local.pytest_scale import scaled
from csms_shared.contracts.bulk import BulkOutcome
from csms_shared.contracts.refusals import ProblemRaised
from csms_shared.contracts.sessions import (
    CloseTransaction,
    CloseTransactions,
    Dismiss,
    DismissMany,
    Reconcile,
    ReconcileMany,
    WithoutReading,
)
from csms_shared.db.engine import create_engine, in_transaction, transactional
from csms_shared.runtime.errors import Unavailable
from session_service.database import SCHEMA
from session_service.quarantine.handlers.bulk import dismiss_many, reconcile_many
from session_service.quarantine.handlers.reconciling import reconcile_due
from session_service.quarantine.handlers.requests import dismiss_item, reconcile_item
from session_service.transactions.handlers.closing import close_many
from session_service.transactions.handlers.requests import close_transaction

STATIONS = 8
Clear = Callable[[], Awaitable[None]]
RecordsOf = Callable[[AsyncEngine], Records]
Request = TypeVar("Request")

_MANY = settings(
    max_examples=scaled(12, 4),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    database=None,
)


async def to_the_end(
    records: Records,
    handler: Callable[[AsyncConnection, Request], Awaitable[BulkOutcome]],
    model: Callable[..., Request],
    limit: int,
    **fields: Any,
) -> int:
    """Loop as a script does, from the beginning until nothing is busy; how many were done."""
    done, cursor, again = 0, None, False
    while True:
        batch = model(action_id=uuid.uuid4(), limit=limit, cursor=cursor, **fields)
        part = await _asked_until_answered(records, handler, batch)
        done += part.done
        again |= any(failure.code == "busy" for failure in part.failures)
        cursor = part.next_cursor
        if cursor is None:
            if not again:
                return done
            again = False


async def _asked_until_answered(
    records: Records,
    handler: Callable[[AsyncConnection, Request], Awaitable[BulkOutcome]],
    batch: Request,
) -> BulkOutcome:
    """Ask again where a bound on statements took the whole transaction, as 503 has a script do."""
    while True:
        try:
            answer: BulkOutcome = await transactional(records.engine, handler)(batch)
        except Unavailable:
            continue
        return answer


async def one(
    records: Records,
    handler: Callable[[AsyncConnection, Request], Awaitable[object]],
    request: Request,
) -> int:
    """Do it to one; 0 where others were first."""
    try:
        await transactional(records.engine, handler)(request)
    except ProblemRaised as refused:
        if refused.problem.status != 409:
            raise
        return 0
    return 1


async def with_records(
    url: str,
    records_of: RecordsOf,
    clear: Clear,
    check: Callable[[Records], Awaitable[None]],
) -> None:
    await clear()
    engine = create_engine(url, SCHEMA, name="at once", pool_size=8)
    try:
        await check(records_of(engine))
    finally:
        await engine.dispose()


@pytest.mark.scaled
def test_each_transaction_ends_once_whoever_ends_it(
    session_url: str, records_of: RecordsOf, clear: Clear
) -> None:
    async def check(
        records: Records, limits: list[int], singles: list[int], real: list[int]
    ) -> None:
        await records.token("T1", max_concurrent=None)
        names = [f"S{n}" for n in range(STATIONS)]
        await records.decide(
            *(
                records.start(seq, station_id=name, meter_start=100 + seq)
                for name in names
                for seq in (1, 2)
            )
        )
        ids = [row["id"] for row in await records.transactions() if row["status"] != "active"]
        assert len(ids) == STATIONS
        bulk = {
            "reason": "lost",
            "closed_by": "admin",
            "without_reading": WithoutReading.METER_START,
        }
        closings = [
            CloseTransaction(transaction_id=ids[n], meter_stop=300, reason="one", closed_by="admin")
            for n in singles
        ]
        done = await asyncio.gather(
            *(to_the_end(records, close_many, CloseTransactions, n, **bulk) for n in limits),
            *(one(records, close_transaction, closing) for closing in closings),
            *(stopped(records, ids[n], names) for n in real),
        )
        rows = {row["id"]: row for row in await records.transactions() if row["id"] in ids}
        assert {row["status"] for row in rows.values()} == {"completed"}
        assert sum(done) == sum(row["closed_by"] is not None for row in rows.values())
        told: dict[int, list[tuple[int, str]]] = {row_id: [] for row_id in ids}
        for event in await records.events():
            if "revision" in event["data"]:
                told[event["data"]["transaction_id"]].append(
                    (event["data"]["revision"], event["type"].split(".")[2])
                )
        for row_id, events in told.items():
            events.sort()
            assert events[0] == (1, "stopped")
            assert events[1:] in ([], [(2, "corrected")])
            assert len(events) == rows[row_id]["revision"]
            by_hand_first = rows[row_id]["closed_by"] is not None
            came = row_id in {ids[n] for n in real}
            assert (len(events) == 2) is (by_hand_first and came)

    async def stopped(records: Records, row_id: int, names: list[str]) -> int:
        (row,) = [one for one in await records.transactions() if one["id"] == row_id]
        await records.report(records.stop(9, row_id, station_id=row["station_id"]))
        return 0

    some = st.lists(st.integers(0, STATIONS - 1), max_size=STATIONS)

    @_MANY
    @given(
        limits=st.lists(st.integers(1, STATIONS), min_size=1, max_size=3),
        singles=some,
        real=st.lists(st.integers(0, STATIONS - 1), max_size=STATIONS, unique=True),
    )
    def at_once(limits: list[int], singles: list[int], real: list[int]) -> None:
        asyncio.run(
            with_records(
                session_url, records_of, clear, lambda one: check(one, limits, singles, real)
            )
        )

    at_once()


@pytest.mark.scaled
def test_each_item_in_quarantine_is_dealt_with_once_whoever_does_it(
    session_url: str, records_of: RecordsOf, clear: Clear
) -> None:
    async def check(
        records: Records,
        attaching: list[int],
        dismissing: list[int],
        singles: list[tuple[int, bool]],
    ) -> None:
        await records.token("T1", max_concurrent=None)
        names = [f"S{n}" for n in range(STATIONS)]
        await records.report(
            *(records.stop(9, 0, idTag="T1", station_id=name) for name in names),
            *(records.meter_values(5, -1, minutes=5, station_id=name) for name in names),
        )
        await records.decide(*(records.start(1, station_id=f"elsewhere {name}") for name in names))
        for table in ("transaction", "connector"):
            await records.execute(f"UPDATE {table} SET station_id = substr(station_id, 11)")
        await records.execute("UPDATE quarantine SET next_at = now()")
        items = await records.rows("SELECT id, station_id FROM quarantine ORDER BY id")
        own = {row["station_id"]: row["id"] for row in await records.transactions()}

        def single(number: int, attach: bool) -> Awaitable[int]:
            item = items[number]
            if not attach:
                return one(records, dismiss_item, Dismiss(id=str(item["id"])))
            chosen = Reconcile(id=str(item["id"]), transaction_id=own[item["station_id"]])
            return one(records, reconcile_item, chosen)

        done = await asyncio.gather(
            *(to_the_end(records, reconcile_many, ReconcileMany, n) for n in attaching),
            *(to_the_end(records, dismiss_many, DismissMany, n) for n in dismissing),
            *(single(number, attach) for number, attach in singles),
        )
        closed = await records.rows("SELECT id FROM quarantine WHERE status <> 'open'")
        assert sum(done) == len(closed)
        # Whatever is left has its turn.
        await in_transaction(records.engine, reconcile_due)
        rows = await records.rows("SELECT * FROM quarantine")
        assert {row["status"] for row in rows} <= {"reconciled", "dismissed"}
        stops = await records.rows("SELECT connection_id, transaction_id FROM stop")
        attached = {
            (row["connection_id"], row["transaction_id"])
            for row in rows
            if row["status"] == "reconciled" and row["kind"] == "stop"
        }
        assert {(row["connection_id"], row["transaction_id"]) for row in stops} == attached
        ended = [row for row in await records.transactions() if row["status"] == "completed"]
        assert len(ended) == len(attached)
        assert {row["revision"] for row in ended} <= {1}
        values = await records.rows("SELECT DISTINCT station_id FROM meter_value")
        assert {row["station_id"] for row in values} == {
            row["station_id"]
            for row in rows
            if row["status"] == "reconciled" and row["kind"] == "meter_values"
        }

    limits = st.lists(st.integers(1, STATIONS), max_size=2)

    @_MANY
    @given(
        attaching=limits,
        dismissing=limits,
        singles=st.lists(
            st.tuples(st.integers(0, 2 * STATIONS - 1), st.booleans()), max_size=STATIONS
        ),
    )
    def at_once(
        attaching: list[int], dismissing: list[int], singles: list[tuple[int, bool]]
    ) -> None:
        asyncio.run(
            with_records(
                session_url,
                records_of,
                clear,
                lambda one: check(one, attaching, dismissing, singles),
            )
        )

    at_once()
