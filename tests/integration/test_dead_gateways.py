"""A gateway that dies: what is shown of its stations, and how they find it when it is back."""

import asyncio
import os
import secrets
import signal
import time
from collections import Counter
from typing import Any

import websockets
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from csms_local.suite import Suite
from csms_simulator.operator import Operator
from tests.integration.waiting import eventually

STATIONS = 16
# By docs/operations.md; a renewal on its way when the gateway died may be stored a little later.
RENEWED_WITHIN_S, ON_ITS_WAY_S = 8.0, 4.0


async def _connect(url: str) -> ClientConnection:
    return await websockets.connect(url, subprotocols=[Subprotocol("ocpp1.6")])


async def _kill(suite: Suite, gateway: str) -> None:
    """End a gateway at once and wait until another process runs in its place."""

    async def pid() -> int:
        return next(one.pid for one in suite.state().gateways if one.id == gateway)

    before = await pid()
    os.kill(before, signal.SIGKILL)
    await eventually(pid, lambda now: now != before, 60)


async def _come_back(url: str, seen: Counter[str]) -> None:
    """Connect again and again, without a pause, until the station is in."""
    while True:
        try:
            await (await _connect(url)).close()
        except InvalidStatus as refused:
            seen[str(refused.response.status_code)] += 1
        except OSError:
            seen["nobody listens"] += 1
        else:
            seen["in"] += 1
            return


async def test_stations_that_come_back_to_a_killed_gateway_are_never_told_503(suite: Suite) -> None:
    gateway = suite.state().gateways[0]
    seen: Counter[str] = Counter()
    await _kill(suite, gateway.id)
    url = f"{gateway.ocpp_url}/BACK-{secrets.token_hex(4)}"
    async with asyncio.timeout(120), asyncio.TaskGroup() as group:
        for number in range(STATIONS):
            group.create_task(_come_back(f"{url}-{number}", seen))
    assert set(seen) == {"nobody listens", "in"}


async def test_of_a_killed_gateways_stations_it_is_shown_that_it_is_not_known(
    suite: Suite, operator: Operator
) -> None:
    run = suite.state()
    names = [f"DEAD-{secrets.token_hex(4)}" for _ in range(STATIONS)]
    sockets = [await _connect(f"{run.ocpp_url}/{name}") for name in names]
    held = {
        one["station_id"]: one["gateway_id"]
        for one in await operator.items("/connections")
        if one["station_id"] in names
    }
    (dead, _), *_ = Counter(held.values()).most_common()
    lost = {name for name, gateway_id in held.items() if gateway_id == dead}
    (victim,) = (
        one["name"]
        for one in (await operator.get("/status"))["gateways"]
        if one["gateway_id"] == dead
    )

    async def shown() -> dict[str, dict[str, Any]]:
        stations = await operator.items("/stations", q="DEAD-")
        return {one["station_id"]: one for one in stations if one["station_id"] in lost}

    assert all(one["online"] for one in (await shown()).values())
    await _kill(suite, victim)
    killed = time.monotonic()
    unknown: list[dict[str, Any]] = []
    while True:
        asked = time.monotonic()
        stations = list((await shown()).values())
        certain = [one for one in stations if one["online"] and not one["online_unconfirmed"]]
        assert not certain or asked - killed < RENEWED_WITHIN_S + ON_ITS_WAY_S
        if not any(one["online"] for one in stations):
            break
        if not certain:
            status = await operator.get("/status")
            unknown += [one for one in status["gateways"] if one["gateway_id"] == dead]
        await asyncio.sleep(0.2)
    # All the time between, until its lease ended.
    assert unknown
    assert {one["unconfirmed"] for one in unknown} == {True}
    assert {one["connections"] for one in unknown} == {len(lost)}
    assert all(not one["online_unconfirmed"] for one in stations)
    for socket in sockets:
        await socket.close()
