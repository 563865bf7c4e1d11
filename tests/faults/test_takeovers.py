"""F3 and F4: stations that come back before their old socket is gone, and clones."""

import asyncio
import contextlib
import random

from csms_simulator.settings import StationSettings
from csms_simulator.station import SimulatedStation
from tests.faults.faulty_suite import GATEWAYS, FaultySuite
from tests.faults.proxy import Proxy
from tests.faults.scale import Scale
from tests.faults.scenario import Scenario
from tests.integration.waiting import eventually


async def test_the_new_socket_of_a_half_open_station_is_not_ended_by_the_old_one(
    suite: FaultySuite, scale: Scale
) -> None:
    urls = [gateway.ocpp_url for gateway in suite.state().gateways]
    async with Proxy.to(urls[0]) as first, Proxy.to(urls[1]) as second:
        paths = (first, second)
        ways = [path.url(url) for path, url in zip(paths, urls, strict=True)]
        async with Scenario("F3", "half-open stations", suite, ocpp_urls=ways[:1]) as scenario:
            for number in range(scale.pick(2, 10)):
                old, new = number % 2, (number + 1) % 2
                await scenario.fleet.progress(8)
                for station in scenario.fleet.stations:
                    station.link.endpoint = ways[new]
                paths[old].freeze()
                suite.note(f"half-open sockets of {GATEWAYS[old]}")
                await _until_held(suite, new, len(scenario.fleet.stations))
                # Told that they are superseded, not by their sockets, which are still open.
                await _until_held(suite, old, 0)
                paths[old].mend()
                await scenario.recovered()


async def test_of_two_stations_with_one_id_the_last_holds_the_socket(
    suite: FaultySuite, scale: Scale
) -> None:
    conflicts = await _conflicts(suite)
    clone_settings = StationSettings(first_reconnect_wait=1.0, longest_reconnect_wait=10.0)
    async with (
        Scenario("F4", "cloned stations", suite) as scenario,
        contextlib.AsyncExitStack() as clones,
    ):
        scenario.unaffected = scenario.fleet.station_ids[4:]
        for original in scenario.fleet.stations[:4]:
            clone = SimulatedStation(
                original.station_id, suite.state().ocpp_url, scenario.fleet.ledger, clone_settings
            )
            await clones.enter_async_context(clone)
            suite.note("clone of a station")
        await asyncio.sleep(scale.pick(10, 120) * random.uniform(0.9, 1.1))
        made = [station.link.connections_made for station in scenario.fleet.stations[:4]]
        assert all(count > 1 for count in made), "nobody was superseded"
        assert await _conflicts(suite) >= conflicts + 4


async def _conflicts(suite: FaultySuite) -> float:
    return await suite.metric("station-registry", "csms_ownership_conflicts_total")


async def _until_held(suite: FaultySuite, gateway: int, wanted: int) -> None:
    async def held() -> float:
        return await suite.metric(GATEWAYS[gateway], "csms_gateway_connections")

    await eventually(held, lambda now: now == wanted, 60)
