"""F30: the overview answers in time whatever is away, and says what that is."""

import asyncio
from typing import Any

import pytest

from tests.faults.faulty_suite import FaultySuite
from tests.faults.scale import Scale
from tests.faults.scenario import Scenario
from tests.faults.suite_on_paths import SuiteOnPaths
from tests.integration.waiting import eventually

# The attempts are bounded: 1.5 s for what comes first, 3 s for each part, side by side. The rest is
# for a busy machine.
_ANSWERS_WITHIN_S = 10.0
_LOST = {
    "station-registry": {"stations", "connectors"},
    "session-service": {"sessions", "energy_by_hour"},
    "integration-service": {"position"},
    "billing-service": {"bills"},
}
_OWN = "command-api"

Answer = dict[str, Any]


@pytest.mark.in_subset
async def test_the_overview_does_without_a_service_that_stands_still(
    suite: FaultySuite, scale: Scale
) -> None:
    title = "overview asked while each service stands still"
    async with Scenario("F30", title, suite) as scenario:
        for _ in range(scale.pick(1, 5)):
            for service, lost in _LOST.items():
                await scenario.fleet.progress(8)
                suite.pause(service)
                try:
                    shown = await _told(scenario, [service])
                finally:
                    suite.resume(service)
                assert {name for name, part in shown.items() if part is None} == lost
                await scenario.recovered()
                await _told(scenario, [])


async def test_the_overview_does_without_the_database_of_command_api(
    suite: SuiteOnPaths, scale: Scale
) -> None:
    title = "overview asked while command-api is cut off from its database"
    async with Scenario("F30", title, suite) as scenario:
        for _ in range(scale.pick(2, 10)):
            await scenario.fleet.progress(8)
            await _told(scenario, [])
            suite.note("command-api without its database")
            suite.database_paths[_OWN].cut()
            try:
                # Who asks is remembered for some seconds, and afterwards not known.
                statuses = await _until_unknown(scenario)
            finally:
                suite.database_paths[_OWN].mend()
            assert statuses <= {200, 503}
            await scenario.recovered()
            await _told(scenario, [])


async def _told(scenario: Scenario, away: list[str]) -> Answer:
    """Return the overview once exactly these are away; every answer comes in time."""

    async def shown() -> Answer:
        async with asyncio.timeout(_ANSWERS_WITHIN_S):
            found: Answer = await scenario.operator.get("/overview")
        return found

    return await eventually(shown, lambda found: found["away"] == away)


async def _until_unknown(scenario: Scenario) -> set[int]:
    """Ask until nobody knows who asks, and return all statuses; no answer names another service."""
    seen: set[int] = set()

    async def status() -> int:
        async with asyncio.timeout(_ANSWERS_WITHIN_S):
            answer = await scenario.operator.http.get("/overview")
        seen.add(answer.status_code)
        if answer.status_code == 200:
            assert answer.json()["away"] in ([], [_OWN])
        else:
            assert answer.json()["code"] == "database_unavailable"
        return answer.status_code

    await eventually(status, lambda found: found == 503)
    return seen
