"""N1: queues of other systems that take nothing, and nobody else who notices."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import asyncpg
import orjson
import pytest

from csms_shared.broker.declarations import Binding, Queue
from csms_shared.broker.link import Link
from csms_shared.broker.topology import EVENTS
from tests.faults.event_tap import EventKey
from tests.faults.fairness_invariant import FairnessCheck
from tests.faults.faulty_suite import SCHEMAS
from tests.faults.scale import Scale
from tests.faults.scenario import Scenario
from tests.faults.suite_on_paths import SuiteOnPaths

# Everybody else's events come within 5 s; what is beyond that here is for a busy machine.
_WITHIN = timedelta(seconds=15)
_LOOKED_EVERY_S = 1.0


def _full(kind: str, *keys: str) -> Queue:
    """Return a queue of one message, for nobody reads it."""
    return Queue(
        f"fault-tests.full-{kind}.v1",
        {"x-queue-type": kind, "x-max-length": 1, "x-overflow": "reject-publish"},
        tuple(Binding(EVENTS, key) for key in keys),
    )


@contextlib.asynccontextmanager
async def _bound(suite: SuiteOnPaths, *queues: Queue) -> AsyncIterator[None]:
    async with Link(suite.nodes.broker_url, "subscriber") as link:
        await link.declare(*queues)
    try:
        yield
    finally:
        for queue in queues:
            await suite.broker.delete_queue(queue.name)


async def _late(suite: SuiteOnPaths, since: datetime) -> list[EventKey]:
    """Return events that were committed a while ago and have not come to another subscriber."""
    async with suite.database() as database:
        now = await database.fetchval("SELECT now()")
        rows = [
            row
            for schema in SCHEMAS
            for row in await _events(database, schema, since, now - _WITHIN)
        ]
    keys = {(event["source"], event["id"]) for row in rows for event in orjson.loads(row["events"])}
    return list(keys - suite.tap.events.keys())


async def _events(
    database: "asyncpg.Connection[asyncpg.Record]", schema: str, since: datetime, until: datetime
) -> list[asyncpg.Record]:
    return await database.fetch(
        f"SELECT events FROM {schema}.outbox WHERE created_at BETWEEN $1 AND $2", since, until
    )


async def _watch(suite: SuiteOnPaths, work: asyncio.Task[None]) -> None:
    """Hold the events that come to another subscriber against what was committed, meanwhile."""
    async with suite.database() as database:
        since = await database.fetchval("SELECT now()")
    while not work.done():
        assert await _late(suite, since) == []
        await asyncio.sleep(_LOOKED_EVERY_S)


async def _progress(suite: SuiteOnPaths, scenario: Scenario, scale: Scale) -> None:
    """Let sessions go on, while every event comes in time to those whom nothing concerns."""
    wanted, within = scale.pick((30, 120.0), (600, 1200.0))
    work = asyncio.create_task(scenario.fleet.progress(wanted, within=within))
    try:
        await _watch(suite, work)
        await work
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)


@pytest.mark.in_subset
async def test_full_queues_of_subscribers_concern_nobody_else(
    suite: SuiteOnPaths, scale: Scale
) -> None:
    async with Scenario("N1", "subscribers' queues that are full", suite) as scenario:
        scenario.unaffected = scenario.fleet.station_ids
        fairness = FairnessCheck(scenario, suite, scale)
        await fairness.without()
        before = suite.tap.repeated(), len(suite.tap.events)
        async with _bound(
            suite, _full("classic", "#"), _full("quorum", "transaction.*", "command.#")
        ):
            suite.note("full classic queue")
            suite.note("full quorum queue")
            async with fairness.beside():
                await _progress(suite, scenario, scale)
            assert await suite.metric("integration-service", "csms_public_events_refused_total") > 0
            for metric in ("csms_outbox_pending", "csms_outbox_unstored"):
                assert await suite.metric("session-service", metric) < 200
            repeated, told = suite.tap.repeated() - before[0], len(suite.tap.events) - before[1]
            # One message of a key at a time is tried again, at growing pauses.
            assert repeated < told / 4
        await scenario.recovered()
        await fairness.without()
        fairness.judge()


async def test_a_subscribers_queue_that_confirms_nothing_concerns_nobody_else(
    suite: SuiteOnPaths, scale: Scale
) -> None:
    async with Scenario("N1", "a subscriber's queue that stands still", suite) as scenario:
        scenario.unaffected = scenario.fleet.station_ids
        fairness = FairnessCheck(scenario, suite, scale)
        await fairness.without()
        still = Queue("fault-tests.still.v1", {"x-queue-type": "classic"}, (Binding(EVENTS, "#"),))
        async with _bound(suite, still):
            suite.note("queue that stands still")
            await suite.broker.suspend_queue(still.name)
            try:
                async with fairness.beside():
                    await _progress(suite, scenario, scale)
            finally:
                await suite.broker.resume_queue(still.name)
        await scenario.recovered()
        await fairness.without()
        fairness.judge()
