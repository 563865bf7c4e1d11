"""Each fault of a path, seen from plain sockets on both of its ends."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import pytest

from tests.faults.proxy import LOOPBACK, Proxy

SHORT_S = 0.3
DEADLINE_S = 10.0


class Server:
    """Echoes what it gets, and remembers it."""

    def __init__(self) -> None:
        self.received = b""
        self.ends: list[str] = []
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65_536):
                self.received += data
                writer.write(data)
                await writer.drain()
            self.ends.append("closed")
        except ConnectionResetError:
            self.ends.append("reset")
        finally:
            writer.close()


@contextlib.asynccontextmanager
async def listening(handler: Server) -> AsyncIterator[Server]:
    server = await asyncio.start_server(handler.serve, LOOPBACK, 0)
    handler.port = server.sockets[0].getsockname()[1]
    async with server:
        yield handler


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with listening(Server()) as server:
        yield server


@pytest.fixture
async def proxy(server: Server) -> AsyncIterator[Proxy]:
    async with Proxy((LOOPBACK, server.port)) as proxy:
        yield proxy


class Client:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def connect(cls, proxy: Proxy) -> "Client":
        return cls(*await asyncio.open_connection(LOOPBACK, proxy.port))

    def send(self, data: bytes) -> None:
        self._writer.write(data)

    async def receive(self, count: int, within_s: float = DEADLINE_S) -> bytes:
        async with asyncio.timeout(within_s):
            return await self._reader.readexactly(count)

    async def said(self, data: bytes) -> bytes:
        self.send(data)
        return await self.receive(len(data))

    async def close(self) -> None:
        self._writer.close()
        await self._writer.wait_closed()


async def until_ended(server: Server, count: int = 1) -> list[str]:
    async with asyncio.timeout(DEADLINE_S):
        while len(server.ends) < count:
            await asyncio.sleep(0.01)
    return server.ends


async def test_bytes_and_the_end_of_a_connection_pass(server: Server, proxy: Proxy) -> None:
    client = await Client.connect(proxy)
    big = bytes(range(256)) * 4000
    assert await client.said(big) == big
    assert (proxy.to_target.carried, proxy.to_client.carried) == (len(big), len(big))
    await client.close()
    assert await until_ended(server) == ["closed"]


async def test_a_cut_resets_both_sides_and_whoever_comes_until_it_is_mended(
    server: Server, proxy: Proxy
) -> None:
    client = await Client.connect(proxy)
    await client.said(b"before")
    proxy.cut()
    with pytest.raises(ConnectionResetError):
        await client.receive(1)
    assert await until_ended(server) == ["reset"]
    refused = await Client.connect(proxy)
    with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
        await refused.receive(1)
    proxy.mend()
    assert await (await Client.connect(proxy)).said(b"after") == b"after"


async def test_a_reset_lets_new_connections_pass(proxy: Proxy) -> None:
    client = await Client.connect(proxy)
    await client.said(b"before")
    proxy.reset()
    with pytest.raises(ConnectionResetError):
        await client.receive(1)
    assert await (await Client.connect(proxy)).said(b"after") == b"after"


async def test_a_frozen_path_keeps_its_sockets_and_carries_nothing_not_even_an_end(
    server: Server, proxy: Proxy
) -> None:
    client, ended = await Client.connect(proxy), await Client.connect(proxy)
    await client.said(b"a")
    await ended.said(b"b")
    proxy.freeze()
    client.send(b"c")
    await ended.close()
    late = await Client.connect(proxy)
    with pytest.raises(TimeoutError):
        await client.receive(1, SHORT_S)
    assert server.received == b"ab"
    assert server.ends == []
    assert proxy.open == 3
    proxy.mend()
    assert await client.receive(1) == b"c"
    assert await until_ended(server) == ["closed"]
    assert await late.said(b"d") == b"d"


async def test_a_frozen_path_reads_nothing_so_that_the_sender_is_held_up(
    server: Server, proxy: Proxy
) -> None:
    await (await Client.connect(proxy)).said(b"x")
    sender = socket.create_connection((LOOPBACK, proxy.port))
    with sender:
        sender.setblocking(False)
        proxy.freeze()
        await asyncio.sleep(SHORT_S)
        stuck = asyncio.get_running_loop().sock_sendall(sender, bytes(64 * 1024 * 1024))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(SHORT_S):
                await stuck
    assert server.received == b"x"


async def test_one_direction_alone_can_be_frozen(server: Server, proxy: Proxy) -> None:
    client = await Client.connect(proxy)
    await client.said(b"a")
    proxy.to_client.freeze()
    client.send(b"b")
    async with asyncio.timeout(DEADLINE_S):
        while server.received != b"ab":
            await asyncio.sleep(0.01)
    with pytest.raises(TimeoutError):
        await client.receive(1, SHORT_S)
    proxy.to_client.mend()
    assert await client.receive(1) == b"b"


async def test_a_delay_holds_chunks_back_in_order_and_does_not_add_up(proxy: Proxy) -> None:
    client = await Client.connect(proxy)
    await client.said(b"-")
    proxy.to_target.delay(SHORT_S)
    loop = asyncio.get_running_loop()
    started = loop.time()
    for number in range(10):
        client.send(bytes([number]))
        await asyncio.sleep(0.01)
    assert await client.receive(10) == bytes(range(10))
    assert SHORT_S <= loop.time() - started < 10 * SHORT_S


async def test_a_delay_can_be_for_some_chunks_only(proxy: Proxy) -> None:
    client = await Client.connect(proxy)
    await client.said(b"-")
    proxy.to_target.delay(60.0, only=lambda data: b"COMMIT" in data)
    assert await client.said(b"SELECT") == b"SELECT"
    client.send(b"COMMIT")
    with pytest.raises(TimeoutError):
        await client.receive(1, SHORT_S)


async def test_a_throttled_path_takes_its_time(proxy: Proxy) -> None:
    client = await Client.connect(proxy)
    await client.said(b"-")
    proxy.to_target.throttle(10_000)
    loop = asyncio.get_running_loop()
    started = loop.time()
    await client.said(bytes(5_000))
    assert loop.time() - started >= 0.4


async def test_a_path_is_cut_after_exactly_so_many_bytes_and_once(
    server: Server, proxy: Proxy
) -> None:
    client = await Client.connect(proxy)
    proxy.to_target.cut_after(5)
    client.send(b"12345678")
    with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
        await client.receive(8)
    await until_ended(server)
    assert server.received == b"12345"
    assert await (await Client.connect(proxy)).said(b"12345678") == b"12345678"


async def test_a_path_is_cut_amid_a_chunk_that_is_picked_and_once(
    server: Server, proxy: Proxy
) -> None:
    client, other = await Client.connect(proxy), await Client.connect(proxy)
    proxy.to_target.cut_within(lambda data: b"78" in data)
    assert await other.said(b"123456") == b"123456"
    client.send(b"12345678")
    with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
        await client.receive(8)
    assert await other.said(b"12345678") == b"12345678"


async def test_a_target_that_refuses_is_passed_over() -> None:
    async with listening(Server()) as one, listening(Server()) as other:
        with socket.create_server((LOOPBACK, 0)) as closed:
            nobody = closed.getsockname()
        async with Proxy((LOOPBACK, one.port), nobody, (LOOPBACK, other.port)) as proxy:
            for _ in range(3):
                assert await (await Client.connect(proxy)).said(b"x") == b"x"
            assert {one.received, other.received} <= {b"x", b"xx", b"xxx"}
            proxy.targets = (nobody,)
            with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
                await (await Client.connect(proxy)).receive(1)


def test_a_url_through_the_path_keeps_everything_but_host_and_port() -> None:
    proxy = Proxy.to("amqp://user:pass%40word@localhost:1234/")
    proxy.port = 99
    assert proxy.targets == (("localhost", 1234),)
    assert (
        proxy.url("postgresql://u:p@127.0.0.1:5432/csms?x=1")
        == "postgresql://u:p@127.0.0.1:99/csms?x=1"
    )
