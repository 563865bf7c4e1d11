"""A station that is not ours charges on without the suite, and delivers everything when it is back.

The station is `ocpp_rpc/station.mjs`, made of the npm package ocpp-rpc; whatever it measured is
stored exactly once, with its times and its energy.
"""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import httpx
import pytest

from csms_local.run_state import RunState
from csms_local.suite import Suite
from csms_simulator.operator import Operator
from tests.faults.proxy import Proxy
from tests.integration.offline_station import Charged, OfflineStation, install, offline_station
from tests.integration.waiting import eventually

QUEUED = 150
# About 80 frames a second, so that a queue is not empty before something can happen to it.
NARROW_BYTES_PER_S = 20_000


@pytest.fixture(scope="module", autouse=True)
def installed() -> None:
    install()


@pytest.fixture
async def path(run: RunState) -> AsyncIterator[Proxy]:
    """The station's way to the first gateway."""
    async with Proxy.to(run.gateways[0].ocpp_url) as proxy:
        yield proxy


@pytest.fixture
async def station(run: RunState, path: Proxy, station_id: str) -> AsyncIterator[OfflineStation]:
    async with offline_station(path.url(run.gateways[0].ocpp_url), station_id) as running:
        yield running


def by_the_other_gateway(path: Proxy, run: RunState) -> None:
    """Let the station in again, at the second gateway."""
    path.targets = Proxy.to(run.gateways[1].ocpp_url).targets
    path.mend()


async def charge(station: OfflineStation, session: Charged, samples: int) -> None:
    """Measure on from where the session is."""
    for number in range(len(session.samples) + 1, len(session.samples) + 1 + samples):
        await station.sample(session, session.meter_start + number)


async def is_stored(operator: Operator, station_id: str, sessions: list[Charged]) -> None:
    """Check what REST shows against what the station measured: no more and no less."""
    stored = await eventually(
        lambda: _items(operator, "/transactions", station_id=station_id),
        lambda found: Counter(one["status"] for one in found) == {"completed": len(sessions)},
        60.0,
    )
    by_start = {one["meter_start"]: one for one in stored}
    assert len(by_start) == len(sessions)
    for session in sessions:
        transaction = by_start[session.meter_start]
        assert transaction["energy_wh"] == session.meter_stop - session.meter_start
        assert _instant(transaction["started_at"]) == _instant(session.started_at)
        assert _instant(transaction["stopped_at"]) == _instant(session.stopped_at)
        path = f"/transactions/{transaction['transaction_id']}/meter-values"
        wanted = Counter((_instant(at), str(value)) for at, value in session.samples)
        await eventually(
            lambda path=path: _items(operator, path),  # type: ignore[misc]
            lambda found, wanted=wanted: _values(found) == wanted,  # type: ignore[misc]
        )
    for oddity in ("/quarantine", "/parked"):
        found = await operator.items(oddity)
        assert [one for one in found if one["station_id"] == station_id] == []


async def _items(operator: Operator, path: str, **query: str) -> list[dict[str, Any]]:
    """Read a list; nothing while the service that has it is away."""
    try:
        return await operator.items(path, **query)
    except httpx.HTTPStatusError as error:
        if error.response.status_code != httpx.codes.SERVICE_UNAVAILABLE:
            raise
        return []


def _values(found: list[dict[str, Any]]) -> Counter[tuple[datetime, str]]:
    return Counter((_instant(one["timestamp"]), one["raw"]) for one in found)


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


async def test_a_session_goes_on_offline_and_ends_there(
    run: RunState,
    operator: Operator,
    station: OfflineStation,
    path: Proxy,
    station_id: str,
    id_token: str,
) -> None:
    session = await station.start(id_token, 1000)
    await charge(station, session, 2)
    await station.until_delivered()
    path.cut()
    await station.until_offline()
    await charge(station, session, 5)
    await station.stop(session, 1400)
    by_the_other_gateway(path, run)
    await station.until_delivered()
    await is_stored(operator, station_id, [session])
    seen = await operator.get(f"/stations/{station_id}")
    assert seen["connection"]["gateway_id"].startswith(run.gateways[1].id)


async def test_a_session_that_began_offline_is_one_from_its_first_moment(
    run: RunState,
    operator: Operator,
    station: OfflineStation,
    path: Proxy,
    station_id: str,
    id_token: str,
) -> None:
    path.cut()
    await station.until_offline()
    session = await station.start(id_token, 2000)
    await charge(station, session, 3)
    by_the_other_gateway(path, run)
    await station.until_answered("StartTransaction", 1)
    await charge(station, session, 2)
    await station.stop(session, 2600)
    await station.until_delivered()
    await is_stored(operator, station_id, [session])


async def test_two_sessions_that_nobody_saw(
    run: RunState,
    operator: Operator,
    station: OfflineStation,
    path: Proxy,
    station_id: str,
    id_token: str,
) -> None:
    """Of one connector. The station can't send what needs a transaction's id before it has it, so
    that the second start overtakes all of the first session but its start."""
    path.cut()
    await station.until_offline()
    sessions = []
    for meter_start in (3000, 4000):
        sessions.append(await station.start(id_token, meter_start))
        await charge(station, sessions[-1], 3)
        await station.stop(sessions[-1], meter_start + 500)
    by_the_other_gateway(path, run)
    await station.until_delivered()
    await is_stored(operator, station_id, sessions)


async def test_a_call_given_up_while_offline_is_sent_all_the_same_and_again(
    run: RunState, operator: Operator, path: Proxy, station_id: str, id_token: str
) -> None:
    """The package sends a call that has timed out in its queue once it is back; so does the
    station, which got no answer, under another id: everything comes twice or more."""
    url = path.url(run.gateways[0].ocpp_url)
    async with offline_station(url, station_id, call_timeout_s=1.0) as station:
        path.cut()
        await station.until_offline()
        session = await station.start(id_token, 5000)
        async with asyncio.timeout(30):
            while station.again.count("StartTransaction") < 3:
                await asyncio.sleep(0.05)
        by_the_other_gateway(path, run)
        await charge(station, session, 2)
        await station.stop(session, 5700)
        await station.until_delivered()
        assert station.late >= 3
    await is_stored(operator, station_id, [session])


async def test_the_gateway_is_killed_while_the_station_charges(
    suite: Suite,
    operator: Operator,
    station: OfflineStation,
    path: Proxy,
    station_id: str,
    id_token: str,
) -> None:
    run = suite.state()
    session = await station.start(id_token, 6000)
    await charge(station, session, 3)
    os.kill(run.gateways[0].pid, signal.SIGKILL)
    await charge(station, session, 20)
    await station.until_offline()
    await charge(station, session, 3)
    await station.stop(session, 6900)
    by_the_other_gateway(path, run)
    await station.until_delivered()
    await is_stored(operator, station_id, [session])
    await _restarted(suite, "gateway-1", run)


@pytest.mark.parametrize("victim", ["gateway-1", "session-service", "broker"])
async def test_a_part_of_the_suite_dies_while_the_queue_drains(
    suite: Suite,
    operator: Operator,
    station: OfflineStation,
    path: Proxy,
    station_id: str,
    id_token: str,
    victim: str,
) -> None:
    run = suite.state()
    if victim == "broker" and victim not in run.services:
        victim = "station-registry"  # the broker runs outside this suite
    path.cut()
    await station.until_offline()
    sessions = []
    for meter_start in (10_000, 20_000):
        sessions.append(await station.start(id_token, meter_start))
        await charge(station, sessions[-1], QUEUED)
        await station.stop(sessions[-1], meter_start + QUEUED + 1)
    # Both gateways are on the way, so that one of them answers whoever dies.
    path.targets = Proxy.to(*(gateway.ocpp_url for gateway in run.gateways)).targets
    path.mend()
    path.to_target.throttle(NARROW_BYTES_PER_S)
    await station.until_answered("MeterValues", QUEUED // 10)
    os.kill(_pid(run, victim), signal.SIGKILL)
    assert station.waiting > QUEUED
    await station.until_delivered()
    await is_stored(operator, station_id, sessions)
    await _restarted(suite, victim, run)


def _pid(run: RunState, process: str) -> int:
    return {**{gateway.id: gateway.pid for gateway in run.gateways}, **run.services}[process]


async def _restarted(suite: Suite, process: str, before: RunState) -> None:
    """The next test finds the suite whole."""

    async def pid() -> int:
        return _pid(suite.state(), process)

    await eventually(pid, lambda now: now != _pid(before, process), 60.0)
