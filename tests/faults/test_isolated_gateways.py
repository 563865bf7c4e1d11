"""N4: a gateway that re-asserts thousands of connections slowly costs nobody its lease."""

import asyncio
import time
from typing import Any

import pytest

from csms_simulator.operator import Operator
from tests.faults.faults_inside import faults_inside
from tests.faults.faulty_suite import GATEWAYS
from tests.faults.scale import Scale
from tests.faults.scenario import Scenario
from tests.faults.storm_plan import StormPlan
from tests.faults.storm_processes import storm_processes
from tests.faults.suite_on_paths import SuiteOnPaths
from tests.integration.waiting import eventually

HELD, OTHERS = GATEWAYS
CONNECT_S = 300.0
# Twenty pages of a second each, two or three of which share a transaction; and a busy machine.
OWNED_AGAIN_S = 60.0
LOOK_EVERY_S = 0.5
SAMPLE = 20
LEASE_S = 20.0


@pytest.mark.in_subset
async def test_a_gateway_that_reasserts_for_longer_than_a_lease_loses_none(
    suite: SuiteOnPaths, scale: Scale
) -> None:
    stations = scale.pick(1_000, 10_000)
    # In short two pages, each longer than what a gateway waits for the answer to a renewal.
    page_s = scale.pick(6.0, 1.0)
    by_gateway = {gateway.id: gateway.ocpp_url for gateway in suite.state().gateways}
    held = StormPlan([by_gateway[HELD]], "HELD-", stations)
    async with (
        storm_processes(held) as (process,),
        faults_inside(suite, {"station-registry": {"FAULT_SLOW_PAGE_S": str(page_s)}}),
        Scenario(
            "N4",
            f"{stations} stations of a gateway re-asserted at {page_s:g} s a page",
            suite,
            ocpp_urls=[by_gateway[OTHERS]],
        ) as scenario,
    ):
        await process.until("ready", CONNECT_S)
        scenario.unaffected = scenario.fleet.station_ids
        missing: dict[str, set[str]] = {}
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(_watch(suite, missing))
            await _lose_lease(suite)
            suite.note("lease lost while re-assertion is slow")
            began = time.monotonic()
            for number in range(SAMPLE):
                station_id = held.station_ids[number * stations // SAMPLE]
                await _until_obeyed(scenario.operator, station_id, began + OWNED_AGAIN_S)
            # Two leases, in which everything held has its turn once more.
            await asyncio.sleep(2 * LEASE_S)
            watching.cancel()
        online = (await scenario.operator.get("/status"))["stations_online"]
        assert online == stations + len(scenario.fleet.station_ids)
        assert missing == {}


async def _lose_lease(suite: SuiteOnPaths) -> None:
    async with suite.database() as database:
        changed = await database.execute(
            "UPDATE registry.gateway SET lease_expires_at = now() - interval '1 second' "
            "WHERE name = $1 AND lease_expires_at > now()",
            HELD,
        )
    assert changed == "UPDATE 1"


async def _watch(suite: SuiteOnPaths, missing: dict[str, set[str]]) -> None:
    """Note whatever either gateway lacks at any moment."""
    while True:
        for gateway in GATEWAYS:
            if lacking := await suite.lacks(gateway):
                missing.setdefault(gateway, set()).add(lacking)
        await asyncio.sleep(LOOK_EVERY_S)


async def _until_obeyed(operator: Operator, station_id: str, deadline: float) -> None:
    """Send commands until one is carried out."""

    async def sent() -> dict[str, Any]:
        return await operator.command(station_id, "ClearCache", {})

    await eventually(
        sent, lambda command: command["status"] == "completed", deadline - time.monotonic()
    )
