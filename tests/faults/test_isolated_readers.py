"""N2 and N5: one gateway that cannot be told, and what one party says that others can't read."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from csms_shared.broker.topology import SESSION_SERVICE, STATION_REGISTRY
from csms_simulator.ledger import Ledger
from tests.faults.fairness_invariant import FairnessCheck
from tests.faults.faults_inside import faults_inside
from tests.faults.faulty_suite import GATEWAYS
from tests.faults.nonsense import Nonsense
from tests.faults.scale import Scale
from tests.faults.scenario import Scenario
from tests.faults.suite_on_paths import SuiteOnPaths
from tests.integration.waiting import eventually

DEAF, SOUND = GATEWAYS
_POLICY = "deaf"

Fault = Callable[[SuiteOnPaths], AbstractAsyncContextManager[None]]


@asynccontextmanager
async def _refuses(suite: SuiteOnPaths) -> AsyncIterator[None]:
    """Let the gateway's own queue refuse every message: it confirms nothing."""
    refuse = '{"max-length": 0, "overflow": "reject-publish"}'
    await suite.broker.control("set_policy", _POLICY, f"^{DEAF}-.*", refuse, "--apply-to", "queues")
    try:
        yield
    finally:
        await suite.broker.control("clear_policy", _POLICY)


@asynccontextmanager
async def _reads_nothing(suite: SuiteOnPaths) -> AsyncIterator[None]:
    """Let the broker's messages gather before the gateway, which goes on sending."""
    path = suite.broker_paths[DEAF]
    path.to_client.freeze()
    try:
        yield
    finally:
        path.mend()


@pytest.mark.parametrize(
    ("what", "fault"), [("refuses", _refuses), ("reads nothing", _reads_nothing)]
)
async def test_a_gateway_that_cannot_be_told_costs_the_other_nothing(
    suite: SuiteOnPaths, scale: Scale, what: str, fault: Fault
) -> None:
    title = f"{DEAF}'s queue {what}"
    async with Scenario("N2", title, suite, ocpp_urls=suite.gateway_urls) as scenario:
        fleet = scenario.fleet
        sound = {
            station.station_id
            for station in fleet.stations
            if station.link.endpoint == suite.gateway_urls[GATEWAYS.index(SOUND)]
        }
        scenario.unaffected = sound
        await fleet.progress(8)
        fairness = FairnessCheck(scenario, suite, scale)
        await fairness.without()
        connections = _connections(scenario, sound)
        async with fault(suite), fairness.beside():
            suite.note(title)
            # More calls than services may hold unacknowledged, from either gateway.
            await _until_more_calls(fleet.ledger, sound, scale.pick(300, 3000))
        assert _connections(scenario, sound) == connections, "a station of the other lost its"
        await scenario.recovered()
        await fairness.without()
        fairness.judge()


def _connections(scenario: Scenario, station_ids: set[str]) -> dict[str, int]:
    return {
        station.station_id: station.link.connections_made
        for station in scenario.fleet.stations
        if station.station_id in station_ids
    }


async def _until_more_calls(ledger: Ledger, station_ids: set[str], count: int) -> None:
    async def calls() -> int:
        return sum(call.station_id in station_ids for call in ledger.calls)

    wanted = await calls() + count
    await eventually(calls, lambda now: now >= wanted, 30 + count)


@pytest.mark.in_subset
async def test_what_nobody_understands_costs_nobody_who_is_understood(
    suite: SuiteOnPaths, scale: Scale
) -> None:
    async with (
        Scenario("N5", "messages that nobody understands", suite) as scenario,
        Nonsense(suite) as nonsense,
    ):
        scenario.unaffected = scenario.fleet.station_ids
        pids = {process: suite.pid(process) for process in (*GATEWAYS, "command-api")}
        connections = _connections(scenario, set(scenario.fleet.station_ids))
        for _ in range(scale.pick(3, 30)):
            await scenario.fleet.progress(4)
            suite.injected["messages of no use"] += await nonsense.put_into_queues_of_one_life()
            poison = await nonsense.put_into_work_queues()
            scenario.poison += poison
            suite.injected["items to be parked"] += len(poison)
        await scenario.fleet.progress(8)

        async def unanswered() -> set[str]:
            return nonsense.neighbours - nonsense.answered

        await eventually(unanswered, lambda left: not left, 30)
        assert _connections(scenario, set(scenario.fleet.station_ids)) == connections
        assert pids == {process: suite.pid(process) for process in pids}
        assert await suite.metric(GATEWAYS[0], "csms_items_unread_total") > 0
        assert await suite.metric("command-api", "csms_items_unread_total") > 0


async def test_services_that_fail_at_requests_end_no_process_and_park_no_order(
    suite: SuiteOnPaths, scale: Scale
) -> None:
    failing = {"FAULT_FAILING_REQUESTS": "2"}
    async with Scenario("N5", "every second request is answered with 500", suite) as scenario:
        pid = suite.pid("command-api")
        async with faults_inside(suite, {STATION_REGISTRY: failing, SESSION_SERVICE: failing}):
            suite.note("services answer 500")
            refused = scenario.commands.refused.total()
            await scenario.fleet.progress(scale.pick(20, 200), within=scale.pick(90, 600))

            async def refusals() -> int:
                return scenario.commands.refused.total()

            await eventually(refusals, lambda now: now > refused, 60)
        assert suite.pid("command-api") == pid
        await scenario.recovered()
