"""F22: machines whose clocks are two minutes apart, and stations whose clocks are wrong."""

from dataclasses import replace

import pytest

from tests.faults.faults_inside import faults_inside
from tests.faults.fleet import FIRMWARE
from tests.faults.scale import Scale
from tests.faults.scenario import Scenario
from tests.faults.suite_on_paths import SuiteOnPaths

# In seconds; no two differ by more than 120.
_CLOCKS = (
    {
        "gateway-1": 60,
        "gateway-2": -60,
        "station-registry": -60,
        "session-service": 60,
        "command-api": -60,
    },
    {
        "gateway-1": -120,
        "gateway-2": 0,
        "station-registry": 0,
        "session-service": -120,
        "command-api": -30,
    },
)


@pytest.mark.parametrize("clocks", _CLOCKS)
async def test_clocks_that_differ_cost_no_session_and_no_command(
    suite: SuiteOnPaths, scale: Scale, clocks: dict[str, int]
) -> None:
    faults = {process: {"FAULT_CLOCK_S": str(seconds)} for process, seconds in clocks.items()}
    async with faults_inside(suite, faults):
        title = "clocks up to 120 s apart"
        async with Scenario("F22", title, suite) as scenario:
            scenario.command_clock_s = clocks["command-api"]
            suite.note("clock put forward or back")
            await scenario.fleet.progress(scale.pick(60, 600), within=scale.pick(90, 600))
            ended = [command["status"] for command in scenario.commands.answered]
            assert ended.count("completed") > 0.9 * len(ended) > 0


async def test_stations_go_by_whatever_clock_they_have(suite: SuiteOnPaths, scale: Scale) -> None:
    settings = replace(FIRMWARE, clock_offset=-7200)
    async with Scenario("F22", "stations two hours behind", suite, settings=settings) as scenario:
        suite.note("stations two hours behind")
        await scenario.fleet.progress(scale.pick(30, 300), within=scale.pick(90, 300))
