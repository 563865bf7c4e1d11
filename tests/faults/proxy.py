"""A TCP path between two parts whose faults are set while it runs.

Either direction can be frozen (half-open: nothing is read, nothing is sent, the sockets stay),
delayed, throttled, or cut after a number of bytes; the whole path can be cut and mended.
"""

import asyncio
import socket
import struct
from collections.abc import Callable
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit, urlunsplit

LOOPBACK = "127.0.0.1"
_DEFAULT_PORTS = {"amqp": 5672, "postgresql": 5432, "ws": 80, "http": 80}
_CHUNK_BYTES = 65_536
_CHUNKS_DELAYED = 256
_DIAL_S = 5.0
# A throttled direction is read in steps of a twentieth of a second, so that it flows evenly.
_THROTTLE_STEPS_PER_S = 20
# Closing with this sends RST instead of FIN.
_RESET = struct.pack("ii", 1, 0)


class _CutAtLimit(Exception):
    """The last byte that a direction may carry has been sent."""


class Direction:
    """The bytes that go one way over all connections of a path; changes act at once."""

    def __init__(self) -> None:
        self.carried = 0
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._delay_s = 0.0
        self._delayed: Callable[[bytes], bool] = bool
        self._bytes_per_s: float | None = None
        self._left: int | None = None
        self._halved: Callable[[bytes], bool] | None = None

    def freeze(self) -> None:
        """Read and send nothing; even the end of a connection does not pass."""
        self._flowing.clear()

    def delay(self, seconds: float, only: Callable[[bytes], bool] = bool) -> None:
        """Hold every chunk back for `seconds`, in order; with `only`, those that it picks."""
        self._delay_s, self._delayed = seconds, only

    def throttle(self, bytes_per_s: float) -> None:
        """Let no connection carry more than this."""
        self._bytes_per_s = bytes_per_s

    def cut_after(self, count: int) -> None:
        """Carry `count` more bytes, then reset the connection that carries the last of them."""
        self._left = count

    def cut_within(self, only: Callable[[bytes], bool]) -> None:
        """Carry half of the next chunk that `only` picks, then reset the connection that has it."""
        self._halved = only

    def mend(self) -> None:
        """Undo every fault of this direction; what was held back flows on."""
        self._delay_s, self._delayed = 0.0, bool
        self._halved = None
        self._bytes_per_s = self._left = None
        self._flowing.set()

    async def carry(self, source: socket.socket, sink: socket.socket) -> None:
        """Carry bytes until the source ends, and pass the end on.

        Raises:
            OSError: one of the two is gone.
            _CutAtLimit: what `cut_after` or `cut_within` allowed has been sent.
        """
        on_the_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_CHUNKS_DELAYED)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._read(source, on_the_way))
            group.create_task(self._write(sink, on_the_way))

    async def until_flowing(self) -> None:
        """Wait while frozen."""
        await self._flowing.wait()

    async def _read(
        self, source: socket.socket, on_the_way: asyncio.Queue[tuple[float, bytes]]
    ) -> None:
        loop = asyncio.get_running_loop()
        data = b"-"
        while data:
            await self._flowing.wait()
            try:
                data = source.recv(self._chunk_bytes())
            except BlockingIOError:
                # Not `sock_recv`, which would read what arrives after a freeze.
                await _readable(source)
                continue
            delay_s = self._delay_s if self._delayed(data) else 0.0
            await on_the_way.put((loop.time() + delay_s, data))

    async def _write(
        self, sink: socket.socket, on_the_way: asyncio.Queue[tuple[float, bytes]]
    ) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due, data = await on_the_way.get()
            await asyncio.sleep(due - loop.time())
            await self._flowing.wait()
            if not data:
                sink.shutdown(socket.SHUT_WR)
                return
            if self._halved is not None and self._halved(data):
                self._halved = None
                await loop.sock_sendall(sink, data[: len(data) // 2])
                raise _CutAtLimit
            allowed = data if self._left is None else data[: self._left]
            await loop.sock_sendall(sink, allowed)
            self.carried += len(allowed)
            if self._left is not None:
                self._left -= len(allowed)
                if self._left == 0:
                    self._left = None
                    raise _CutAtLimit
            if self._bytes_per_s is not None:
                await asyncio.sleep(len(allowed) / self._bytes_per_s)

    def _chunk_bytes(self) -> int:
        if self._bytes_per_s is None:
            return _CHUNK_BYTES
        return max(1, min(_CHUNK_BYTES, int(self._bytes_per_s / _THROTTLE_STEPS_PER_S)))


class Proxy:
    """Listens on a free loopback port and carries each connection to the next target that answers.

    With several targets it stands for a balancer; a target that refuses is passed over.
    """

    def __init__(self, *targets: tuple[str, int]) -> None:
        self.targets = targets
        self.port = 0
        self.accepted = 0
        self.to_target = Direction()
        self.to_client = Direction()
        self._listening: socket.socket | None = None
        self._accepting: asyncio.Task[None] | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._passing = True
        self._turn = 0

    @classmethod
    def to(cls, *urls: str) -> Self:
        """Return a path to the servers that these URLs name."""
        return cls(*(_address(url) for url in urls))

    def url(self, original: str) -> str:
        """Return the URL that reaches the same resource through this path."""
        parts = urlsplit(original)
        user, at, _ = parts.netloc.rpartition("@")
        return urlunsplit(parts._replace(netloc=f"{user}{at}{LOOPBACK}:{self.port}"))

    @property
    def open(self) -> int:
        """Count the connections that exist now."""
        return len(self._connections)

    async def __aenter__(self) -> Self:
        self._listening = socket.create_server((LOOPBACK, 0), backlog=1024)
        self._listening.setblocking(False)
        self.port = self._listening.getsockname()[1]
        self._accepting = asyncio.create_task(self._accept(self._listening))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._accepting is not None
        assert self._listening is not None
        tasks = [self._accepting, *self._connections]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._listening.close()

    def reset(self) -> None:
        """Reset every connection (RST to both sides); new ones pass."""
        for task in self._connections:
            task.cancel()

    def cut(self) -> None:
        """Reset every connection, and those to come, until `mend`."""
        self._passing = False
        self.reset()

    def freeze(self) -> None:
        """Freeze both directions; who connects now waits without an answer."""
        self.to_target.freeze()
        self.to_client.freeze()

    def mend(self) -> None:
        """Undo every fault; what was frozen flows on."""
        self._passing = True
        self.to_target.mend()
        self.to_client.mend()

    async def _accept(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            client, _ = await loop.sock_accept(listening)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.accepted += 1
            task = asyncio.create_task(self._serve(client))
            self._connections.add(task)
            task.add_done_callback(self._connections.discard)

    async def _serve(self, client: socket.socket) -> None:
        target: socket.socket | None = None
        in_order = False
        try:
            await self.to_target.until_flowing()
            target = await self._dial() if self._passing else None
            if target is None:
                return
            async with asyncio.TaskGroup() as group:
                group.create_task(self.to_target.carry(client, target))
                group.create_task(self.to_client.carry(target, client))
            in_order = True
        except* (OSError, _CutAtLimit):
            pass
        finally:
            for side in (client, target):
                if side is not None:
                    if not in_order:
                        side.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                    side.close()

    async def _dial(self) -> socket.socket | None:
        loop = asyncio.get_running_loop()
        for _ in self.targets:
            address = self.targets[self._turn % len(self.targets)]
            self._turn += 1
            target = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            target.setblocking(False)
            try:
                async with asyncio.timeout(_DIAL_S):
                    await loop.sock_connect(target, address)
            except OSError:  # TimeoutError is one
                target.close()
                continue
            except BaseException:
                target.close()
                raise
            target.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return target
        return None


def _address(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    assert parts.hostname is not None, url
    return parts.hostname, parts.port or _DEFAULT_PORTS[parts.scheme]


async def _readable(source: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    descriptor = source.fileno()
    loop.add_reader(descriptor, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(descriptor)
