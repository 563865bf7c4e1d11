"""A station's socket: frames in and out without a task or a queue for each message.

Frames go straight from the protocol to the connection's handler; writes go straight to the
transport, in order. A station that does not read is closed, so the transport's buffer is the bound.
Before there is a handler only a short request may come, for a short time.
"""

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Protocol

from websockets.asyncio.server import Server, ServerConnection
from websockets.exceptions import InvalidMessage
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import OPEN, Event
from websockets.server import ServerProtocol

from csms_shared.runtime.clock import cpu_time, monotonic
from ws_gateway import metrics
from ws_gateway.domain.connection import POLICY_VIOLATION
from ws_gateway.domain.effects import Instant
from ws_gateway.domain.presented import Presented
from ws_gateway.websocket.connection_limiter import ConnectionLimiter
from ws_gateway.websocket.held_bytes import HeldBytes
from ws_gateway.websocket.read_limiter import PIECE_BYTES, ReadLimiter

CLOSE_TIMEOUT_S = 5.0
WRITE_TIMEOUT_S = 30.0
_MAX_UNWRITTEN_BYTES = 4 * 1024 * 1024
# For a whole mebibyte over a slow mobile network; until then its memory is held.
MESSAGE_TIMEOUT_S = 60.0
# Request line and headers; nothing may follow before the answer.
_MAX_REQUEST_BYTES = 16 * 1024
# The type of a record that begins TLS (RFC 8446, 5.1), and the first byte of its version.
_TLS_HANDSHAKE = b"\x16\x03"


class SocketHandler(Protocol):
    """What a socket tells its handler."""

    def frame(self, raw: bytes) -> None:
        """Take one whole message."""

    def control_frame(self) -> None:
        """Note a ping or pong."""

    def tick(self, now: Instant) -> float:
        """Do what time asks for; return the monotonic time before which nothing is due."""

    def close(self, code: int, reason: str) -> None:
        """Close the socket."""

    def lost(self, code: int | None) -> None:
        """Note the end of the socket."""


class StationSocket(ServerConnection):
    """A connection that hands whole messages to its handler as they arrive."""

    def __init__(
        self,
        protocol: ServerProtocol,
        server: Server,
        *,
        limiter: ConnectionLimiter,
        read_limiter: ReadLimiter,
        held: HeldBytes,
        on_garbage: Callable[[ServerConnection, str, str], None],
        announced: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(protocol, server, **options)
        # Who a balancer that passes TLS on unread says connects; headers are the station's then.
        self.announced = announced
        self._limiter = limiter
        self._read_limiter = read_limiter
        self._read_rate = read_limiter.rate()
        self._held = held
        self._held_size = 0
        # Read from the socket, and not taken yet: the station is over its rate.
        self._held_back = b""
        self._on_garbage = on_garbage
        self.connection_handler: SocketHandler | None = None
        self._was_established = False
        self._given_up: str | None = None
        self._request_bytes = 0
        self._fragments: bytearray | None = None
        self._slow_since: float | None = None
        self._unfinished_since: float | None = None
        self._frames = 0
        # A tick before this monotonic time would find nothing to do: most of all ticks.
        self.quiet_until = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count the socket."""
        super().connection_made(transport)
        self._limiter.opened(self)

    @property
    def presented(self) -> Presented:
        """Return whether whoever speaks here came by TLS, and its verified certificate."""
        secured = self.transport.get_extra_info("ssl_object")
        if secured is None:
            return Presented()
        return Presented(tls=True, certificate=secured.getpeercert(binary_form=True))

    def give_up(self, reason: str) -> None:
        """Abort; `reason` is counted where nothing else was."""
        self._given_up = reason
        self.transport.abort()

    def serve(self, handler: SocketHandler) -> None:
        """Give everything that arrives from now on to `handler`."""
        self.connection_handler = handler
        self._was_established = True
        self._limiter.established(self)

    def data_received(self, data: bytes) -> None:
        """Take bytes; no more than a request before there is a handler, then at a bounded rate."""
        self.quiet_until = 0.0
        if self.connection_handler is None:
            if not self._request_bytes and data.startswith(_TLS_HANDSHAKE):
                self.give_up("tls_on_plain_port")
                return
            self._request_bytes += len(data)
            if self._request_bytes > _MAX_REQUEST_BYTES:
                self.give_up("request_too_long")
                return
            super().data_received(data)
        elif self._held_back:
            self._held_back += data
        else:
            self._take(data)
        if self.paused:
            # Pongs were written too.
            self._abort_if_unread()
        self._note_held()

    def go_on(self) -> None:
        """Take more of what was held back; a station that never pauses is cut off."""
        held_back, self._held_back = self._held_back, b""
        if self.connection_handler is None or self.transport.is_closing():
            return
        if self._read_rate.is_flood(monotonic()):
            self._cut_off(self.connection_handler)
        else:
            self._take(held_back)
            if not self._held_back and not self.transport.is_closing():
                self.transport.resume_reading()
        self._note_held()

    def _take(self, data: bytes) -> None:
        place = 0
        while place < len(data) and not self.transport.is_closing():
            now = monotonic()
            if not self._read_rate.may_take(now):
                # The rest stays in the network: the station has to wait with more.
                self._held_back = bytes(data[place:])
                self.transport.pause_reading()
                self._read_limiter.hold_back(self)
                return
            piece = data[place : place + PIECE_BYTES]
            place += len(piece)
            self._frames = 0
            began = cpu_time()
            super().data_received(piece)
            self._read_rate.took(self._frames, len(piece), now, cpu_time() - began)

    def _note_held(self) -> None:
        size = len(self.protocol.reader.buffer) + len(self._held_back)
        if self._fragments is not None:
            size += len(self._fragments)
        if self.paused:
            size += self.transport.get_write_buffer_size()
        if size != self._held_size:
            self._held_size = size
            self._held.note(self, size)

    def send_data(self) -> None:
        """Write what is due; who sent no request is told so, where the library only ends."""
        wrong = self.protocol.handshake_exc
        is_told = self._given_up is not None
        if self._request_bytes and isinstance(wrong, InvalidMessage) and not is_told:
            # Once: nothing may be written after the end, and more may still come.
            self._given_up = "not_http"
            text = f"{wrong}: {wrong.__cause__}\n"
            answer = self.protocol.reject(HTTPStatus.BAD_REQUEST, text)
            self.transport.write(answer.serialize())
        super().send_data()

    def process_event(self, event: Event) -> None:
        """Take one event of the protocol."""
        if self.request is None or isinstance(event, Request):
            self._limiter.requested(self)
            super().process_event(event)
            return
        assert isinstance(event, Frame)
        if self.connection_handler is None:
            # Nobody may send before the handshake is answered.
            self.transport.abort()
            return
        self._frames += 1
        opcode = event.opcode
        if opcode is Opcode.TEXT or opcode is Opcode.BINARY:
            if event.fin:
                self._unfinished_since = None
                self.connection_handler.frame(bytes(event.data))
            else:
                self._fragments = bytearray(event.data)
        elif opcode is Opcode.CONT:
            assert self._fragments is not None
            # Joined at once: a million fragments of a byte each take a million bytes.
            self._fragments += event.data
            if event.fin:
                whole, self._fragments = bytes(self._fragments), None
                self._unfinished_since = None
                self.connection_handler.frame(whole)
        else:
            self.connection_handler.control_frame()

    def write(self, text: str) -> bool:
        """Send one text frame; False where the socket takes none any more."""
        if self.protocol.state is not OPEN:
            return False
        self.protocol.send_text(text.encode())
        self.send_data()
        if self.paused:
            self._abort_if_unread()
            self._note_held()
        return True

    def write_ping(self) -> None:
        """Send a ping; any pong counts."""
        if self.protocol.state is OPEN:
            self.protocol.send_ping(b"")
            self.send_data()

    def begin_close(self, code: int, reason: str) -> None:
        """Send a close frame; `tick` ends what the other side leaves open."""
        if self.protocol.state is OPEN:
            self.quiet_until = 0.0
            self.protocol.send_close(code, reason)
            self.send_data()
            self.close_deadline = self.loop.time() + CLOSE_TIMEOUT_S

    def tick(self, now: Instant) -> None:
        """Give the handler its time; abort what does not finish: closing, reading, a message."""
        if self.connection_handler is not None:
            self.quiet_until = self.connection_handler.tick(now)
        unclosed = self.close_deadline is not None and self.loop.time() > self.close_deadline
        unread = self._slow_since is not None and now.monotonic - self._slow_since > WRITE_TIMEOUT_S
        if unread:
            metrics.UNREAD.labels("time").inc()
        if unclosed or unread or self._is_unfinished(now):
            self.transport.abort()
        if self._has_a_bound_of_time():
            self.quiet_until = 0.0

    def pause_writing(self) -> None:
        """Note that the station reads too slowly."""
        super().pause_writing()
        self.quiet_until = 0.0
        self._slow_since = monotonic()

    def resume_writing(self) -> None:
        """Note that the station has caught up."""
        super().resume_writing()
        self._slow_since = None
        self._note_held()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the handler, or whoever counts what was no handshake at all."""
        super().connection_lost(exc)
        self._held_back, self._held_size = b"", 0
        self._held.note(self, 0)
        self._limiter.closed(self, was_established=self._was_established)
        handler, self.connection_handler = self.connection_handler, None
        if handler is not None:
            handler.lost(self.protocol.close_code)
        elif self.request is None or self._given_up is not None:
            cause = self.protocol.handshake_exc
            description = "no request" if cause is None else str(cause)
            self._on_garbage(self, self._given_up or "not_http", description)

    def _abort_if_unread(self) -> None:
        if self.transport.get_write_buffer_size() > _MAX_UNWRITTEN_BYTES:
            metrics.UNREAD.labels("bytes").inc()
            self.transport.abort()

    def _has_a_bound_of_time(self) -> bool:
        """Tell whether closing, reading or a message is under way."""
        times = self.close_deadline, self._slow_since, self._unfinished_since
        return any(time is not None for time in times)

    def _is_unfinished(self, now: Instant) -> bool:
        """Tell whether the rest of a message has not come for too long."""
        if self._fragments is None and not self.protocol.reader.buffer:
            self._unfinished_since = None
            return False
        if self._unfinished_since is None:
            self._unfinished_since = now.monotonic
        return now.monotonic - self._unfinished_since > MESSAGE_TIMEOUT_S

    def _cut_off(self, handler: SocketHandler) -> None:
        if not self.transport.is_closing():
            handler.close(POLICY_VIOLATION, "too many frames")
            # Not one more is read: the close frame is written, and that is all.
            self.transport.close()
