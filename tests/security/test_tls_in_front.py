"""TLS on a whole suite where it is ended: at a trusted proxy, and slowly at a gateway."""

import asyncio
import base64
import secrets
import ssl
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from bench.deployed_haproxy import TRUSTED
from csms_local.nodes.ports import free_port
from csms_local.run_state import RunState
from csms_local.suite import Suite, start_suite
from csms_simulator.certificates import Authority, Issued
from csms_simulator.operator import Operator
from csms_simulator.settings import tls_context
from csms_simulator.wire import Payload
from tests.integration.waiting import eventually
from tests.security.raw_socket import RawSocket, basic_auth
from tests.security.tls_proxies import PROXIES

STATION_ADDRESS = "127.0.0.9"
# PROXY protocol version 2: 203.0.113.9 connects by TCP.
ANNOUNCED = bytes.fromhex("0d0a0d0a000d0a515549540a 21 11 000c cb007109 7f000001 1388 24e3")
# What the doorway allows, the look after it, and a busy machine.
CUT_WITHIN_S = 60.0
BYTE_EVERY_S = 0.1


@dataclass(frozen=True, slots=True)
class Trust:
    """Who signs here, and the folder with the files."""

    authority: Authority
    revoked: Issued
    folder: Path

    def shows(self, certificate: Issued | None = None) -> ssl.SSLContext:
        """Return what a station with this certificate connects by."""
        files = () if certificate is None else certificate.write(self.folder, "shown")
        return tls_context(self.folder / "ca.pem", *files)


@pytest.fixture(scope="module")
def trust(tmp_path_factory: pytest.TempPathFactory) -> Trust:
    folder = tmp_path_factory.mktemp("front")
    authority = Authority("Operator")
    revoked = authority.station("revoked")
    (folder / "ca.pem").write_bytes(authority.pem)
    (folder / "crl.pem").write_bytes(authority.revocation_list([revoked]))
    for kind in ("rsa", "ecdsa"):
        authority.server("localhost", "127.0.0.1", kind=kind).write(folder, kind)
    return Trust(authority, revoked, folder)


@pytest.fixture(scope="module")
def suite(trust: Trust, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Suite]:
    """One gateway with a TLS port of its own, which trusts a proxy that may pass TLS on too."""
    env = {
        "CSMS_FSYNC": "off",
        "CSMS_GATEWAYS": "1",
        "CSMS_OPERATOR_NAME": "Operator",
        "CSMS_TRUSTED_PROXIES": TRUSTED,
        "CSMS_TLS_PORT": str(free_port()),
        "CSMS_TLS_ECDSA_CERTIFICATE": str(trust.folder / "ecdsa.pem"),
        "CSMS_TLS_ECDSA_KEY": str(trust.folder / "ecdsa.key"),
        "CSMS_TLS_CLIENT_CA": str(trust.folder / "ca.pem"),
        "CSMS_TLS_PROXY_PROTOCOL": "true",
    }
    with start_suite(tmp_path_factory.mktemp("behind"), env) as started:
        yield started


@pytest.fixture
def gateway_url(run: RunState) -> str:
    return run.gateways[0].ocpp_url


@pytest.fixture(params=PROXIES)
async def proxy_url(
    request: pytest.FixtureRequest, trust: Trust, gateway_url: str
) -> AsyncIterator[str]:
    async with PROXIES[request.param](trust.folder, gateway_url) as url:
        yield url


async def _create(operator: Operator, station_id: str, **more: Any) -> None:
    created = await operator.http.post("/stations", json={"station_id": station_id, **more})
    assert created.status_code == 201, created.text


async def _status(
    url: str,
    station_id: str,
    *headers: str,
    tls: ssl.SSLContext | None = None,
    source: str = STATION_ADDRESS,
) -> int | None:
    """Return the answer to a handshake, None where it ended before."""
    try:
        async with await RawSocket.open(url, source, tls) as socket:
            await socket.send(socket.upgrade(station_id, *headers))
            return (await socket.answer()).status
    except (OSError, asyncio.IncompleteReadError):
        return None


def _handed_on(certificate: Issued | None) -> list[str]:
    """Return the headers that a proxy hands on."""
    headers = [f"X-Forwarded-For: {STATION_ADDRESS}", "X-Forwarded-Proto: https"]
    if certificate is not None:
        headers.append(f"Client-Cert: :{base64.b64encode(certificate.der).decode()}:")
    return headers


async def test_a_certificate_that_the_proxy_saw_opens_and_the_address_is_the_station_s(
    proxy_url: str, trust: Trust, operator: Operator, station_id: str
) -> None:
    await _create(operator, station_id, security_profile=3)
    shown = trust.shows(trust.authority.station(station_id))
    async with await RawSocket.open(proxy_url, STATION_ADDRESS, shown) as station:
        await station.connect(station_id)
        await station.boot()
        held = (await operator.get(f"/stations/{station_id}"))["connection"]
        assert held["remote_address"] == STATION_ADDRESS


async def test_behind_the_proxy_profile_2_needs_its_password_and_tls(
    proxy_url: str, gateway_url: str, trust: Trust, operator: Operator, station_id: str
) -> None:
    password = secrets.token_hex(12)
    await _create(operator, station_id, security_profile=2, password=password)
    right = basic_auth(station_id, password.encode())
    wrong = basic_auth(station_id, b"not the password")
    assert await _status(proxy_url, station_id, wrong, tls=trust.shows()) == 401
    assert await _status(gateway_url, station_id, right) == 403
    assert await _status(proxy_url, station_id, right, tls=trust.shows()) == 101


async def test_what_the_proxy_did_not_see_opens_nothing(
    proxy_url: str, trust: Trust, operator: Operator, station_id: str
) -> None:
    await _create(operator, station_id, security_profile=3)
    right = trust.authority.station(station_id)
    forged = _handed_on(right)
    somebody = trust.shows(trust.authority.station("somebody else"))
    another_ca = trust.shows(Authority("Operator").station(station_id))
    found = [
        await _status(proxy_url, station_id, tls=trust.shows()),
        await _status(proxy_url, station_id, *forged, tls=trust.shows()),
        await _status(proxy_url, station_id, tls=somebody),
        await _status(proxy_url, station_id, *forged, tls=somebody),
        await _status(proxy_url, station_id, *forged, tls=another_ca),
        await _status(proxy_url, "revoked", tls=trust.shows(trust.revoked)),
    ]
    assert found == [403, 403, 403, 403, None, None]


async def test_the_header_counts_from_the_proxy_s_address_only(
    run: RunState, gateway_url: str, trust: Trust, operator: Operator, station_id: str
) -> None:
    await _create(operator, station_id, security_profile=3)
    right = trust.authority.station(station_id)
    garbage = [*_handed_on(None), "Client-Cert: :AAAA:", "Client-Cert: :BBBB:"]
    assert run.ocpp_tls_url is not None
    found = [
        # Straight to the gateway, through the balancer, and by TLS to the gateway.
        await _status(gateway_url, station_id, *_handed_on(right)),
        await _status(run.ocpp_url, station_id, *_handed_on(right)),
        await _status(run.ocpp_tls_url, station_id, *_handed_on(right), tls=trust.shows()),
        # The proxy: without the certificate, with nothing, with what is none, with the right one.
        await _status(gateway_url, station_id, *_handed_on(None), source=TRUSTED),
        await _status(gateway_url, station_id, source=TRUSTED),
        await _status(gateway_url, station_id, *garbage, source=TRUSTED),
        await _status(gateway_url, station_id, *_handed_on(right), source=TRUSTED),
    ]
    assert found == [403, 403, 403, 403, 403, 400, 101]

    async def refusals() -> list[Payload]:
        return await operator.items(f"/stations/{station_id}/refusals")

    kept = await eventually(refusals, lambda items: sum(one["times"] for one in items) == 6)
    addresses = {(one["reason"], one["remote_address"]) for one in kept}
    assert ("wrong_security_profile", STATION_ADDRESS) in addresses
    assert ("bad_client_cert_header", STATION_ADDRESS) in addresses


async def _passed_on(url: str, header: bytes, tls: ssl.SSLContext) -> RawSocket:
    """Connect as a balancer does that passes TLS on unread, after `header`."""
    target = urlsplit(url)
    async with asyncio.timeout(CUT_WITHIN_S):
        reader, writer = await asyncio.open_connection(
            target.hostname, target.port, local_addr=(TRUSTED, 0)
        )
        writer.write(header)
        await writer.start_tls(tls, server_hostname="localhost")
    return RawSocket(reader, writer, url)


async def test_tls_that_is_passed_on_opens_by_the_certificate_and_by_no_header(
    run: RunState, trust: Trust, operator: Operator, station_id: str
) -> None:
    url = run.ocpp_tls_url
    assert url is not None
    await _create(operator, station_id, security_profile=3)
    right = trust.authority.station(station_id)
    async with await _passed_on(url, ANNOUNCED, trust.shows()) as forging:
        await forging.send(forging.upgrade(station_id, *_handed_on(right)))
        assert (await forging.answer()).status == 403
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await _passed_on(url, b"", trust.shows(right))
    async with await _passed_on(url, ANNOUNCED, trust.shows(right)) as station:
        await station.connect(station_id)
        held = (await operator.get(f"/stations/{station_id}"))["connection"]
        assert held["remote_address"] == "203.0.113.9"


def _client_hello() -> bytes:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


async def test_a_tls_handshake_of_one_byte_at_a_time_is_cut_off_and_harms_nobody(
    run: RunState, trust: Trust, operator: Operator, station_id: str
) -> None:
    assert run.ocpp_tls_url is not None
    password = secrets.token_hex(12).encode()
    await _create(operator, station_id, security_profile=2, password=password.decode())
    async with (
        await RawSocket.open(run.ocpp_tls_url, STATION_ADDRESS, trust.shows()) as station,
        await RawSocket.open(run.ocpp_tls_url, STATION_ADDRESS) as slow,
    ):
        await station.connect(station_id, password)
        await station.boot()
        cut = asyncio.create_task(slow.is_cut(CUT_WITHIN_S))
        hello = _client_hello()
        sent = 0
        for byte in hello:
            if cut.done() or slow.writer.transport.is_closing():
                break
            slow.writer.write(bytes([byte]))
            sent += 1
            if sent % 20 == 0:
                assert (await station.call("Heartbeat", {}, f"h{sent}"))[0] == 3
            await asyncio.sleep(BYTE_EVERY_S)
        assert await cut
        # The deadline did it, not the end of the hello.
        assert 1 < sent < len(hello)
        assert (await station.call("Heartbeat", {}, "afterwards"))[0] == 3

    async def timeouts() -> list[Payload]:
        return await operator.items("/refusals", reason="handshake_timeout")

    (kept,) = await eventually(timeouts, bool)
    assert kept["remote_address"] == STATION_ADDRESS
