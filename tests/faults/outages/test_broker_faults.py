"""F7, F8 and F10: a broker that restarts, runs short of memory or disk, or loses a queue."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest

from csms_shared.broker.declarations import Queue
from csms_shared.broker.topology import all_queues, decisions_queue, reports_queue
from tests.faults.broker_faults import BrokerFaults
from tests.faults.faulty_suite import GATEWAYS
from tests.faults.scale import Scale
from tests.faults.scenario import Scenario
from tests.faults.suite_on_paths import SuiteOnPaths

Alarm = Callable[[BrokerFaults], AbstractAsyncContextManager[None]]
_WORK_QUEUES = frozenset(queue.name for queue in all_queues())
# What was under way when publishing stopped is with its consumer, and soon handled.
_DRAINED_WITHIN_S = 30.0


@pytest.mark.parametrize("way", ["stopped", pytest.param("killed", marks=pytest.mark.in_subset)])
async def test_a_broker_that_restarts_keeps_what_it_confirmed(
    suite: SuiteOnPaths, scale: Scale, way: str
) -> None:
    async with Scenario("F7", f"broker {way} and started again", suite) as scenario:
        for _ in range(scale.pick(1, 5)):
            await scenario.fleet.progress(8)
            await (suite.broker.stop() if way == "stopped" else suite.broker.kill())
            suite.note(f"broker {way}")
            await suite.broker.begin()
            await scenario.recovered()


async def test_a_broker_that_closes_every_connection_gets_them_back(
    suite: SuiteOnPaths, scale: Scale
) -> None:
    async with Scenario("F7", "broker closes every connection", suite) as scenario:
        for _ in range(scale.pick(2, 10)):
            await scenario.fleet.progress(8)
            await suite.broker.close_connections()
            suite.note("all connections closed")
            await scenario.recovered()


@pytest.mark.parametrize(
    ("name", "alarm"),
    [("memory", BrokerFaults.memory_alarm), ("disk", BrokerFaults.disk_alarm)],
)
async def test_while_an_alarm_blocks_publishers_consumers_drain_and_stations_wait(
    suite: SuiteOnPaths, scale: Scale, name: str, alarm: Alarm
) -> None:
    seconds = scale.pick(10, 60)
    async with Scenario("F8", f"{name} alarm for {seconds} s", suite) as scenario:
        await scenario.fleet.progress(8)
        async with alarm(suite.broker):
            suite.note(f"{name} alarm for {seconds} s")
            lasting = asyncio.create_task(asyncio.sleep(seconds))
            await suite.broker.until_empty(_WORK_QUEUES, _DRAINED_WITHIN_S)
            await lasting
        await scenario.recovered()


@pytest.mark.parametrize("queue", [reports_queue, decisions_queue])
@pytest.mark.parametrize("service", ["session-service", "station-registry"])
async def test_a_work_queue_that_is_deleted_by_hand_is_declared_and_used_again(
    suite: SuiteOnPaths, scale: Scale, queue: Callable[[str], Queue], service: str
) -> None:
    name = queue(service).name
    async with Scenario("F10", f"{name} deleted", suite) as scenario:
        for _ in range(scale.pick(1, 5)):
            await scenario.fleet.progress(8)
            # What is in a queue goes with it: nothing may be published until it is deleted.
            for gateway in GATEWAYS:
                suite.broker_paths[gateway].to_target.freeze()
            await suite.broker.until_empty(_WORK_QUEUES, _DRAINED_WITHIN_S)
            await suite.broker.delete_queue(name)
            suite.note(f"{name} deleted")
            for gateway in GATEWAYS:
                suite.broker_paths[gateway].mend()
            await scenario.recovered()


@pytest.mark.parametrize("process", ["gateway-1", "command-api"])
async def test_a_process_whose_own_queue_is_deleted_by_hand_has_it_back(
    suite: SuiteOnPaths, scale: Scale, process: str
) -> None:
    async with Scenario("F10", f"{process}'s own queue deleted", suite) as scenario:
        for _ in range(scale.pick(1, 5)):
            await scenario.fleet.progress(8)
            for name in await _own_queues(suite, process):
                await suite.broker.delete_queue(name)
                suite.note(f"a queue of {process} deleted")
            await scenario.recovered()


async def _own_queues(suite: SuiteOnPaths, process: str) -> list[str]:
    queues = await suite.broker.queues()
    return [name for name in queues if name.startswith(process) and name not in _WORK_QUEUES]
