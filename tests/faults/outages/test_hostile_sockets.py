"""F25: sockets that are slow, far too big, or talk nonsense, beside stations that charge."""

import asyncio

import pytest

from tests.faults.hostile_sockets import (
    Hostile,
    frame_beyond_the_limit,
    frame_of_a_megabyte,
    garbage,
    slow_handshake,
    unknown_action,
)
from tests.faults.scale import Scale
from tests.faults.scenario import Scenario
from tests.faults.suite_on_paths import SuiteOnPaths


@pytest.mark.parametrize(
    ("hostile", "at_once"),
    [
        (slow_handshake, 200),
        (frame_beyond_the_limit, 10),
        (frame_of_a_megabyte, 10),
        (garbage, 20),
        (unknown_action, 20),
    ],
)
async def test_a_hostile_socket_is_no_other_stations_trouble(
    suite: SuiteOnPaths, scale: Scale, hostile: Hostile, at_once: int
) -> None:
    name = hostile.__name__.replace("_", " ")
    async with Scenario("F25", name, suite) as scenario:
        scenario.unaffected = scenario.fleet.station_ids
        await scenario.fleet.progress(4)
        reconnects = scenario.fleet.reconnects()
        for _ in range(scale.pick(1, 5)):
            async with asyncio.TaskGroup() as group:
                for number in range(at_once):
                    url = suite.gateway_urls[number % 2]
                    group.create_task(hostile(url))
                    suite.note(name)
        await scenario.fleet.progress(4)
        assert scenario.fleet.reconnects() == reconnects, "another station lost its socket"
