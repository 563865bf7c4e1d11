"""F28: the event store dies, stands still, is away or takes nothing, while sessions go on."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from csms_shared.broker.topology import EVENTS, event_store_queue
from tests.faults.faulty_suite import FaultySuite
from tests.faults.proxy import Proxy
from tests.faults.scale import Scale
from tests.faults.scenario import Scenario
from tests.faults.stored_events import head_of
from tests.faults.suite_on_paths import SuiteOnPaths
from tests.integration.replicas import another
from tests.integration.waiting import eventually

STORE = "integration-service"
_POLICY = "full"
# Some messages of events; an outbox keeps the others.
_ROOM_BYTES = 20_000
# What a message to subscribers begins with: its exchange, behind the length of its name.
_PUBLISHED = bytes([len(EVENTS)]) + EVENTS.encode()


@contextlib.asynccontextmanager
async def _unnoticed(scenario: Scenario) -> AsyncIterator[None]:
    """Fail where a station lost its socket, sent in vain or waited, from here to the end."""
    scenario.unaffected = scenario.fleet.station_ids
    reconnects = scenario.fleet.reconnects()
    yield
    assert scenario.fleet.reconnects() == reconnects, "a station lost its socket"
    assert not scenario.fleet.ledger.failed_attempts
    assert not scenario.commands.refused


@pytest.mark.in_subset
async def test_a_killed_event_store_stores_and_tells_every_event_once(
    suite: FaultySuite, scale: Scale
) -> None:
    title = "event store killed under load"
    async with Scenario("F28", title, suite) as scenario:
        scenario.unaffected = scenario.fleet.station_ids
        for _ in range(scale.pick(3, 20)):
            await scenario.fleet.progress(8)
            await suite.kill(STORE)
            await scenario.recovered()


# Shorter and longer than a transaction may be idle (10 and 30 s), and than a broker waits (12 s).
@pytest.mark.parametrize("seconds", [15, 45])
async def test_an_event_store_that_stood_still_goes_on_where_it_was(
    suite: FaultySuite, scale: Scale, seconds: int
) -> None:
    title = f"event store stood still for {seconds} s"
    async with Scenario("F28", title, suite) as scenario:
        scenario.unaffected = scenario.fleet.station_ids
        for _ in range(scale.pick(1, 4)):
            await scenario.fleet.progress(8)
            suite.pause(STORE)
            await asyncio.sleep(seconds)
            suite.resume(STORE)
            await scenario.recovered()


async def test_of_two_event_stores_the_one_that_wakes_up_stores_nothing_again(
    suite: FaultySuite, scale: Scale
) -> None:
    run = suite.state()
    async with (
        another(STORE, suite.home, run) as second,
        Scenario("F28", "one of two event stores stood still", suite) as scenario,
    ):
        scenario.unaffected = scenario.fleet.station_ids
        # Each in turn: one of them has the queue.
        for number in range(scale.pick(2, 8)):
            await scenario.fleet.progress(8)
            pid = (suite.pid(STORE), second.pid)[number % 2]
            async with suite.one_of_two_stopped(STORE, pid):
                await _until_stored(suite)
            await scenario.recovered()


async def _until_stored(suite: FaultySuite) -> None:
    """Wait until the other one has taken over: what is committed from now on is stored."""
    async with suite.database() as database:
        newest = await database.fetchval("SELECT max(id) FROM session.outbox")

        async def left() -> int:
            return int(
                await database.fetchval(
                    "SELECT count(*) FROM session.outbox WHERE id <= $1 AND stored_at IS NULL",
                    newest,
                )
            )

        before = await head_of(suite)
        await eventually(left, lambda count: not count, 60)
        await eventually(lambda: head_of(suite), lambda head: head > before, 60)


async def test_a_connection_that_is_cut_amid_what_it_tells_turns_no_order_round(
    suite: SuiteOnPaths, scale: Scale
) -> None:
    path = suite.broker_paths[STORE]
    title = "event store cut off amid what it tells subscribers"
    async with Scenario("F28", title, suite) as scenario:
        scenario.unaffected = scenario.fleet.station_ids
        for _ in range(scale.pick(6, 60)):
            await scenario.fleet.progress(4)
            suite.note("connection cut")
            await _cut(path)
        await scenario.recovered()


async def _cut(path: Proxy) -> None:
    """Cut the next connection that tells subscribers, amid what it carries; wait for another."""
    before = path.accepted
    path.to_target.cut_within(lambda data: _PUBLISHED in data)

    async def accepted() -> int:
        return path.accepted

    await eventually(accepted, lambda now: now > before, 60)


async def test_sessions_do_not_notice_that_the_event_store_is_away(
    suite: SuiteOnPaths, scale: Scale
) -> None:
    seconds = scale.pick(60, 600)
    title = f"event store away for {seconds} s"
    async with Scenario("F28", title, suite) as scenario, _unnoticed(scenario):
        await scenario.fleet.progress(8)
        async with suite.without(STORE):
            await asyncio.sleep(seconds)
        await scenario.recovered()


async def test_what_the_full_queue_of_events_refuses_is_stored_when_it_has_room(
    suite: SuiteOnPaths, scale: Scale
) -> None:
    title = f"queue of events full at {_ROOM_BYTES} bytes"
    async with Scenario("F28", title, suite) as scenario, _unnoticed(scenario):
        await scenario.fleet.progress(8)
        async with _without_room(suite), suite.without(STORE):
            await eventually(lambda: _refused(suite), bool, 60)
            # Fuller than it may be, nobody reads it, and sessions go on.
            await scenario.fleet.progress(scale.pick(30, 300), within=scale.pick(120, 600))
        await scenario.recovered()


@contextlib.asynccontextmanager
async def _without_room(suite: SuiteOnPaths) -> AsyncIterator[None]:
    await suite.broker.control(
        "set_policy",
        _POLICY,
        f"^{event_store_queue().name}$",
        f'{{"max-length-bytes": {_ROOM_BYTES}}}',
        "--apply-to",
        "queues",
    )
    suite.note("queue of events without room")
    try:
        yield
    finally:
        await suite.broker.control("clear_policy", _POLICY)


async def _refused(suite: SuiteOnPaths) -> bool:
    """Tell whether session-service's relay says that the queue refuses."""
    return await suite.metric("session-service", "csms_outbox_unstored") > 100
