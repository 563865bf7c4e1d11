"""F12 and F13: services that die between two steps that belong together."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from csms_shared.broker.declarations import Binding, Queue
from csms_shared.broker.topology import REQUESTS, event_store_key
from tests.faults.event_tap import EventTap
from tests.faults.faulty_suite import FaultySuite
from tests.faults.scale import Scale
from tests.faults.scenario import Scenario
from tests.faults.suite_on_paths import SuiteOnPaths
from tests.integration.waiting import eventually

# A service that dies again and again is started again after growing pauses: in full, the stations
# have ten minutes of outages to catch up with, and lived ten times as long in them. Short, full.
_DRAIN_S = (180.0, 900.0)
# What services tell, before the event store drops what it has already.
_TOLD = Queue(
    "fault-tests.told-events.v1",
    {"x-queue-type": "quorum", "x-expires": 3_600_000},
    (Binding(REQUESTS, event_store_key()),),
)


@pytest_asyncio.fixture(loop_scope="session")
async def store_tap(suite: SuiteOnPaths) -> AsyncIterator[EventTap]:
    """Every copy of an event that a service publishes."""
    tap = EventTap(suite.state().broker_url, _TOLD)
    await tap.start()
    yield tap
    await tap.stop()


@pytest.mark.in_subset
async def test_what_was_committed_and_not_acknowledged_has_its_effect_once(
    suite: SuiteOnPaths, scale: Scale
) -> None:
    path = suite.broker_paths["session-service"]
    title = "consumer killed between commit and acknowledgement"
    async with Scenario("F12", title, suite, drain_within=scale.pick(*_DRAIN_S)) as scenario:
        for _ in range(scale.pick(2, 20)):
            await scenario.fleet.progress(4)
            path.to_target.freeze()
            await _until_more_is_stored(suite)
            suite.note("acknowledgements held back")
            await suite.kill("session-service")
            path.reset()
            path.mend()
            await scenario.recovered()


async def test_an_event_that_was_published_and_not_marked_comes_again_with_its_id(
    suite: SuiteOnPaths, scale: Scale, store_tap: EventTap
) -> None:
    path = suite.broker_paths["session-service"]
    title = "relay killed between publish and mark"
    async with Scenario("F13", title, suite, drain_within=scale.pick(*_DRAIN_S)) as scenario:
        for _ in range(scale.pick(2, 20)):
            await scenario.fleet.progress(4)
            path.to_client.freeze()
            await _until_more_is_told(store_tap)
            suite.note("confirms held back")
            await suite.kill("session-service")
            path.reset()
            path.mend()
            await scenario.recovered()
    assert store_tap.repeated() > 0, "the relay was never between the two"


async def _until_more_is_stored(suite: FaultySuite) -> None:
    async def stored() -> int:
        async with suite.database() as database:
            return int(await database.fetchval("SELECT count(*) FROM session.meter_value"))

    before = await stored()
    await eventually(stored, lambda now: now > before, 30)


async def _until_more_is_told(tap: EventTap) -> None:
    async def told() -> int:
        copies = tap.events.items()
        return sum(len(events) for (source, _), events in copies if "session" in source)

    before = await told()
    await eventually(told, lambda now: now > before, 30)
