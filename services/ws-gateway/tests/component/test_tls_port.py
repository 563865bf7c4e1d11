"""The TLS port of a whole gateway: what the registry is told, and what is refused how."""

import base64
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from gateway_fakes.running import RunningGateway, run_gateway
from gateway_fakes.services import FakeServices
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from csms_simulator.certificates import Authority
from csms_simulator.settings import tls_context
from ws_gateway.domain.limits import DEFAULT_ENTRY_LIMITS

AUTHORITY = Authority("Operator")
STATION = AUTHORITY.station("A")
# PROXY protocol version 2: 203.0.113.9 connects by TCP.
ANNOUNCES_STATION = (
    bytes.fromhex("0d0a0d0a000d0a515549540a 21 11 000c") + b"\xcb\x00\x71\x09" + bytes(8)
)


@pytest.fixture
async def running(
    broker_url: str, services: FakeServices, tmp_path: Path
) -> AsyncIterator[RunningGateway]:
    certificate, key = AUTHORITY.server("localhost").write(tmp_path, "server")
    (tmp_path / "ca.pem").write_bytes(AUTHORITY.pem)
    async with run_gateway(
        broker_url,
        services,
        tls_port=0,
        tls_ecdsa_certificate=str(certificate),
        tls_ecdsa_key=str(key),
        tls_client_ca=str(tmp_path / "ca.pem"),
    ) as under_test:
        yield under_test


@pytest.fixture
def trusting(tmp_path: Path, running: RunningGateway) -> ssl.SSLContext:
    return tls_context(tmp_path / "ca.pem", *STATION.write(tmp_path, "station"))


async def _status(url: str, **options: object) -> int:
    with pytest.raises(InvalidStatus) as refused:
        await connect(url, subprotocols=[Subprotocol("ocpp1.6")], **options)  # type: ignore[arg-type]
    return refused.value.response.status_code


async def test_the_registry_is_told_of_tls_and_of_the_verified_certificate(
    running: RunningGateway, trusting: ssl.SSLContext
) -> None:
    async with connect(
        f"{running.tls_url}/A", ssl=trusting, subprotocols=[Subprotocol("ocpp1.6")]
    ) as socket:
        await socket.send('[2,"1","Heartbeat",{}]')
        assert str(await socket.recv()).startswith('[3,"1",')
    plain = await running.station("B")
    await plain.socket.close()
    first, second = running.services.claimed
    assert (first.tls, first.certificate) == (True, base64.b64encode(STATION.der).decode())
    assert (second.tls, second.certificate) == (False, None)


async def test_behind_a_balancer_that_passes_tls_on_headers_are_the_station_s_and_count_not(
    broker_url: str, services: FakeServices, tmp_path: Path
) -> None:
    """Whoever shows no certificate can't claim one: the balancer never saw these headers."""
    certificate, key = AUTHORITY.server("localhost").write(tmp_path, "server")
    (tmp_path / "ca.pem").write_bytes(AUTHORITY.pem)
    forged = {
        "X-Forwarded-For": "198.51.100.1",
        "X-Forwarded-Proto": "https",
        "Client-Cert": f":{base64.b64encode(STATION.der).decode()}:",
    }
    async with run_gateway(
        broker_url,
        services,
        tls_port=0,
        tls_ecdsa_certificate=str(certificate),
        tls_ecdsa_key=str(key),
        tls_client_ca=str(tmp_path / "ca.pem"),
        tls_proxy_protocol=True,
        trusted_proxies="127.0.0.1",
    ) as behind:
        passed_on = socket.create_connection(("127.0.0.1", behind.gateway.tls_port))
        passed_on.sendall(ANNOUNCES_STATION)
        async with connect(
            f"wss://localhost:{behind.gateway.tls_port}/ocpp/A",
            sock=passed_on,
            ssl=tls_context(tmp_path / "ca.pem"),
            subprotocols=[Subprotocol("ocpp1.6")],
            additional_headers=forged,
        ):
            claim = services.claimed[0]
    assert (claim.remote_address, claim.tls, claim.certificate) == ("203.0.113.9", True, None)


async def test_a_refused_certificate_is_told_of_without_a_station(
    running: RunningGateway, tmp_path: Path
) -> None:
    files = Authority("Operator").station("A").write(tmp_path, "foreign")
    foreign = tls_context(tmp_path / "ca.pem", *files)
    with contextlib.suppress(Exception):
        async with connect(f"{running.tls_url}/A", ssl=foreign):
            pytest.fail("it was let in")
    await running.services.until(lambda: running.services.refusals)
    refusal = running.services.refusals[0]
    assert (refusal.station_id, refusal.reason) == ("", "client_certificate_refused")
    assert running.services.claims == 0


async def test_who_comes_the_wrong_way_too_often_is_slowed_down_and_the_right_way_stays_open(
    running: RunningGateway, trusting: ssl.SSLContext
) -> None:
    running.services.wrong_profile.add("A")
    failures = DEFAULT_ENTRY_LIMITS.failed_logins_at_once
    statuses = [await _status(f"{running.url}/A") for _ in range(failures + 1)]
    assert statuses == [403] * failures + [429]
    running.services.wrong_profile.clear()
    assert await _status(f"{running.url}/A") == 429
    async with connect(
        f"{running.tls_url}/A", ssl=trusting, subprotocols=[Subprotocol("ocpp1.6")]
    ) as socket:
        assert socket.subprotocol == "ocpp1.6"
