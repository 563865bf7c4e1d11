"""A reader that goes on from `changes` has what the table has, in whatever order writers commit."""

import asyncio
from collections.abc import Awaitable, Callable

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from session_records import Records
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from csms_local.pytest_scale import scaled
from csms_shared.contracts.refusals import ProblemRaised
from csms_shared.contracts.sessions import ListTransactions, TransactionPage
from csms_shared.db.cursors import BadCursor, encode_cursor
from csms_shared.db.engine import create_engine
from session_service.database import SCHEMA
from session_service.transactions.handlers.requests import list_transactions

_WRITERS = 3
_INSERT = text(
    "INSERT INTO transaction (key, station_id, connector_id, id_token, token_key, status, "
    "authorization_status, started_at, started_raw, meter_start, epoch, seq, received_at) "
    "SELECT decode(md5(random()::text), 'hex'), 'S1', 1, 'T', 't', 'active', 'accepted', "
    "now(), '', 0, 1, 1, now() RETURNING id"
)
_CHANGE = text("UPDATE transaction SET meter_start = meter_start + 1 WHERE id = :id")


class Reader:
    """Keeps a copy by reading the list once and then what changed."""

    def __init__(self, records: Records, limit: int) -> None:
        self._records = records
        self._limit = limit
        self._changes: str | None = None
        self.copy: dict[int, int] = {}

    async def page(self, cursor: str | None = None) -> TransactionPage:
        query = ListTransactions(limit=self._limit, cursor=cursor, changed_after=self._changes)
        async with self._records.engine.begin() as connection:
            page = await list_transactions(connection, query)
        self.copy |= {view.transaction_id: view.meter_start for view in page.items}
        return page

    async def read_a_page(self) -> bool:
        """Read on by `changes` alone, after the list; False when there was nothing."""
        if self._changes is None:
            await self.read_all()
            return bool(self.copy)
        page = await self.page()
        self._changes = page.changes
        return bool(page.items)

    async def read_all(self) -> None:
        """Read the list, or what changed, by `next_cursor`."""
        page = await self.page()
        while page.next_cursor is not None:
            page = await self.page(page.next_cursor)
        self._changes = page.changes


async def follow(records: Records, limit: int, steps: list[tuple[str, int]]) -> None:
    """Let writers insert, change and commit in turns while a reader reads; compare its copy."""
    reader = Reader(records, limit)
    writers = [await records.engine.connect() for _ in range(_WRITERS)]
    own: list[list[int]] = [[] for _ in writers]
    committed: list[list[int]] = [[] for _ in writers]
    try:
        for step, number in steps:
            # Each writer changes rows of its own: none waits for another.
            which = number % _WRITERS
            if step == "read a page":
                await reader.read_a_page()
            elif step == "read all":
                await reader.read_all()
            elif step == "insert":
                own[which].append((await writers[which].execute(_INSERT)).scalar_one())
            elif step == "change" and committed[which]:
                changed = committed[which][number % len(committed[which])]
                await writers[which].execute(_CHANGE, {"id": changed})
            elif step == "commit":
                await writers[which].commit()
                committed[which] += own[which]
                own[which].clear()
            elif step == "roll back":
                await writers[which].rollback()
                own[which].clear()
        for writer in writers:
            await writer.commit()
    finally:
        for writer in writers:
            await writer.close()
    while await reader.read_a_page():
        pass
    rows = await records.rows("SELECT id, meter_start FROM transaction")
    assert reader.copy == {row["id"]: row["meter_start"] for row in rows}


_STEPS = st.lists(
    st.tuples(
        st.sampled_from(["insert", "change", "commit", "roll back", "read a page", "read all"]),
        st.integers(0, 20),
    ),
    max_size=40,
)


@pytest.mark.scaled
def test_a_reader_misses_nothing_whatever_order_writers_commit_in(
    session_url: str,
    records_of: Callable[[AsyncEngine], Records],
    clear: Callable[[], Awaitable[None]],
) -> None:
    async def check(limit: int, steps: list[tuple[str, int]]) -> None:
        await clear()
        engine = create_engine(session_url, SCHEMA, name="changes", pool_size=_WRITERS + 1)
        try:
            await follow(records_of(engine), limit, steps)
        finally:
            await engine.dispose()

    @settings(max_examples=scaled(60, 15), deadline=None, suppress_health_check=list(HealthCheck))
    @given(limit=st.integers(1, 3), steps=_STEPS)
    def any_steps(limit: int, steps: list[tuple[str, int]]) -> None:
        asyncio.run(check(limit, steps))

    any_steps()


async def test_what_is_open_when_a_page_is_read_comes_with_the_next_changes(
    records: Records,
) -> None:
    reader = Reader(records, 10)
    async with records.engine.connect() as early, records.engine.connect() as late:
        (first,) = (await early.execute(_INSERT)).one()
        (second,) = (await late.execute(_INSERT)).one()
        await late.commit()
        await reader.read_a_page()
        assert set(reader.copy) == {second}
        await early.commit()
    assert await reader.read_a_page()
    assert set(reader.copy) == {first, second}
    assert not await reader.read_a_page()


async def test_what_commits_between_two_pages_before_their_position_is_not_missed(
    records: Records,
) -> None:
    reader = Reader(records, 1)
    await reader.read_a_page()
    async with records.engine.connect() as early:
        (first,) = (await early.execute(_INSERT)).one()
        await records.execute(str(_INSERT))
        await records.execute(str(_INSERT))
        await reader.read_a_page()
        await early.commit()
    while await reader.read_a_page():
        pass
    assert first in reader.copy
    assert len(reader.copy) == 3


async def test_what_changes_while_a_list_is_read_is_not_missed(records: Records) -> None:
    for _ in range(3):
        await records.execute(str(_INSERT))
    reader = Reader(records, 1)
    page = await reader.page()
    (shown,) = [view.transaction_id for view in page.items]
    await records.execute(str(_CHANGE), id=shown)
    while page.next_cursor is not None:
        page = await reader.page(page.next_cursor)
    assert reader.copy[shown] == 0
    reader._changes = page.changes
    while await reader.read_a_page():
        pass
    assert reader.copy[shown] == 1
    assert len(reader.copy) == 3


async def test_a_write_that_changes_nothing_is_no_change(records: Records) -> None:
    await records.execute(str(_INSERT))
    reader = Reader(records, 10)
    await reader.read_a_page()
    await records.execute("UPDATE transaction SET meter_start = meter_start")
    assert not await reader.read_a_page()


async def test_filters_apply_to_changes(records: Records) -> None:
    await records.decide(records.start(1), records.start(2, station_id="S2"))
    async with records.engine.begin() as connection:
        page = await list_transactions(connection, ListTransactions())
    await records.report(records.stop(3), records.stop(4, 2, station_id="S2"))
    for query, wanted in (
        (ListTransactions(changed_after=page.changes), [1, 2]),
        (ListTransactions(changed_after=page.changes, station_id="S2"), [2]),
        (ListTransactions(changed_after=page.changes, connector_id=2), []),
        (ListTransactions(changed_after=page.changes, flag="clock_not_set"), []),
    ):
        async with records.engine.begin() as connection:
            found = await list_transactions(connection, query)
        assert sorted(view.transaction_id for view in found.items) == wanted


async def test_stops_are_found_by_their_time(records: Records) -> None:
    await records.decide(records.start(1), records.start(2, station_id="S2"))
    await records.report(records.stop(3, timestamp="2026-11-20T08:05:00Z"))

    async def stopped(**bounds: str) -> list[int]:
        query = ListTransactions.model_validate(bounds)
        async with records.engine.begin() as connection:
            page = await list_transactions(connection, query)
        return [view.transaction_id for view in page.items]

    assert await stopped(stopped_from="2026-11-20T08:05:00Z") == [1]
    assert await stopped(stopped_from="2026-11-20T08:05:01Z") == []
    assert await stopped(stopped_to="2026-11-20T08:05:00Z") == []
    assert await stopped(stopped_to="2026-11-20T08:05:01Z") == [1]


async def test_after_a_restore_a_reader_is_told_to_begin_anew(
    records: Records, database_url: str
) -> None:
    reader = Reader(records, 10)
    await reader.read_a_page()
    owner = await asyncpg.connect(database_url, server_settings={"search_path": SCHEMA})
    try:
        await owner.execute("UPDATE change_history SET id = gen_random_uuid()")
    finally:
        await owner.close()
    with pytest.raises(ProblemRaised) as refused:
        await reader.read_a_page()
    assert (refused.value.problem.status, refused.value.problem.code) == (410, "changes_expired")


@pytest.mark.parametrize(
    "parts",
    [
        (),
        ("x",),
        ("00000000-0000-0000-0000-000000000000", "5:1:", "0", 0, ""),
        ("00000000-0000-0000-0000-000000000000", "0:1:", "0", 0, ""),
        ("00000000-0000-0000-0000-000000000000", "1:5:4,3", "0", 0, ""),
        ("00000000-0000-0000-0000-000000000000", "1:5:5", "0", 0, ""),
        ("00000000-0000-0000-0000-000000000000", "1:5:", "-1", 0, ""),
        ("00000000-0000-0000-0000-000000000000", "1:5:", str(2**64), 0, ""),
        ("00000000-0000-0000-0000-000000000000", "1:5:", "9" * 5000, 0, ""),
        ("00000000-0000-0000-0000-000000000000", f"1:{2**64}:", "0", 0, ""),
        ("00000000-0000-0000-0000-000000000000", "1:5:", "0" * 21 + "9" * 21, 0, ""),
        ("00000000-0000-0000-0000-000000000000", "1:5:", "0", 2**31, ""),
        ("00000000-0000-0000-0000-000000000000", "1:5:", "0", 0, "1:"),
    ],
)
async def test_a_made_up_cursor_of_changes_is_refused(
    records: Records, parts: tuple[str | int, ...]
) -> None:
    async with records.engine.begin() as connection:
        with pytest.raises(BadCursor) as refused:
            await list_transactions(
                connection, ListTransactions(changed_after=encode_cursor(*parts))
            )
    assert refused.value.problem.errors[0].field == "changed_after"


async def test_snapshots_at_their_ends_are_taken(records: Records) -> None:
    (row,) = await records.rows("SELECT id FROM change_history")
    for snapshot in ("1:1:", f"{2**64 - 1}:{2**64 - 1}:", f"1:{2**64 - 1}:1,{2**64 - 2}"):
        cursor = encode_cursor(row["id"], snapshot, str(2**64 - 1), 2**31 - 1, snapshot)
        async with records.engine.begin() as connection:
            page = await list_transactions(connection, ListTransactions(changed_after=cursor))
        assert page.items == []


async def test_changes_are_found_by_their_index(
    records: Records, analyze: Callable[[str], Awaitable[None]]
) -> None:
    await records.execute(
        "INSERT INTO transaction (key, station_id, connector_id, id_token, token_key, status, "
        "authorization_status, started_at, started_raw, meter_start, epoch, seq, received_at, "
        "changed_xid) SELECT int4send(n), 'S', 1, 'T', 't', 'completed', 'accepted', now(), '', "
        "0, 1, 1, now(), CAST('3' AS xid8) FROM generate_series(1, 20000) AS n"
    )
    await analyze("transaction")
    plan = await records.rows(
        "EXPLAIN SELECT * FROM transaction WHERE changed_xid >= CAST('700' AS xid8) "
        "AND NOT pg_visible_in_snapshot(changed_xid, CAST('700:700:' AS pg_snapshot)) "
        "AND (changed_xid, id) > (CAST('0' AS xid8), 0) ORDER BY changed_xid, id LIMIT 101"
    )
    assert "transaction_by_change" in str(plan)
