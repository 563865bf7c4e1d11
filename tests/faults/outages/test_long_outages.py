"""No outage of up to ten minutes of any one component makes a station discard a session.

Stations give a message up after three attempts: what is counted here is how many each message
took. `FAULT_OUTAGE_SECONDS` sets how long each outage lasts.
"""

import asyncio
import os

import pytest

from tests.faults.faulty_suite import GATEWAYS
from tests.faults.scale import Scale
from tests.faults.scenario import Scenario
from tests.faults.suite_on_paths import SuiteOnPaths

VARIABLE = "FAULT_OUTAGE_SECONDS"
_STATIONS = 12
# Stations collect what they could not send, and bring it one message after the other.
_DRAIN_S = 600.0


@pytest.mark.full_scale
@pytest.mark.parametrize(
    "components",
    [
        ("broker",),
        ("database",),
        ("session-service",),
        ("station-registry",),
        ("command-api",),
        ("integration-service",),
        GATEWAYS[:1],
        GATEWAYS,
    ],
    ids=" and ".join,
)
async def test_no_outage_of_one_component_costs_a_session(
    suite: SuiteOnPaths, scale: Scale, components: tuple[str, ...]
) -> None:
    seconds = float(os.environ.get(VARIABLE) or scale.pick(20, 600))
    title = f"{' and '.join(components)} down for {seconds:.0f} s"
    async with Scenario("all", title, suite, stations=_STATIONS, drain_within=_DRAIN_S) as scenario:
        await scenario.fleet.progress(8)
        async with suite.without(*components):
            await asyncio.sleep(seconds)
        await scenario.recovered()
    assert scenario.counts.discarded == 0
