"""F9: a broker of three nodes, one of which is cut off, stands still, or dies."""

import asyncio

import pytest

from tests.faults.cluster import Cluster
from tests.faults.scale import Scale
from tests.faults.scenario import Scenario
from tests.faults.suite_on_paths import SuiteOnPaths

_STATIONS = 12
# Elections, a new incarnation where an own queue lived on the lost node, and the stations' pauses.
_GOES_ON_WITHIN_S = 90.0
_RECOVERY_S = 90.0


@pytest.mark.full_scale
async def test_the_minority_takes_nothing_and_the_majority_goes_on(
    suite: SuiteOnPaths, cluster: Cluster, scale: Scale
) -> None:
    seconds = scale.pick(10, 30)
    title = f"each node in turn cut off from the others for {seconds} s"
    async with Scenario("F9", title, suite, stations=_STATIONS) as scenario:
        scenario.events.tap_may_refuse = True
        for name in scale.pick(list(cluster.faults)[:1], list(cluster.faults)):
            await scenario.fleet.progress(8)
            await cluster.cut(name)
            suite.note(f"{name} cut off for {seconds} s")
            lasting = asyncio.create_task(asyncio.sleep(seconds))
            await scenario.fleet.progress(8, _GOES_ON_WITHIN_S)
            assert await cluster.running(name) == set(), "a minority went on"
            await lasting
            await cluster.mend(name)
            await cluster.until_whole()
            await scenario.recovered(_RECOVERY_S)


@pytest.mark.full_scale
async def test_a_node_that_stands_still_is_done_without(
    suite: SuiteOnPaths, cluster: Cluster, scale: Scale
) -> None:
    seconds = scale.pick(20, 90)
    title = f"a node stopped (SIGSTOP) for {seconds} s"
    async with Scenario("F9", title, suite, stations=_STATIONS) as scenario:
        scenario.events.tap_may_refuse = True
        for name in scale.pick(list(cluster.faults)[:1], list(cluster.faults)):
            await scenario.fleet.progress(8)
            cluster.faults[name].freeze()
            suite.note(f"SIGSTOP {name} for {seconds} s")
            try:
                lasting = asyncio.create_task(asyncio.sleep(seconds))
                await scenario.fleet.progress(8, _GOES_ON_WITHIN_S)
                await lasting
            finally:
                if await cluster.resume(name):
                    suite.note(f"{name} restarted, for the others had given it up")
            await scenario.recovered(_RECOVERY_S)


@pytest.mark.full_scale
async def test_a_node_that_dies_takes_no_confirmed_message_with_it(
    suite: SuiteOnPaths, cluster: Cluster, scale: Scale
) -> None:
    async with Scenario("F9", "a node killed and started again", suite, stations=_STATIONS) as (
        scenario
    ):
        scenario.events.tap_may_refuse = True
        for name in scale.pick(list(cluster.faults)[:1], list(cluster.faults)):
            await scenario.fleet.progress(8)
            await cluster.faults[name].kill()
            suite.note(f"SIGKILL {name}")
            await scenario.fleet.progress(8, _GOES_ON_WITHIN_S)
            await cluster.faults[name].begin()
            await cluster.until_whole()
            await scenario.recovered(_RECOVERY_S)
