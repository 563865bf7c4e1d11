"""F29: what ends streams of events takes nothing from them, and tells them nothing twice."""

import asyncio

import pytest

from tests.faults.faulty_suite import FaultySuite
from tests.faults.scale import Scale
from tests.faults.scenario import Scenario
from tests.integration.waiting import eventually

_STREAMS = 5


@pytest.mark.in_subset
async def test_streams_go_on_where_they_were_when_command_api_is_killed(
    suite: FaultySuite, scale: Scale
) -> None:
    async with Scenario("F29", "command-api killed while streams are open", suite) as scenario:
        for _ in range(_STREAMS):
            await scenario.follow_events()
        for _ in range(scale.pick(3, 20)):
            await scenario.fleet.progress(8)
            before = _connections(scenario)
            await suite.kill("command-api")
            await scenario.recovered()
            await _until_taken_on(scenario, before)


async def test_streams_get_later_what_happens_while_command_api_stands_still(
    suite: FaultySuite, scale: Scale
) -> None:
    seconds = scale.pick(20, 90)
    title = f"command-api stood still for {seconds} s while streams are open"
    async with Scenario("F29", title, suite) as scenario:
        await scenario.follow_events()
        await scenario.fleet.progress(8)
        suite.pause("command-api")
        await asyncio.sleep(seconds)
        suite.resume("command-api")
        await scenario.recovered()


def _connections(scenario: Scenario) -> list[int]:
    return [stream.connections for stream in scenario.events.streams]


async def _until_taken_on(scenario: Scenario, before: list[int]) -> None:
    """Wait until each stream is open anew."""

    async def same() -> int:
        now = _connections(scenario)
        return sum(after == count for after, count in zip(now, before, strict=True))

    await eventually(same, lambda count: not count, 60)
