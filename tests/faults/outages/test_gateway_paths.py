"""F5 and F6: a gateway that is cut off from the broker, or whose connections go half-open."""

import asyncio
import secrets

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.http11 import Response
from websockets.typing import Subprotocol

from csms_simulator.station import SimulatedStation
from tests.faults.faulty_suite import GATEWAYS
from tests.faults.fleet import FIRMWARE
from tests.faults.scale import Scale
from tests.faults.scenario import Scenario
from tests.faults.suite_on_paths import SuiteOnPaths

GATEWAY = GATEWAYS[0]
_REFUSED_WITHIN_S = 15.0


async def _until_refused(url: str) -> Response:
    """Wait until a station that connects is refused, and return the answer."""
    async with asyncio.timeout(_REFUSED_WITHIN_S):
        while True:
            try:
                async with connect(
                    f"{url}/PROBE-{secrets.token_hex(4)}",
                    subprotocols=[Subprotocol("ocpp1.6")],
                    proxy=None,
                ):
                    pass
            except InvalidStatus as refusal:
                return refusal.response


@pytest.mark.parametrize(
    "seconds",
    [
        pytest.param(5, marks=pytest.mark.in_subset),
        *(pytest.param(seconds, marks=pytest.mark.full_scale) for seconds in (60, 180)),
    ],
)
async def test_a_gateway_without_its_broker_keeps_idle_sockets_and_takes_no_new_ones(
    suite: SuiteOnPaths, scale: Scale, seconds: int
) -> None:
    urls = suite.gateway_urls
    async with (
        SimulatedStation(f"IDLE-{secrets.token_hex(4)}", urls[0], None, FIRMWARE) as idle,
        Scenario(
            "F5", f"gateway cut off from the broker for {seconds} s", suite, ocpp_urls=urls
        ) as scenario,
    ):
        await idle.wait_accepted(60)
        scenario.unaffected = scenario.fleet.station_ids[1::2]
        await scenario.fleet.progress(8)
        path = suite.broker_paths[GATEWAY]
        path.cut()
        suite.note(f"{GATEWAY}-broker cut for {seconds} s")
        lasting = asyncio.create_task(asyncio.sleep(seconds))
        refusal = await _until_refused(urls[0])
        assert refusal.status_code == 503
        assert "Retry-After" in refusal.headers
        await lasting
        path.mend()
        await scenario.recovered()
        assert idle.link.connections_made == 1, "an idle socket was closed"


@pytest.mark.parametrize("ends", ["thaws", "breaks"])
async def test_a_gateway_whose_broker_connections_are_half_open_comes_back_by_itself(
    suite: SuiteOnPaths, scale: Scale, ends: str
) -> None:
    seconds = scale.pick(20, 90)
    urls = suite.gateway_urls
    title = f"gateway's broker connections half-open for {seconds} s, then the path {ends}"
    async with Scenario("F6", title, suite, ocpp_urls=urls) as scenario:
        scenario.unaffected = scenario.fleet.station_ids[1::2]
        await scenario.fleet.progress(8)
        path = suite.broker_paths[GATEWAY]
        path.freeze()
        suite.note(f"{GATEWAY}-broker half-open for {seconds} s")
        await asyncio.sleep(seconds)
        if ends == "breaks":
            path.reset()
        path.mend()
        await scenario.recovered()
        assert "RESOURCE_LOCKED" not in suite.log(GATEWAY).read_text()
