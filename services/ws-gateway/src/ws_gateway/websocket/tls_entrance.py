"""The TLS handshake of a station, before there is a WebSocket to speak of.

Made by hand, not by the server: so that those who are slow with it count as silent visitors of
the doorway, its failures are counted with their reasons, and a change of certificates reaches the
next connection.
"""

import asyncio
import os
import socket
import ssl
from collections.abc import Callable
from typing import cast

from ws_gateway.domain.tls_faults import TlsFault, fault_of
from ws_gateway.websocket.doorway import SILENCE_S, Doorway

# The doorway is stricter; this one holds where the doorway does not look any more.
HANDSHAKE_TIMEOUT_S = SILENCE_S + 5.0
SHUTDOWN_TIMEOUT_S = 5.0


class TlsEntrance(asyncio.Protocol):
    """Shakes hands on behalf of the protocol that `make_protocol` returns."""

    def __init__(
        self,
        context: Callable[[], ssl.SSLContext],
        make_protocol: Callable[[], asyncio.Protocol],
        doorway: Doorway,
        on_fault: Callable[[str, TlsFault], None],
    ) -> None:
        self._context = context
        self._make_protocol = make_protocol
        self._doorway = doorway
        self._on_fault = on_fault
        self._given_up: str | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the handshake on the same connection, before a byte of it is read.

        `start_tls` would miss what is read before it begins, which uvloop does at once. So the
        socket is taken from this transport, and the loop is given it anew.
        """
        own: socket.socket = transport.get_extra_info("socket")
        address = transport.get_extra_info("peername")
        peer = str(address[0]) if address else "unknown"
        try:
            accepted = socket.socket(fileno=os.dup(own.fileno()))
        except OSError as error:
            self._on_fault(peer, TlsFault("full", f"no file is left: {error.strerror}"))
            return
        finally:
            # uvloop's transports are no subclasses of asyncio's.
            cast(asyncio.Transport, transport).abort()
        accepted.setblocking(False)
        self._doorway.entered(self)
        self._shaking = asyncio.get_running_loop().create_task(self._shake_hands(accepted, peer))

    def give_up(self, reason: str) -> None:
        """Abort; `reason` is counted."""
        self._given_up = reason
        self._shaking.cancel()

    async def _shake_hands(self, accepted: socket.socket, peer: str) -> None:
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                self._make_protocol,
                accepted,
                ssl=self._context(),
                ssl_handshake_timeout=HANDSHAKE_TIMEOUT_S,
                ssl_shutdown_timeout=SHUTDOWN_TIMEOUT_S,
            )
        except OSError as error:
            self._on_fault(peer, fault_of(error))
        except asyncio.CancelledError:
            if self._given_up is None:
                raise
            self._on_fault(peer, TlsFault(self._given_up, "no TLS handshake in time"))
        finally:
            self._doorway.left(self, was_served=False)
