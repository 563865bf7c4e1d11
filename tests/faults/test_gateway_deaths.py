"""F1 and F2: gateways that die in the middle of everything, or stand still and wake up."""

import asyncio

import pytest

from tests.faults.faulty_suite import GATEWAYS, FaultySuite
from tests.faults.scale import Scale
from tests.faults.scenario import Scenario


@pytest.mark.in_subset
async def test_a_killed_gateway_loses_nothing_and_doubles_nothing(
    suite: FaultySuite, scale: Scale
) -> None:
    async with Scenario("F1", "gateway killed under load", suite) as scenario:
        for number in range(scale.pick(2, 20)):
            await scenario.fleet.progress(8)
            await suite.kill(GATEWAYS[number % 2])
            await scenario.recovered()


async def test_a_gateway_that_wakes_up_owns_nothing_any_more(
    suite: FaultySuite, scale: Scale
) -> None:
    async with Scenario("F2", "gateway stood still", suite) as scenario:
        for number in range(scale.pick(1, 4)):
            await scenario.fleet.progress(8)
            suite.pause(GATEWAYS[number % 2])
            # Beyond the lease of 20 s, after which others may own its stations.
            await asyncio.sleep(scale.pick(25, 90))
            await scenario.fleet.until_online()
            suite.resume(GATEWAYS[number % 2])
            await scenario.recovered()
