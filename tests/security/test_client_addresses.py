"""Who connects is who connects: headers about it count from trusted proxies only."""

import secrets

import httpx
import pytest

from csms_local.run_state import RunState
from csms_simulator.operator import Operator
from tests.plain_http import NO_AUTHORITIES
from tests.security.raw_socket import RawSocket

FORGED = (
    "X-Forwarded-For: 203.0.113.9",
    "X-Forwarded-For: 198.51.100.1, 203.0.113.9",
    "X-Forwarded-Proto: https",
    "Forwarded: for=203.0.113.9;proto=https",
    "X-Real-IP: 203.0.113.9",
    "X-Client-Cert: forged",
)


async def _address(operator: Operator, station_id: str) -> str:
    station = await operator.get(f"/stations/{station_id}")
    return str(station["connection"]["remote_address"])


async def test_the_balancer_replaces_what_a_station_says_of_its_address(
    run: RunState, operator: Operator, station_id: str
) -> None:
    async with await RawSocket.open(run.ocpp_url, "127.0.0.9") as station:
        await station.send(station.upgrade(station_id, *FORGED))
        assert (await station.answer()).status == 101
        assert await _address(operator, station_id) == "127.0.0.9"


async def test_a_gateway_believes_no_header_of_a_stranger(
    gateway_url: str, operator: Operator, station_id: str
) -> None:
    async with await RawSocket.open(gateway_url, "127.0.0.9") as station:
        await station.send(station.upgrade(station_id, *FORGED))
        assert (await station.answer()).status == 101
        assert await _address(operator, station_id) == "127.0.0.9"


@pytest.mark.parametrize("profile", [2, 3])
async def test_a_forged_proxy_header_makes_no_connection_secure(
    run: RunState, gateway_url: str, operator: Operator, station_id: str, profile: int
) -> None:
    password = secrets.token_hex(12)
    created = await operator.http.post(
        "/stations",
        json={"station_id": station_id, "password": password, "security_profile": profile},
    )
    assert created.status_code == 201
    for url in (gateway_url, run.ocpp_url):
        async with await RawSocket.open(url, "127.0.0.9") as station:
            request = station.upgrade(station_id, *FORGED, password=password.encode())
            await station.send(request)
            assert (await station.answer()).status == 403


async def test_rest_counts_log_in_failures_by_the_real_address(run: RunState) -> None:
    name = f"nobody-{secrets.token_hex(4)}"
    statuses = []
    async with httpx.AsyncClient(trust_env=False, verify=NO_AUTHORITIES, timeout=60) as client:
        for number in range(14):
            response = await client.post(
                f"{run.rest_url}/api/v1/auth/token",
                data={"username": name, "password": "guess"},
                headers={"X-Forwarded-For": f"203.0.113.{number}", "X-Real-IP": "203.0.113.9"},
            )
            statuses.append(response.status_code)
    assert statuses[-1] == 429
