"""F1 and F2: gateways that die in the middle of everything, or stand still and wake up."""

from tests.faults.faulty_suite import GATEWAYS, FaultySuite
from tests.faults.scale import Scale
from tests.faults.scenario import Scenario


async def test_a_killed_gateway_loses_nothing_and_doubles_nothing(
    suite: FaultySuite, scale: Scale
) -> None:
    async with Scenario("F1", "gateway killed under load", suite) as scenario:
        for number in range(scale.pick(3, 20)):
            await scenario.fleet.progress(8)
            await suite.kill(GATEWAYS[number % 2])
            await scenario.recovered()
