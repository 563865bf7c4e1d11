"""Listens for stations, holds their sockets and gives them their time."""

import asyncio
import contextlib
import functools
import socket
from collections.abc import Callable, Iterator
from typing import Any, cast

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request

from ws_gateway.websocket.connection_handler import ConnectionHandler, instant
from ws_gateway.websocket.connection_limiter import ConnectionLimiter
from ws_gateway.websocket.handshake import Handshakes
from ws_gateway.websocket.held_bytes import HeldBytes
from ws_gateway.websocket.read_limiter import ReadLimiter
from ws_gateway.websocket.socket import CLOSE_TIMEOUT_S, StationSocket
from ws_gateway.websocket.tls_files import TlsContexts
from ws_gateway.websocket.tls_handshake import TlsHandshake
from ws_gateway.websocket.tls_handshake_queue import TlsHandshakeQueue

# Longer than silence and a claim together; the wait in the queue of upgrades comes between.
_OPEN_BUT_FOR_QUEUE_S = 20.0
_BACKLOG = 4096
_TICK_S = 0.1
_SLICES = 10
_SMALLEST_SLICE = 50
_FINISH_S = 2.0
# In place of each connection's own, once that is answered.
_ANSWERED_REQUEST = Request("", Headers())


class Listener:
    """The servers of one gateway, one for each listening socket."""

    def __init__(
        self,
        handshakes: Handshakes,
        limiter: ConnectionLimiter,
        plain: list[socket.socket],
        secured: list[socket.socket],
        contexts: TlsContexts | None,
        is_balancer: Callable[[str], bool],
        longest_wait_s: float,
        frames_per_s: float,
    ) -> None:
        self._handshakes = handshakes
        self._limiter = limiter
        self._plain = plain
        self._secured = secured
        self._contexts = contexts
        self._is_balancer = is_balancer
        self._open_timeout_s = _OPEN_BUT_FOR_QUEUE_S + longest_wait_s
        self._read_limiter = ReadLimiter(frames_per_s)
        self._held = HeldBytes()
        self._tls_queue = TlsHandshakeQueue()
        self._servers: list[Server] = []
        self._open: set[StationSocket] = set()
        self._all_closed = asyncio.Event()
        self._all_closed.set()

    @property
    def handlers(self) -> list[ConnectionHandler]:
        """Return the handlers of the open sockets."""
        return [
            connection.connection_handler
            for connection in self._open
            if isinstance(connection.connection_handler, ConnectionHandler)
        ]

    async def start(self) -> None:
        """Begin to accept."""
        for listening, factory in self._factories():
            server = await serve(
                self._hold,
                sock=listening,
                process_request=self._handshakes.process,
                create_connection=cast(type[ServerConnection], factory),
                compression=None,
                server_header=None,
                open_timeout=self._open_timeout_s,
                ping_interval=None,
                close_timeout=CLOSE_TIMEOUT_S,
                max_size=1024 * 1024,
                backlog=_BACKLOG,
            )
            self._servers.append(server)

    def _factories(self) -> Iterator[tuple[socket.socket, Callable[..., object]]]:
        """Return what makes the protocol of each connection that comes in on a listening socket."""
        socket_factory = functools.partial(
            StationSocket,
            limiter=self._limiter,
            read_limiter=self._read_limiter,
            held=self._held,
            on_garbage=self._handshakes.garbage,
        )
        for listening in self._plain:
            yield listening, socket_factory
        if self._contexts is None:
            return
        contexts = self._contexts

        def tls_handshake(*arguments: Any, **options: Any) -> TlsHandshake:
            return TlsHandshake(
                lambda: contexts.current,
                lambda announced: socket_factory(*arguments, announced=announced, **options),
                self._limiter,
                self._tls_queue,
                self._handshakes.tls_failed,
                self._is_balancer,
            )

        for listening in self._secured:
            yield listening, tls_handshake

    def stop_accepting(self) -> None:
        """Accept no more; what is open stays open."""
        for server in self._servers:
            server.close(close_connections=False)

    async def finish(self) -> None:
        """Wait for the sockets that are closing, then abort what is left."""
        self._limiter.give_up_all()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_FINISH_S):
                await self._all_closed.wait()
        await self.abort()

    async def abort(self) -> None:
        """End every socket and handshake now."""
        self.stop_accepting()
        self._limiter.give_up_all()
        for connection in list(self._open):
            connection.transport.abort()
        for server in self._servers:
            for handshake in list(server.handler_tasks):
                handshake.cancel()
            await server.wait_closed()

    async def run_clock(self) -> None:
        """Give every connection that is not quiet a tick a second, a tenth of them at a time."""
        while True:
            connections = list(self._open)
            size = max(_SMALLEST_SLICE, -(-len(connections) // _SLICES))
            for part in range(_SLICES):
                now = instant()
                for connection in connections[part * size : (part + 1) * size]:
                    if now.monotonic >= connection.quiet_until:
                        connection.tick(now)
                self._limiter.give_up_silent()
                self._tls_queue.give_up_slow()
                await asyncio.sleep(_TICK_S)

    async def _hold(self, connection: ServerConnection) -> None:
        assert isinstance(connection, StationSocket)
        # A fifth of what an idle connection holds, and of no use after the handshake.
        connection.request, connection.response = _ANSWERED_REQUEST, None
        self._open.add(connection)
        self._all_closed.clear()
        try:
            await connection.wait_closed()
        finally:
            self._open.discard(connection)
            if not self._open:
                self._all_closed.set()
