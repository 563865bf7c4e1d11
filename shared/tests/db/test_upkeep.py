"""Upkeep costs by what is due, comes once a period in a fleet, and says when it fails."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from outbox_fakes import make_event
from outbox_stage import FOLLOWED
from prometheus_client import REGISTRY
from pydantic import SecretStr
from sqlalchemy import Connection, MetaData, text
from sqlalchemy.event import listen
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from csms_shared.broker.link import Link
from csms_shared.db.engine import create_engine, in_transaction
from csms_shared.db.outbox import write_events
from csms_shared.db.purging import SLICE
from csms_shared.db.settings import DatabaseSettings
from csms_shared.db.tables import outbox_table, parked_table
from csms_shared.db.upkeep import Upkeep, UpkeepTask, purge_outbox
from csms_shared.service.owning_service import UPKEEP_CONNECTIONS, OwningService

WITHIN_S = 30.0


@contextlib.asynccontextmanager
async def _running(*replicas: Upkeep) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(replica.run()) for replica in replicas]
    try:
        async with asyncio.timeout(WITHIN_S):
            yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.01)


async def _fill(
    engine: AsyncEngine, count: int, hours: int, *, published: bool, stored: bool | None = None
) -> None:
    async with engine.begin() as connection:
        await connection.execute(
            text(
                "INSERT INTO outbox (routing_key, events, event_count, created_at, published_at, "
                "stored_at) SELECT 'number.counted', '[{}]', 1, at, CASE WHEN :published THEN at "
                "END, CASE WHEN :stored THEN at END FROM generate_series(1, :count), "
                "LATERAL (SELECT now() - make_interval(hours => :hours) AS at) AS moment"
            ),
            {
                "hours": hours,
                "count": count,
                "published": published,
                "stored": published if stored is None else stored,
            },
        )


async def _left(engine: AsyncEngine) -> int:
    async with engine.connect() as connection:
        return int((await connection.execute(text("SELECT count(*) FROM outbox"))).scalar_one())


async def test_however_much_is_due_is_purged_in_one_turn(engine: AsyncEngine) -> None:
    # Some that never left, or not to everybody, are the oldest of all, and stay.
    await _fill(engine, 3, 40, published=False)
    await _fill(engine, 2, 40, published=True, stored=False)
    await _fill(engine, 2, 40, published=False, stored=True)
    await _fill(engine, 5 * SLICE, 30, published=True)
    await _fill(engine, 11, 2, published=True)
    async with _running(Upkeep(engine, "numbers", [purge_outbox()])):
        while await _left(engine) > 18:
            await asyncio.sleep(0.05)
    assert await _left(engine) == 18


async def test_a_purge_looks_at_what_is_due_and_not_at_what_is_stored(engine: AsyncEngine) -> None:
    await _fill(engine, 3, 30, published=True)
    await _fill(engine, 10 * SLICE, 2, published=True)
    looked = text(
        "SELECT coalesce(seq_scan, 0) AS scans, coalesce(idx_tup_fetch, 0) AS rows "
        "FROM pg_stat_xact_user_tables WHERE relname = 'outbox'"
    )

    async def purge(connection: AsyncConnection) -> tuple[int, int]:
        assert await purge_outbox().work(connection) is True
        assert await purge_outbox().work(connection) is False
        row = (await connection.execute(looked)).one()
        return row.scans, row.rows

    scans, rows = await in_transaction(engine, purge)
    assert scans == 0
    assert rows <= 2 * SLICE
    assert await _left(engine) == 10 * SLICE


async def test_what_is_left_of_a_task_is_done_at_once_in_transactions_of_their_own(
    engine: AsyncEngine,
) -> None:
    transactions: list[int] = []

    async def work(connection: AsyncConnection) -> bool:
        found = await connection.execute(text("SELECT CAST(pg_current_xact_id() AS text)"))
        transactions.append(int(found.scalar_one()))
        return len(transactions) < 4

    async with _running(Upkeep(engine, "numbers", [UpkeepTask("parts", 3600.0, work)])):
        await _until(lambda: len(transactions) == 4)
    assert len(set(transactions)) == 4


async def test_several_replicas_do_a_task_once_a_period(engine: AsyncEngine) -> None:
    began: list[float] = []

    async def work(connection: AsyncConnection) -> None:
        found = await connection.execute(text("SELECT extract(epoch FROM clock_timestamp())"))
        began.append(float(found.scalar_one()))

    period_s = 0.3
    replicas = [Upkeep(engine, "numbers", [UpkeepTask("count", period_s, work)]) for _ in range(4)]
    async with _running(*replicas):
        await _until(lambda: len(began) >= 6)
    times = sorted(began)
    apart = [after - before for before, after in itertools.pairwise(times)]
    # Replicas look a little before the end of a period, and none does it in between.
    assert min(apart) > period_s * 0.79


async def test_a_turn_taken_since_a_replica_began_to_look_is_not_taken_again(
    engine: AsyncEngine, role_url: Callable[[str], str]
) -> None:
    done: list[str] = []

    def replica(engine: AsyncEngine, name: str) -> Upkeep:
        async def work(_: AsyncConnection) -> None:
            done.append(name)

        return Upkeep(engine, "numbers", [UpkeepTask("turn", 3600.0, work)])

    held = create_engine(role_url("test_numbers"), "numbers", name="held", pool_size=1)
    listen(held.sync_engine, "begin", _wait_for_its_lock)
    async with engine.connect() as holder:
        await holder.execute(text("SELECT pg_advisory_lock(7)"))
        async with _running(replica(held, "held")):
            # Its transaction has begun, and has not asked for the turn yet.
            await _until_held_is(engine, "active")
            async with _running(replica(engine, "other")):
                await _until(lambda: done == ["other"])
            await holder.execute(text("SELECT pg_advisory_unlock(7)"))
            await _until_held_is(engine, "idle")
    await held.dispose()
    assert done == ["other"]


def _wait_for_its_lock(connection: Connection) -> None:
    connection.execute(text("SELECT pg_advisory_xact_lock(7)"))


async def _until_held_is(engine: AsyncEngine, state: str) -> None:
    looked = text("SELECT state FROM pg_stat_activity WHERE application_name = 'held'")
    while True:
        async with engine.connect() as connection:
            if await connection.scalar(looked) == state:
                return


async def test_a_clock_that_was_ahead_does_not_keep_a_task_from_its_turn(
    engine: AsyncEngine,
) -> None:
    done = asyncio.Event()

    async def work(_: AsyncConnection) -> None:
        done.set()

    async with engine.begin() as connection:
        await connection.execute(
            text("INSERT INTO upkeep_turn VALUES ('ahead', now() + interval '1 year')")
        )
    async with _running(Upkeep(engine, "numbers", [UpkeepTask("ahead", 3600.0, work)])):
        await done.wait()


async def test_a_replica_that_is_not_able_leaves_the_turn_to_the_others(
    engine: AsyncEngine,
) -> None:
    done: list[str] = []

    def replica(name: str, able: bool) -> Upkeep:
        async def work(_: AsyncConnection) -> None:
            done.append(name)

        return Upkeep(engine, "numbers", [UpkeepTask("look", 0.05, work, lambda: able)])

    async with _running(replica("unable", False), replica("able", True)):
        await _until(lambda: len(done) > 5)
    assert set(done) == {"able"}


async def _fail(connection: AsyncConnection) -> None:
    await connection.execute(text("SELECT 1 / 0"))


async def _take_too_long(connection: AsyncConnection) -> None:
    await connection.execute(text("SET LOCAL statement_timeout = 1"))
    await connection.execute(text("SELECT pg_sleep(9)"))


@pytest.mark.parametrize("wrong", [_fail, _take_too_long])
async def test_a_task_that_fails_is_shown_until_it_works_again(
    engine: AsyncEngine, wrong: Callable[[AsyncConnection], Awaitable[None]]
) -> None:
    works = [False]
    attempts: list[bool] = []

    async def work(connection: AsyncConnection) -> None:
        attempts.append(works[0])
        if not works[0]:
            await wrong(connection)

    def failing() -> float | None:
        return REGISTRY.get_sample_value("csms_upkeep_failing", {"task": "fail"})

    upkeep = Upkeep(engine, "numbers", [UpkeepTask("fail", 0.05, work)])
    assert failing() == 0
    async with _running(upkeep):
        await _until(lambda: len(attempts) > 2)
        assert failing() == 1
        assert list(upkeep.warnings()) == ["upkeep fail"]
        works[0] = True
        await _until(lambda: failing() == 0)
    assert upkeep.warnings() == {}


async def test_what_each_replica_shows_itself_is_done_in_each(engine: AsyncEngine) -> None:
    done: set[int] = set()

    def replica(number: int) -> Upkeep:
        async def work(_: AsyncConnection) -> None:
            done.add(number)

        task = UpkeepTask("measure", 3600.0, work, in_each_replica=True)
        return Upkeep(engine, "numbers", [task])

    async with _running(*map(replica, range(3))):
        await _until(lambda: done == {0, 1, 2})


async def test_long_statements_of_upkeep_stall_neither_events_nor_readiness_nor_leases(
    engine: AsyncEngine, broker_url: str, role_url: Callable[[str], str], scripts: Path
) -> None:
    metadata = MetaData()
    outbox, parked = outbox_table(metadata), parked_table(metadata)
    settings = DatabaseSettings(
        broker_url=SecretStr(broker_url),
        database_url=SecretStr(role_url("test_numbers")),
        probe_port=0,
    )
    slow = UPKEEP_CONNECTIONS + 1
    begun: list[int] = []
    watched = asyncio.Event()

    def long_statement(number: int) -> UpkeepTask:
        async def work(connection: AsyncConnection) -> None:
            begun.append(number)
            await connection.execute(text("SELECT pg_sleep(60)"))

        return UpkeepTask(f"long {number}", 3600.0, work)

    async def watch(_: AsyncConnection) -> None:
        if len(begun) == UPKEEP_CONNECTIONS:
            watched.set()

    async with Link(broker_url, "test") as link:
        service = OwningService(
            "station-registry",
            settings,
            link,
            schema="numbers",
            migrations=scripts,
            outbox=outbox,
            parked=parked,
        )
        service.keep_up(*map(long_statement, range(slow)))
        service.keep_up_apart("leases", UpkeepTask("watch", 0.05, watch))
        running = asyncio.create_task(service.run(asyncio.Event()))
        try:
            async with asyncio.timeout(WITHIN_S):
                await watched.wait()
                while await service.missing():
                    await asyncio.sleep(0.05)
                async with engine.begin() as connection:
                    await write_events(connection, outbox, [(FOLLOWED, make_event(1))])
                service.wake_relay()
                unpublished = text(
                    "SELECT count(*) FROM outbox WHERE published_at IS NULL OR stored_at IS NULL"
                )
                while True:
                    async with engine.connect() as connection:
                        if not (await connection.execute(unpublished)).scalar_one():
                            break
                    await asyncio.sleep(0.05)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await service.close()
