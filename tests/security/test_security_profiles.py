"""Security profiles 0 to 3 on a whole suite: who gets in how, and what an upgrade changes."""

import asyncio
import resource
import secrets
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from csms_local.nodes.ports import free_port
from csms_local.pytest_scale import scaled
from csms_local.suite import Suite, start_suite
from csms_simulator.bare_station import BareStation
from csms_simulator.certificates import Authority, Issued
from csms_simulator.operator import Operator
from csms_simulator.settings import StationSettings, tls_context
from csms_simulator.station import SimulatedStation
from tests.security.process_figures import open_files, resident_bytes
from tests.security.raw_socket import RawSocket

# More than may shake hands by TLS at once.
HALF_OPEN = scaled(10_000, 3_000)
AT_ONCE = 500
# Of each that began a hello and never went on; the plain port's bound, and TLS's own state.
BYTES_EACH = 64 * 1024
OPEN_TIMEOUT_S = 60.0


@pytest.fixture(autouse=True)
def _many_files() -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@dataclass(frozen=True, slots=True)
class Trust:
    """Who signs here, and the folder with the files."""

    authority: Authority
    revoked: Issued
    folder: Path


@pytest.fixture(scope="module")
def trust(tmp_path_factory: pytest.TempPathFactory) -> Trust:
    folder = tmp_path_factory.mktemp("certificates")
    authority = Authority("Operator")
    revoked = authority.station("revoked")
    (folder / "ca.pem").write_bytes(authority.pem)
    (folder / "crl.pem").write_bytes(authority.revocation_list([revoked]))
    for kind in ("rsa", "ecdsa"):
        authority.server("localhost", "127.0.0.1", kind=kind).write(folder, kind)
    return Trust(authority, revoked, folder)


@pytest.fixture(scope="module")
def suite(trust: Trust, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Suite]:
    """A suite with a TLS port."""
    env = {
        "CSMS_FSYNC": "off",
        "CSMS_GATEWAYS": "1",
        "CSMS_TLS_PORT": str(free_port()),
        "CSMS_TLS_CLIENT_CA": str(trust.folder / "ca.pem"),
        "CSMS_TLS_CRL": str(trust.folder / "crl.pem"),
        "CSMS_OPERATOR_NAME": "Operator",
    }
    for kind in ("rsa", "ecdsa"):
        env[f"CSMS_TLS_{kind.upper()}_CERTIFICATE"] = str(trust.folder / f"{kind}.pem")
        env[f"CSMS_TLS_{kind.upper()}_KEY"] = str(trust.folder / f"{kind}.key")
    with start_suite(tmp_path_factory.mktemp("profiles"), env) as started:
        yield started


def _station(
    suite: Suite,
    trust: Trust,
    station_id: str,
    *,
    tls: bool,
    certificate: Issued | None = None,
    password: str | None = None,
) -> SimulatedStation:
    state = suite.state()
    context = None
    if tls:
        files = () if certificate is None else certificate.write(trust.folder, "station")
        context = tls_context(trust.folder / "ca.pem", *files)
    settings = StationSettings(
        time_scale=0.05,
        tls=context,
        password=None if password is None else password.encode(),
    )
    url = state.ocpp_tls_url if tls else state.ocpp_url
    assert url is not None
    return SimulatedStation(station_id, url, settings=settings)


async def _create(operator: Operator, station_id: str, **more: Any) -> None:
    created = await operator.http.post("/stations", json={"station_id": station_id, **more})
    assert created.status_code == 201, created.text


async def _is_let_in(station: SimulatedStation) -> bool:
    async with station:
        async with asyncio.timeout(60):
            while not station.link.online.is_set() and not station.link.refusals:
                await asyncio.sleep(0.02)
        if not station.link.online.is_set():
            return False
        # TLS 1.3: the client's side is done before its certificate is judged.
        await asyncio.wait_for(station.accepted.wait(), 60)
        return True


async def test_each_profile_lets_in_what_it_says_and_nothing_else(
    suite: Suite, trust: Trust, operator: Operator, station_id: str
) -> None:
    password = secrets.token_hex(16)
    names = {profile: f"{station_id}-{profile}" for profile in (1, 2, 3)}
    for profile, name in names.items():
        await _create(operator, name, password=password, security_profile=profile)
    own = trust.authority.station(names[3])
    rows: list[tuple[int, dict[str, Any], bool]] = [
        (1, {"tls": False, "password": password}, True),
        (1, {"tls": True, "password": password}, False),
        (2, {"tls": True, "password": password}, True),
        (2, {"tls": False, "password": password}, False),
        (2, {"tls": True, "password": "wrong password here"}, False),
        (3, {"tls": True, "certificate": own}, True),
        (3, {"tls": True, "password": password}, False),
        (3, {"tls": True, "certificate": trust.authority.station("somebody else")}, False),
        (3, {"tls": True, "certificate": trust.authority.station(names[3], "Another")}, False),
        (3, {"tls": True, "certificate": Authority("Operator").station(names[3])}, False),
        (3, {"tls": True, "certificate": trust.authority.station(names[3], days=(-9, -1))}, False),
    ]
    found = [
        (profile, presented, await _is_let_in(_station(suite, trust, names[profile], **presented)))
        for profile, presented, _ in rows
    ]
    assert found == rows


async def test_a_revoked_certificate_opens_nothing(
    suite: Suite, trust: Trust, operator: Operator
) -> None:
    await _create(operator, "revoked", security_profile=3)
    station = _station(suite, trust, "revoked", tls=True, certificate=trust.revoked)
    assert not await _is_let_in(station)


async def test_an_upgraded_station_never_gets_in_with_the_lower_profile_again(
    suite: Suite, trust: Trust, operator: Operator, station_id: str
) -> None:
    password = secrets.token_hex(16)
    await _create(operator, station_id, password=password, security_profile=1)

    async def accept(_: BareStation, payload: dict[str, Any]) -> dict[str, Any]:
        return {"status": "Accepted" if payload["value"] == "2" else "Rejected"}

    old = _station(suite, trust, station_id, tls=False, password=password)
    old.handlers["ChangeConfiguration"] = accept
    async with old:
        await asyncio.wait_for(old.accepted.wait(), 60)
        command = {"key": "SecurityProfile", "value": "2"}
        path = f"/stations/{station_id}/commands/ChangeConfiguration"
        lower = await operator.http.post(path, json={**command, "value": "1"})
        assert (lower.status_code, lower.json()["code"]) == (409, "security_profile_not_higher")
        sent = await operator.http.post(path, json=command)
        assert sent.json()["response"] == {"status": "Accepted"}
    assert (await operator.get(f"/stations/{station_id}"))["upgrade_profile"] == 2
    for tls, let_in in ((False, True), (True, True), (False, False), (True, True)):
        station = _station(suite, trust, station_id, tls=tls, password=password)
        assert await _is_let_in(station) is let_in
    after = await operator.get(f"/stations/{station_id}")
    assert (after["security_profile"], after["upgrade_profile"]) == (2, None)


@pytest.mark.scaled
async def test_thousands_of_half_open_tls_connections_keep_no_station_out(
    suite: Suite, trust: Trust, operator: Operator, station_id: str
) -> None:
    state = suite.state()
    assert state.ocpp_tls_url is not None
    password = secrets.token_hex(16)
    await _create(operator, station_id, password=password, security_profile=2)
    pid = state.gateways[0].pid
    before, memory = open_files(pid), resident_bytes(pid)
    async with AsyncExitStack() as stack:
        for _ in range(0, HALF_OPEN, AT_ONCE):
            sockets = await asyncio.gather(
                *(RawSocket.open(state.ocpp_tls_url) for _ in range(AT_ONCE))
            )
            for one in sockets:
                await stack.enter_async_context(one)
                # The beginning of a hello that never goes on.
                await one.send(b"\x16\x03\x01\x02\x00\x01\x00")
        assert open_files(pid) - before <= HALF_OPEN + 50
        assert resident_bytes(pid) - memory < HALF_OPEN * BYTES_EACH
        station = _station(suite, trust, station_id, tls=True, password=password)
        assert await _is_let_in(station)
        async with asyncio.timeout(OPEN_TIMEOUT_S):
            while open_files(pid) - before > 50:
                await asyncio.sleep(0.1)


async def test_a_tls_hello_of_one_byte_at_a_time_is_cut_off(suite: Suite) -> None:
    url = suite.state().ocpp_tls_url
    assert url is not None
    async with await RawSocket.open(url) as slow:
        cut = asyncio.create_task(slow.is_cut(OPEN_TIMEOUT_S))
        # A record of 512 bytes is announced, and would take a minute to come.
        for byte in b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(600):
            if cut.done() or slow.writer.transport.is_closing():
                break
            slow.writer.write(bytes([byte]))
            await asyncio.sleep(0.1)
        assert await cut


async def test_who_shakes_hands_by_tls_and_then_says_nothing_is_cut_off(
    suite: Suite, trust: Trust
) -> None:
    url = suite.state().ocpp_tls_url
    assert url is not None
    async with await RawSocket.open(url, tls=tls_context(trust.folder / "ca.pem")) as silent:
        assert await silent.is_cut(OPEN_TIMEOUT_S)
