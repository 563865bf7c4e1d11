"""Storms, clones and guessers: who waits, and who is told to come back later."""

import asyncio
import base64

import pytest
from gateway_fakes.running import RunningGateway, run_gateway
from gateway_fakes.services import FakeServices
from gateway_fakes.station import Station
from gateway_fakes.waiting import until
from prometheus_client import REGISTRY
from websockets.exceptions import InvalidStatus

from csms_shared.contracts.control import Control, ControlKind
from csms_shared.runtime.clock import monotonic
from ws_gateway.domain.admission_queue import Admission, AdmissionQueue
from ws_gateway.domain.limits import DEFAULT_ENTRY_LIMITS
from ws_gateway.websocket import admission_control as admission

BOOT = {"chargePointVendor": "V", "chargePointModel": "M"}
START = {"connectorId": 1, "idTag": "T", "meterStart": 0, "timestamp": "2026-11-20T08:00:00Z"}


def _metric(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def _waiting(kind: str = "upgrade") -> float:
    return _metric("csms_gateway_admission_waiting", kind=kind)


async def _until_waiting(count: int) -> None:
    await until(lambda: _waiting() == count)


def _basic(user: str, password: str) -> dict[str, str]:
    token = base64.b64encode(f"{user}:{password}".encode()).decode()
    return {"Authorization": f"Basic {token}"}


async def _refused(running: RunningGateway, station_id: str, **options: object) -> tuple[int, int]:
    """Return the status and the seconds of Retry-After, 0 without."""
    with pytest.raises(InvalidStatus) as refusal:
        await running.station(station_id, **options)
    response = refusal.value.response
    return response.status_code, int(response.headers.get("Retry-After", "0"))


async def test_more_stations_than_the_rate_allows_wait_and_none_is_refused(
    broker_url: str, services: FakeServices
) -> None:
    # So few that a busy machine has more of them ready.
    async with run_gateway(broker_url, services, admissions_per_second=5) as running:
        began = monotonic()
        connecting = [asyncio.create_task(running.station(f"W-{n}")) for n in range(10)]
        await until(lambda: _waiting() > 0)
        stations = await asyncio.gather(*connecting)
        # A fifth of a second's turns may come at once.
        assert monotonic() - began > (10 - 2) / 5
        assert _waiting() == 0
        for station in stations:
            await station.socket.close()


async def test_beyond_the_queue_upgrades_get_503_and_when_to_come_back(
    running: RunningGateway, services: FakeServices
) -> None:
    before = _metric("csms_gateway_refusals_total", reason="too_many_at_once")
    running.gateway.policy.upgrades = admission.AdmissionControl(
        "upgrade", AdmissionQueue(rate=0.4, burst=1, max_waiting=1, longest_wait_s=5.0)
    )
    first = [await running.station(f"Q-{n}") for n in range(2)]
    waiting = asyncio.create_task(running.station("Q-2"))
    await until(lambda: _waiting() == 1)
    claims = services.claims
    status, retry_after = await _refused(running, "Q-3")
    assert status == 503
    assert 5 <= retry_after <= 15
    # Refused before anything was asked of anybody.
    assert services.claims <= claims + 1
    assert _metric("csms_gateway_refusals_total", reason="too_many_at_once") == before + 1
    for station in (*first, await waiting):
        await station.socket.close()


async def test_a_registry_that_answers_slowly_gets_no_more_claims_than_it_can_hold(
    broker_url: str, services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admission, "FEWEST_CLAIMS", 1)
    monkeypatch.setattr(admission, "MOST_CLAIMS", 2)
    async with run_gateway(broker_url, services, admission_wait_seconds=1) as running:
        services.claims_answered.clear()
        under_way = [asyncio.create_task(running.station(f"H-{n}")) for n in range(2)]
        await services.until(lambda: services.claims == 2)
        assert (await _refused(running, "H-2"))[0] == 503
        late = asyncio.create_task(running.station("H-3"))
        await until(lambda: _waiting() == 1)
        assert services.claims == 2
        services.claims_answered.set()
        for station in [*await asyncio.gather(*under_way), await late]:
            await station.socket.close()


async def test_who_leaves_the_queue_takes_no_turn_from_the_others(
    broker_url: str, services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admission, "FEWEST_CLAIMS", 1)
    monkeypatch.setattr(admission, "MOST_CLAIMS", 1)
    async with run_gateway(broker_url, services) as running:
        services.claims_answered.clear()
        under_way = asyncio.create_task(running.station("G-0"))
        await services.until(lambda: services.claims == 1)
        leaving = asyncio.create_task(running.station("G-1"))
        await until(lambda: _waiting() == 1)
        leaving.cancel()
        await asyncio.wait({leaving})
        last = asyncio.create_task(running.station("G-2"))
        await until(lambda: _waiting() == 2)
        services.claims_answered.set()
        for station in (await under_way, await last):
            await station.socket.close()
        assert services.claims == 2


async def test_a_station_that_left_in_a_transaction_comes_before_those_that_did_not(
    broker_url: str, services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admission, "FEWEST_CLAIMS", 1)
    monkeypatch.setattr(admission, "MOST_CLAIMS", 1)
    async with run_gateway(broker_url, services) as running:
        charging = await running.station("S-1")
        assert (await charging.call("StartTransaction", START))[0] == 3
        await charging.socket.close()
        await services.until(lambda: services.releases)
        services.claims_answered.clear()
        arrived: list[str] = []

        async def arrive(station_id: str) -> Station:
            station = await running.station(station_id)
            arrived.append(station_id)
            return station

        arriving = [asyncio.create_task(arrive("S-2"))]
        await services.until(lambda: services.claims == 2)
        for waiting, station_id in enumerate(("S-3", "S-4", "S-1"), 1):
            arriving.append(asyncio.create_task(arrive(station_id)))
            await _until_waiting(waiting)
        services.claims_answered.set()
        stations = await asyncio.gather(*arriving)
        assert arrived == ["S-2", "S-1", "S-3", "S-4"]
        for station in stations:
            await station.socket.close()


async def test_a_station_id_that_flaps_is_told_to_wait_and_keeps_its_last_connection(
    running: RunningGateway,
) -> None:
    stations = [
        await running.station("F-1") for _ in range(DEFAULT_ENTRY_LIMITS.connections_at_once)
    ]
    claims = running.services.claims
    status, retry_after = await _refused(running, "F-1")
    assert status == 429
    assert 1 <= retry_after <= DEFAULT_ENTRY_LIMITS.connection_interval_s
    assert running.services.claims == claims
    assert (await stations[-1].call("Heartbeat", {}))[0] == 3
    other = await running.station("F-2")
    for station in (*stations, other):
        await station.socket.close()


async def test_how_often_a_station_may_connect_is_a_setting(
    broker_url: str, services: FakeServices
) -> None:
    often = DEFAULT_ENTRY_LIMITS.connections_at_once
    few = {"connections_at_once": 2, "connection_interval_seconds": 600}
    async with run_gateway(broker_url, services, **few) as running:
        stations = [await running.station("F-3") for _ in range(2)]
        status, retry_after = await _refused(running, "F-3")
        assert (status, retry_after > 300) == (429, True)
        await stations[-1].socket.close()
    async with run_gateway(broker_url, services, connection_interval_seconds=0) as running:
        stations = [await running.station("F-3") for _ in range(2 * often)]
        await stations[-1].socket.close()


async def test_an_exempt_station_connects_as_often_as_it_likes(running: RunningGateway) -> None:
    running.services.exempt.add("F-4")
    often = 2 * DEFAULT_ENTRY_LIMITS.connections_at_once
    stations = [await running.station("F-4") for _ in range(often)]
    await stations[-1].socket.close()


async def test_a_station_that_is_made_exempt_while_it_is_connected_has_flapped_no_more(
    running: RunningGateway,
) -> None:
    often = DEFAULT_ENTRY_LIMITS.connections_at_once
    station = [await running.station("F-5") for _ in range(often)][-1]
    assert (await _refused(running, "F-5"))[0] == 429
    services = running.services
    services.exempt.add("F-5")
    await services.send_control(
        Control(
            kind=ControlKind.REGISTRATION,
            station_id="F-5",
            epoch=services.epoch("F-5"),
            registration=services.registration("F-5", boot_count=0),
        )
    )
    limits = running.gateway.policy
    await until(lambda: limits.throttled("192.0.2.1", "F-5", "", tuple) is None)
    for _ in range(2 * often):
        station = await running.station("F-5")
    # And counts again from the moment in which it is not exempt any more.
    services.exempt.clear()
    for _ in range(often):
        station = await running.station("F-5")
    assert (await _refused(running, "F-5"))[0] == 429
    await station.socket.close()


async def test_wrong_passwords_count_for_an_exempt_station_too(running: RunningGateway) -> None:
    services = running.services
    services.exempt.add("P-8")
    services.passwords["P-8"] = b"0123456789abcdef"
    right = await running.station("P-8", additional_headers=_basic("P-8", "0123456789abcdef"))
    for number in range(DEFAULT_ENTRY_LIMITS.failed_logins_at_once):
        guess = _basic("P-8", f"guess {number}")
        assert (await _refused(running, "P-8", additional_headers=guess))[0] == 401
    claims = services.claims
    once_more = _basic("P-8", "one more")
    assert (await _refused(running, "P-8", additional_headers=once_more))[0] == 429
    assert services.claims == claims
    await right.socket.close()


async def test_the_boot_of_an_exempt_station_waits_for_no_turn(running: RunningGateway) -> None:
    running.services.exempt.add("B-9")
    stations = [await running.station(name) for name in ("B-8", "B-9")]
    nobody = AdmissionQueue[admission.Waiter](rate=0.01, burst=0, max_waiting=0, longest_wait_s=5.0)
    assert nobody.enter(_Nobody(), monotonic(), first=False) is Admission.NOW
    running.gateway.policy.boots = admission.AdmissionControl("boot", nobody)
    answer = await stations[1].call("BootNotification", BOOT)
    assert answer[2]["status"] == "Accepted"
    await stations[0].socket.send(
        '[2,"1","BootNotification",{"chargePointVendor":"V","chargePointModel":"M"}]'
    )
    assert await stations[0].closed() == 1012
    await stations[1].socket.close()


class _Nobody:
    gone = False

    def admit(self) -> None:
        """Do nothing."""

    def refuse(self) -> None:
        """Do nothing."""


async def test_a_guesser_is_refused_without_a_claim_and_the_station_still_gets_in(
    running: RunningGateway,
) -> None:
    running.services.passwords["P-9"] = b"0123456789abcdef"
    for number in range(DEFAULT_ENTRY_LIMITS.failed_logins_at_once):
        guess = _basic("P-9", f"guess {number}")
        assert (await _refused(running, "P-9", additional_headers=guess))[0] == 401
    claims = running.services.claims
    status, retry_after = await _refused(
        running, "P-9", additional_headers=_basic("P-9", "one more")
    )
    assert status == 429
    assert retry_after >= 1
    assert running.services.claims == claims
    right = await running.station("P-9", additional_headers=_basic("P-9", "0123456789abcdef"))
    await right.socket.close()


async def test_boots_wait_for_their_turn_and_beyond_the_queue_the_socket_is_closed(
    broker_url: str, services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with run_gateway(broker_url, services) as running:
        stations = [await running.station(f"B-{n}") for n in range(4)]
        slow = admission.AdmissionControl(
            "boot", AdmissionQueue(rate=0.4, burst=0, max_waiting=1, longest_wait_s=5.0)
        )
        running.gateway.policy.boots = slow
        first, second, third, fourth = stations
        # Together: after an answer that takes its time, the next turn would be free already.
        answers = asyncio.gather(
            *(station.call("BootNotification", BOOT) for station in (first, second))
        )
        await until(lambda: _waiting("boot") == 1)
        await third.socket.send(
            '[2,"1","BootNotification",{"chargePointVendor":"V","chargePointModel":"M"}]'
        )
        assert await third.closed() == 1012
        assert [answer[2]["status"] for answer in await answers] == ["Accepted"] * 2
        assert (await fourth.call("Heartbeat", {}))[0] == 3
        for station in (first, second, fourth):
            await station.socket.close()
