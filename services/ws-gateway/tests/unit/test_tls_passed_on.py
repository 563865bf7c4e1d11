"""A TLS port behind a balancer that passes TLS on unread and says who connects; both loops."""

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest
import uvloop
from gateway_fakes.waiting import until

from csms_simulator.certificates import Authority
from ws_gateway.domain.tls_faults import TlsFault
from ws_gateway.websocket.connection_limiter import ConnectionLimiter
from ws_gateway.websocket.tls_handshake import TlsHandshake
from ws_gateway.websocket.tls_handshake_queue import TlsHandshakeQueue

AUTHORITY = Authority("Operator")
SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
STATION = "203.0.113.9"


def header(command: int = 0x21) -> bytes:
    body = socket.inet_aton(STATION) + socket.inet_aton("10.0.0.1") + struct.pack(">HH", 5000, 443)
    return SIGNATURE + struct.pack(">BBH", command, 0x11, len(body)) + body


class Greeting(asyncio.Protocol):
    """Says who it was told connects."""

    def __init__(self, announced: str | None) -> None:
        self._announced = announced

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast(asyncio.Transport, transport).write(f"{self._announced}\n".encode())


@dataclass
class Port:
    """A TLS port under test, for which loopback is a balancer."""

    number: int
    balancers: set[str]
    limiter: ConnectionLimiter
    faults: list[tuple[str, TlsFault]] = field(default_factory=list)

    async def fault(self) -> tuple[str, TlsFault]:
        await until(lambda: self.faults, 20)
        return self.faults[0]


@contextlib.asynccontextmanager
async def _open_port(tmp_path: Path) -> AsyncIterator[Port]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*AUTHORITY.server("localhost").write(tmp_path, "server"))
    under_test = Port(0, {"127.0.0.1"}, ConnectionLimiter(1000))
    queue = TlsHandshakeQueue()

    def protocol() -> TlsHandshake:
        return TlsHandshake(
            lambda: context,
            Greeting,
            under_test.limiter,
            queue,
            lambda address, fault: under_test.faults.append((address, fault)),
            lambda address: address in under_test.balancers,
        )

    server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0)
    under_test.number = server.sockets[0].getsockname()[1]
    try:
        yield under_test
    finally:
        server.close()
        under_test.limiter.give_up_all()
        await asyncio.sleep(0)


Work = Callable[[Port], Awaitable[None]]


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def at_port(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[Work], None]]:
    loop = request.param()

    async def run(work: Work) -> None:
        async with _open_port(tmp_path) as port:
            await work(port)

    yield lambda work: loop.run_until_complete(run(work))
    loop.close()


async def _greeting(port: Port, *pieces: bytes) -> bytes:
    """Send `pieces`, each by itself, then shake hands; return what is said."""
    async with asyncio.timeout(20):
        reader, writer = await asyncio.open_connection("127.0.0.1", port.number)
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
        context = ssl.create_default_context(cadata=AUTHORITY.pem.decode())
        await writer.start_tls(context, server_hostname="localhost")
        answer = await reader.readline()
        writer.transport.abort()
        return answer


def test_the_balancer_s_word_on_who_connects_reaches_the_connection(
    at_port: Callable[[Work], None],
) -> None:
    async def work(port: Port) -> None:
        assert await _greeting(port, header()) == f"{STATION}\n".encode()

    at_port(work)


def test_a_header_in_pieces_is_put_together(at_port: Callable[[Work], None]) -> None:
    async def work(port: Port) -> None:
        pieces = (bytes([byte]) for byte in header())
        assert await _greeting(port, *pieces) == f"{STATION}\n".encode()

    at_port(work)


def test_a_balancer_that_speaks_for_itself_is_who_connects(at_port: Callable[[Work], None]) -> None:
    async def work(port: Port) -> None:
        assert await _greeting(port, header(0x20)) == b"127.0.0.1\n"

    at_port(work)


def test_who_is_no_balancer_announces_nobody(at_port: Callable[[Work], None]) -> None:
    async def work(port: Port) -> None:
        port.balancers.clear()
        assert await _greeting(port) == b"None\n"
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await _greeting(port, header())
        assert (await port.fault())[1].reason == "tls_handshake_failed"

    at_port(work)


def test_a_balancer_that_announces_nobody_is_refused(at_port: Callable[[Work], None]) -> None:
    async def work(port: Port) -> None:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await _greeting(port)
        address, fault = await port.fault()
        assert (address, fault.reason) == ("127.0.0.1", "bad_proxy_header")
        assert port.limiter.waiting == 0

    at_port(work)


def test_a_station_that_fails_is_named_by_its_own_address(at_port: Callable[[Work], None]) -> None:
    async def work(port: Port) -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", port.number)
        writer.write(header() + b"GET /ocpp/A HTTP/1.1\r\nHost: x\r\n\r\n")
        address, fault = await port.fault()
        assert (address, fault.reason) == (STATION, "plain_on_tls_port")
        writer.transport.abort()

    at_port(work)


@pytest.mark.parametrize("sent", [b"", SIGNATURE])
def test_half_a_header_is_given_up_in_time_and_its_socket_closed(
    at_port: Callable[[Work], None], sent: bytes
) -> None:
    async def work(port: Port) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port.number)
        writer.write(sent)
        async with asyncio.timeout(20):
            while not port.limiter.waiting:
                await asyncio.sleep(0.01)
            port.limiter.give_up_all()
            # A reset where something was left unread.
            with contextlib.suppress(ConnectionResetError):
                assert await reader.read() == b""
        assert (await port.fault())[1].reason == "gateway_ended"
        writer.close()

    at_port(work)


def test_a_check_of_the_port_that_says_nothing_is_only_counted(
    at_port: Callable[[Work], None],
) -> None:
    async def work(port: Port) -> None:
        with socket.create_connection(("127.0.0.1", port.number)):
            pass
        assert (await port.fault())[1].reason == "client_gone"

    at_port(work)
