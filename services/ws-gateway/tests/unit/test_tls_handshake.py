"""TLS handshakes: who gets through, what becomes of the others, on both event loops."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar, cast

import pytest
import uvloop
from gateway_fakes.waiting import until
from prometheus_client import REGISTRY

from csms_simulator.certificates import Authority, Issued
from ws_gateway.domain.tls_faults import TlsFault
from ws_gateway.settings import GatewaySettings
from ws_gateway.websocket import tls_handshake_queue as tls_turns
from ws_gateway.websocket.connection_limiter import ConnectionLimiter
from ws_gateway.websocket.tls_files import BadTlsFile, TlsContexts, tls_files
from ws_gateway.websocket.tls_handshake import TlsHandshake
from ws_gateway.websocket.tls_handshake_queue import TlsHandshakeQueue

AUTHORITY = Authority("Operator")
ELSEWHERE = Authority("Operator")
SERVERS = {kind: AUTHORITY.server("localhost", kind=kind) for kind in ("rsa", "ecdsa")}
STATION = AUTHORITY.station("A")
REVOKED = AUTHORITY.station("B")


class Echo(asyncio.Protocol):
    """Sends back what it gets, after the common name that it sees."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        certificate = transport.get_extra_info("ssl_object").getpeercert()
        self.transport.write(b"A" if certificate else b"-")

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)


@dataclass
class TlsPort:
    """A TLS port under test."""

    contexts: TlsContexts
    folder: Path
    limiter: ConnectionLimiter = field(default_factory=lambda: ConnectionLimiter(1000))
    queue: TlsHandshakeQueue = field(default_factory=TlsHandshakeQueue)
    faults: list[TlsFault] = field(default_factory=list)
    port: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def start(self) -> asyncio.Server:
        def protocol() -> TlsHandshake:
            return TlsHandshake(
                lambda: self.contexts.current,
                lambda _: Echo(),
                self.limiter,
                self.queue,
                self._fault,
                lambda _: False,
            )

        server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        return server

    def _fault(self, _: str, fault: TlsFault) -> None:
        self.faults.append(fault)
        self.changed.set()

    async def fault(self) -> TlsFault:
        async with asyncio.timeout(20):
            while not self.faults:
                self.changed.clear()
                await self.changed.wait()
        return self.faults[0]

    async def exchange(self, context: ssl.SSLContext, sent: bytes = b"hello") -> bytes:
        async with asyncio.timeout(20):
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", self.port, ssl=context, server_hostname="localhost"
            )
            writer.write(sent)
            answer = await reader.readexactly(len(sent) + 1)
            writer.close()
            return answer

    async def is_refused(self, context: ssl.SSLContext) -> bool:
        try:
            await self.exchange(context)
        except (OSError, asyncio.IncompleteReadError):
            return True
        return False


def _settings(folder: Path, **changed: Any) -> GatewaySettings:
    for kind, server in SERVERS.items():
        server.write(folder, kind)
    (folder / "ca.pem").write_bytes(AUTHORITY.pem)
    (folder / "crl.pem").write_bytes(AUTHORITY.revocation_list([REVOKED]))
    values: dict[str, Any] = {
        "tls_port": 0,
        "tls_rsa_certificate": str(folder / "rsa.pem"),
        "tls_rsa_key": str(folder / "rsa.key"),
        "tls_ecdsa_certificate": str(folder / "ecdsa.pem"),
        "tls_ecdsa_key": str(folder / "ecdsa.key"),
        "tls_client_ca": str(folder / "ca.pem"),
        "tls_crl": str(folder / "crl.pem"),
    }
    return GatewaySettings(
        broker_url="amqp://nobody",
        probe_port=0,
        gateway_port=0,
        credential_pepper="a pepper for the tests",
        **{**values, **changed},
    )


def _contexts(folder: Path, **changed: Any) -> TlsContexts:
    files = tls_files(_settings(folder, **changed))
    assert files is not None
    return TlsContexts(files)


def _client(
    folder: Path, certificate: Issued | None = None, ciphers: str | None = None
) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=AUTHORITY.pem.decode())
    if certificate is not None:
        context.load_cert_chain(*certificate.write(folder, "client"))
    if ciphers is not None:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(ciphers)
    return context


Result = TypeVar("Result")


class OnLoop(Protocol):
    """Runs to its end on an event loop of one kind."""

    def __call__(self, work: Coroutine[Any, Any, Result], /) -> Result: ...


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def on_loop(request: pytest.FixtureRequest) -> Iterator[OnLoop]:
    loop = request.param()
    yield loop.run_until_complete
    loop.close()


def _with_tls_port(
    on_loop: OnLoop, folder: Path, work: Callable[[TlsPort], Awaitable[Result]], **changed: Any
) -> Result:
    async def run() -> Result:
        tls_port = TlsPort(_contexts(folder, **changed), folder)
        server = await tls_port.start()
        try:
            return await work(tls_port)
        finally:
            server.close()
            tls_port.limiter.give_up_all()
            await asyncio.sleep(0)

    return on_loop(run())


@pytest.mark.parametrize(
    "ciphers",
    [
        None,
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        "AES128-GCM-SHA256",
        "AES256-GCM-SHA384",
        "ECDHE-RSA-AES128-GCM-SHA256",
    ],
)
def test_tls_13_and_every_suite_that_the_whitepaper_names_is_served(
    on_loop: OnLoop, tmp_path: Path, ciphers: str | None
) -> None:
    client = _client(tmp_path, STATION, ciphers)
    assert (
        _with_tls_port(on_loop, tmp_path, lambda tls_port: tls_port.exchange(client)) == b"Ahello"
    )


def test_a_client_certificate_is_asked_for_and_not_demanded(
    on_loop: OnLoop, tmp_path: Path
) -> None:
    client = _client(tmp_path)
    assert (
        _with_tls_port(on_loop, tmp_path, lambda tls_port: tls_port.exchange(client)) == b"-hello"
    )


def test_many_who_speak_at_once_all_get_through(on_loop: OnLoop, tmp_path: Path) -> None:
    async def work(tls_port: TlsPort) -> list[bytes]:
        client = _client(tls_port.folder, STATION)
        return list(await asyncio.gather(*(tls_port.exchange(client) for _ in range(40))))

    assert _with_tls_port(on_loop, tmp_path, work) == [b"Ahello"] * 40


@pytest.mark.parametrize(
    ("certificate", "says"),
    [
        pytest.param(ELSEWHERE.station("A"), "does not count", id="another CA"),
        pytest.param(AUTHORITY.station("A", days=(-9, -1)), "expired", id="expired"),
        pytest.param(AUTHORITY.station("A", days=(1, 9)), "not yet valid", id="not valid yet"),
        pytest.param(REVOKED, "revoked", id="revoked"),
        pytest.param(AUTHORITY.server("A"), "purpose", id="a server's"),
    ],
)
def test_a_certificate_that_does_not_count_ends_the_handshake_with_the_reason(
    on_loop: OnLoop, tmp_path: Path, certificate: Issued, says: str
) -> None:
    async def work(tls_port: TlsPort) -> TlsFault:
        assert await tls_port.is_refused(_client(tls_port.folder, certificate))
        return await tls_port.fault()

    fault = _with_tls_port(on_loop, tmp_path, work)
    assert fault.reason == "client_certificate_refused"
    assert says in fault.detail


def test_no_certificate_counts_once_the_revocation_list_is_out_of_date(
    on_loop: OnLoop, tmp_path: Path
) -> None:
    async def work(tls_port: TlsPort) -> TlsFault:
        (tls_port.folder / "crl.pem").write_bytes(AUTHORITY.revocation_list(days=(-9, -1)))
        tls_port.contexts.look()
        assert await tls_port.is_refused(_client(tls_port.folder, STATION))
        return await tls_port.fault()

    assert "CRL has expired" in _with_tls_port(on_loop, tmp_path, work).detail


@pytest.mark.parametrize(
    ("version", "ciphers", "reason"),
    [
        (ssl.TLSVersion.TLSv1_1, "ALL:@SECLEVEL=0", "tls_version"),
        (ssl.TLSVersion.TLSv1_2, "AES128-SHA", "tls_cipher"),
        (ssl.TLSVersion.TLSv1_2, "ECDHE-RSA-AES128-SHA256", "tls_cipher"),
    ],
)
def test_old_versions_and_weak_suites_are_refused(
    on_loop: OnLoop, tmp_path: Path, version: ssl.TLSVersion, ciphers: str, reason: str
) -> None:
    async def work(tls_port: TlsPort) -> str:
        client = _client(tls_port.folder)
        client.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        client.maximum_version = version
        client.set_ciphers(ciphers)
        assert await tls_port.is_refused(client)
        return (await tls_port.fault()).reason

    assert _with_tls_port(on_loop, tmp_path, work) == reason


async def _say(port: int, text: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(text)
    async with asyncio.timeout(20):
        while await reader.read(4096):
            pass
    writer.close()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"GET /ocpp/A HTTP/1.1\r\nHost: x\r\n\r\n", "plain_on_tls_port"),
        (b"\x00" * 500, "tls_handshake_failed"),
        (b"\x16\x03\x01\xff\xff" + b"\x01" * 500, "tls_handshake_failed"),
    ],
)
def test_what_is_no_tls_is_refused_with_its_reason(
    on_loop: OnLoop, tmp_path: Path, text: bytes, reason: str
) -> None:
    async def work(tls_port: TlsPort) -> str:
        with contextlib.suppress(ConnectionError):
            await _say(tls_port.port, text)
        return (await tls_port.fault()).reason

    assert _with_tls_port(on_loop, tmp_path, work) == reason


def test_who_says_nothing_is_given_up_by_the_doorway_and_counted(
    on_loop: OnLoop, tmp_path: Path
) -> None:
    async def work(tls_port: TlsPort) -> tuple[str, int]:
        _, writer = await asyncio.open_connection("127.0.0.1", tls_port.port)
        await until(lambda: tls_port.limiter.waiting, 20)
        tls_port.limiter.give_up_all()
        reason = (await tls_port.fault()).reason
        writer.close()
        return reason, tls_port.limiter.waiting

    assert _with_tls_port(on_loop, tmp_path, work) == ("gateway_ended", 0)


def test_who_has_gone_before_its_turn_costs_no_handshake(
    on_loop: OnLoop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tls_turns, "MOST_AT_ONCE", 0)

    async def work(tls_port: TlsPort) -> tuple[TlsFault, int, int]:
        hello = ssl.MemoryBIO()
        client = _client(tls_port.folder).wrap_bio(
            ssl.MemoryBIO(), hello, server_hostname="localhost"
        )
        with contextlib.suppress(ssl.SSLWantReadError):
            client.do_handshake()
        _, writer = await asyncio.open_connection("127.0.0.1", tls_port.port)
        writer.write(hello.read())
        await until(lambda: _waiting_turns() != 0, 20)
        # It is no silent one: it is our turn.
        silent = tls_port.limiter.waiting
        writer.close()
        await writer.wait_closed()
        monkeypatch.setattr(tls_turns, "MOST_AT_ONCE", 1)
        tls_port.queue.give_up_slow()
        return await tls_port.fault(), silent, int(_waiting_turns())

    fault, silent, waiting = _with_tls_port(on_loop, tmp_path, work)
    assert (fault.reason, silent, waiting) == ("client_gone", 0, 0)
    assert "before its turn" in fault.detail


def _waiting_turns() -> float:
    value = REGISTRY.get_sample_value("csms_gateway_handshakes", {"step": "tls_waiting"})
    assert value is not None
    return value


def test_new_certificates_reach_the_next_connection_and_leave_open_ones_alone(
    on_loop: OnLoop, tmp_path: Path
) -> None:
    other = Authority("Operator")

    async def work(tls_port: TlsPort) -> bytes:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", tls_port.port, ssl=_client(tls_port.folder), server_hostname="localhost"
        )
        await reader.readexactly(1)
        for kind in ("rsa", "ecdsa"):
            other.server("localhost", kind=kind).write(tls_port.folder, kind)
        tls_port.contexts.look()
        assert await tls_port.is_refused(_client(tls_port.folder))
        new = ssl.create_default_context(cadata=other.pem.decode())
        assert await tls_port.exchange(new) == b"-hello"
        writer.write(b"still here")
        answer = await reader.readexactly(10)
        writer.close()
        return answer

    assert _with_tls_port(on_loop, tmp_path, work) == b"still here"


def test_a_broken_file_keeps_what_was_read_before_until_it_is_mended(tmp_path: Path) -> None:
    contexts = _contexts(tmp_path)
    before = contexts.current
    contexts.look()
    assert contexts.current is before
    for broken in ("ecdsa.pem", "ecdsa.key", "ca.pem", "crl.pem"):
        path = tmp_path / broken
        whole = path.read_bytes()
        path.write_bytes(b"-----BEGIN CERTIFICATE-----\nAAAA")
        contexts.look()
        assert contexts.current is before
        assert contexts.problem is not None
        assert broken.partition(".")[0] in contexts.problem
        path.unlink()
        contexts.look()
        assert contexts.problem is not None
        path.write_bytes(whole)
        contexts.look()
        assert contexts.problem is None
        assert contexts.current is not before
        before = contexts.current


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"tls_rsa_key": ""}, "CSMS_TLS_RSA_CERTIFICATE and CSMS_TLS_RSA_KEY go together"),
        ({"tls_rsa_certificate": "nowhere.pem"}, "CSMS_TLS_RSA_CERTIFICATE: nowhere.pem"),
        ({"tls_client_ca": "nowhere.pem"}, "CSMS_TLS_CLIENT_CA: nowhere.pem"),
        ({"tls_client_ca": ""}, "CSMS_TLS_CRL: needs CSMS_TLS_CLIENT_CA"),
        ({"tls_port": None, "serve_plain": False}, "no port would be left"),
        (
            {
                "tls_rsa_certificate": "",
                "tls_rsa_key": "",
                "tls_ecdsa_certificate": "",
                "tls_ecdsa_key": "",
            },
            "CSMS_TLS_PORT: needs",
        ),
    ],
)
def test_settings_that_contradict_each_other_are_named(
    tmp_path: Path, changed: dict[str, Any], says: str
) -> None:
    with pytest.raises(BadTlsFile, match=says):
        _contexts(tmp_path, **changed)


def test_an_encrypted_key_and_a_ca_file_without_a_ca_are_refused(tmp_path: Path) -> None:
    (tmp_path / "sealed.key").write_text(
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"
    )
    with pytest.raises(BadTlsFile, match=r"sealed\.key"):
        _contexts(tmp_path, tls_rsa_key=str(tmp_path / "sealed.key"))
    with pytest.raises(BadTlsFile, match=r"CSMS_TLS_CRL: .* holds no revocation list"):
        _contexts(tmp_path, tls_crl=str(tmp_path / "rsa.pem"))


async def test_a_client_that_leaves_at_once_is_only_counted(tmp_path: Path) -> None:
    tls_port = TlsPort(_contexts(tmp_path), tmp_path)
    server = await tls_port.start()
    with socket.create_connection(("127.0.0.1", tls_port.port)):
        pass
    assert (await tls_port.fault()).reason == "client_gone"
    assert tls_port.limiter.waiting == 0
    server.close()
