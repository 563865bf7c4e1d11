"""The TLS handshake of a station, before there is a WebSocket to speak of.

Made by hand, not by the server: so that it waits in a queue, those who are slow with it count as
silent for the connection limiter, its failures are counted with their reasons, and a change of
certificates reaches the next connection.
"""

import asyncio
import os
import socket
import ssl
from collections.abc import Callable
from typing import cast

from ws_gateway.domain.proxy_protocol import (
    HEAD_BYTES,
    BadProxyHeader,
    body_bytes,
    client_address,
)
from ws_gateway.domain.tls_faults import CLIENT_GONE, TlsFault, fault_of
from ws_gateway.websocket.connection_limiter import SILENCE_S, ConnectionLimiter
from ws_gateway.websocket.tls_handshake_queue import TlsHandshakeQueue, has_gone, is_whole_hello

# The limiter is stricter; this one holds where the limiter does not look any more.
HANDSHAKE_TIMEOUT_S = SILENCE_S + 5.0
SHUTDOWN_TIMEOUT_S = 5.0


class TlsHandshake(asyncio.Protocol):
    """Makes the handshake on behalf of the protocol that `make_protocol` returns.

    `is_balancer` tells of an address whether its connections begin with a PROXY protocol header;
    `make_protocol` gets the address that such a header names, None where there is none.
    """

    def __init__(
        self,
        context: Callable[[], ssl.SSLContext],
        make_protocol: Callable[[str | None], asyncio.Protocol],
        limiter: ConnectionLimiter,
        queue: TlsHandshakeQueue,
        on_fault: Callable[[str, TlsFault], None],
        is_balancer: Callable[[str], bool],
    ) -> None:
        self._context = context
        self._make_protocol = make_protocol
        self._limiter = limiter
        self._queue = queue
        self._on_fault = on_fault
        self._is_balancer = is_balancer
        self._given_up: str | None = None
        self._handshake: asyncio.Task[None] | None = None
        self._has_begun = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection over before a byte of it is read, and wait for the first.

        `start_tls` would miss what is read before it begins, which uvloop does at once. So the
        socket is taken from this transport, and the loop is given it anew.
        """
        own: socket.socket = transport.get_extra_info("socket")
        address = transport.get_extra_info("peername")
        self._peer = peer = str(address[0]) if address else "unknown"
        try:
            accepted = socket.socket(fileno=os.dup(own.fileno()))
        except OSError as error:
            self._on_fault(peer, TlsFault("full", f"no file is left: {error.strerror}"))
            return
        finally:
            # uvloop's transports are no subclasses of asyncio's.
            cast(asyncio.Transport, transport).abort()
        accepted.setblocking(False)
        self._accepted = accepted
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(accepted.fileno(), self._hear)
        self._limiter.opened(self)

    def give_up(self, reason: str) -> None:
        """Abort; `reason` is counted."""
        if self._given_up is not None:
            return
        self._given_up = reason
        if self._handshake is not None:
            self._handshake.cancel()
        else:
            self._end(TlsFault(reason, "no TLS handshake in time"))

    def begin(self) -> None:
        """Begin the handshake: it has left the queue."""
        if has_gone(self._accepted):
            # Nobody would see the signature.
            self._end(TlsFault(CLIENT_GONE, "gone before its turn for the TLS handshake"))
            return
        self._limiter.opened(self)
        if self._given_up is None:
            self._handshake = self._loop.create_task(
                self._make_handshake(self._accepted, self._peer)
            )
            self._handshake.add_done_callback(self._handshake_ended)

    def _hear(self) -> None:
        try:
            if not self._is_balancer(self._peer) and not is_whole_hello(self._accepted):
                return
        except OSError as error:
            self._end(fault_of(error))
            return
        self._loop.remove_reader(self._accepted.fileno())
        self._limiter.queued(self)
        self._queue.enqueue(self)

    def _handshake_ended(self, _: asyncio.Task[None]) -> None:
        if not self._has_begun:
            # Given up before its task ran for the first time: it never will.
            self._end(TlsFault(self._given_up or "handshake_timeout", "no TLS handshake in time"))

    def _end(self, fault: TlsFault) -> None:
        self._loop.remove_reader(self._accepted.fileno())
        self._accepted.close()
        self._on_fault(self._peer, fault)
        self._limiter.closed(self, was_established=False)
        self._queue.remove(self)

    async def _make_handshake(self, accepted: socket.socket, peer: str) -> None:
        self._has_begun = True
        announced: str | None = None
        try:
            if self._is_balancer(peer):
                peer = announced = await _announced(accepted, peer)
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: self._make_protocol(announced),
                accepted,
                ssl=self._context(),
                ssl_handshake_timeout=HANDSHAKE_TIMEOUT_S,
                ssl_shutdown_timeout=SHUTDOWN_TIMEOUT_S,
            )
        except BadProxyHeader as error:
            self._on_fault(peer, TlsFault("bad_proxy_header", str(error)))
        except OSError as error:
            self._on_fault(peer, fault_of(error))
        except asyncio.CancelledError:
            if self._given_up is None:
                raise
            self._on_fault(peer, TlsFault(self._given_up, "no TLS handshake in time"))
        finally:
            self._limiter.closed(self, was_established=False)
            self._queue.remove(self)


async def _announced(accepted: socket.socket, balancer: str) -> str:
    """Return the address in the header that the connection begins with; closes where it can't.

    Raises:
        BadProxyHeader: there is no such header.
        OSError: the connection ended, or nothing came in time.
    """
    try:
        async with asyncio.timeout(HANDSHAKE_TIMEOUT_S):
            head = await _exactly(accepted, HEAD_BYTES)
            body = await _exactly(accepted, body_bytes(head))
        return client_address(head, body) or balancer
    except BaseException:
        accepted.close()
        raise


async def _exactly(accepted: socket.socket, size: int) -> bytes:
    # Not a byte more: what follows belongs to TLS.
    received = b""
    while len(received) < size:
        more = await asyncio.get_running_loop().sock_recv(accepted, size - len(received))
        if not more:
            raise ConnectionResetError("ended before TLS began")
        received += more
    return received
