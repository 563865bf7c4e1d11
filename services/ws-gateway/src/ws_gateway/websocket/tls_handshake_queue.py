"""The queue of TLS handshakes: the event loop is not theirs alone (ADR 0030).

A handshake takes a signature of the gateway's, some 1 ms, and 0.7 ms more with a client
certificate. Of thousands that come at once a few begin in each iteration of the loop, so that
whoever is connected has a share of every one; the hellos of the others stay unread.
"""

import asyncio
import socket
from collections.abc import Callable
from typing import Protocol

from csms_shared.runtime.clock import monotonic
from ws_gateway import metrics
from ws_gateway.websocket.connection_limiter import CROWDED_SILENCE_S

# Some 7 ms of an iteration, with client certificates.
BEGIN_PER_ITERATION = 4
# More of them than a processor begins in the slow round trip of a mobile network; some 50 KiB each.
MOST_AT_ONCE = 2000
# Twice what a full gateway's stations take when they all come back at once.
LONGEST_WAIT_S = 30.0
# tcp(7), TCP_INFO: the other side has closed (RFC 9293, 3.3.2). Not on every system.
_TCP_INFO: int | None = getattr(socket, "TCP_INFO", None)
_CLOSE_WAIT = 8
# RFC 8446, 5.1: type, version, length. The longest record that may come.
_HANDSHAKE, _HEAD_BYTES, _MOST_BYTES = 0x16, 5, 5 + 16384


class QueuedHandshake(Protocol):
    """A connection whose hello has arrived and is not read yet."""

    def begin(self) -> None:
        """Begin the handshake."""

    def give_up(self, reason: str) -> None:
        """Abort; `reason` is counted."""


class TlsHandshakeQueue:
    """Handshakes that wait, in order of arrival, and those under way, in order of their begin.

    Where as many are under way as may be, those that are slow make room for those that wait: who
    begins thousands and finishes none keeps nobody out.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._waiting: dict[QueuedHandshake, float] = {}
        self._under_way: dict[QueuedHandshake, float] = {}
        self._scheduled: asyncio.Handle | None = None
        metrics.HANDSHAKES.labels("tls_waiting").set_function(lambda: len(self._waiting))
        metrics.HANDSHAKES.labels("tls").set_function(lambda: len(self._under_way))

    def enqueue(self, handshake: QueuedHandshake) -> None:
        """Let it begin after those before it."""
        self._waiting[handshake] = self._clock()
        self._schedule()

    def remove(self, handshake: QueuedHandshake) -> None:
        """Note that it is through, or gone."""
        self._waiting.pop(handshake, None)
        self._under_way.pop(handshake, None)
        self._schedule()

    def give_up_slow(self) -> None:
        """Give up who is slow while others wait, and who waits for too long; called a few times a
        second."""
        now = self._clock()
        while self._waiting:
            oldest, since = next(iter(self._waiting.items()))
            if since > now - LONGEST_WAIT_S:
                break
            del self._waiting[oldest]
            oldest.give_up("too_many_at_once")
        while self._under_way and len(self._waiting) + len(self._under_way) > MOST_AT_ONCE:
            slowest, since = next(iter(self._under_way.items()))
            if since > now - CROWDED_SILENCE_S:
                break
            del self._under_way[slowest]
            slowest.give_up("handshake_displaced")
        self._schedule()

    def _schedule(self) -> None:
        may_begin = self._waiting and len(self._under_way) < MOST_AT_ONCE
        if may_begin and self._scheduled is None:
            self._scheduled = asyncio.get_running_loop().call_soon(self._begin_some)

    def _begin_some(self) -> None:
        self._scheduled = None
        for _ in range(min(BEGIN_PER_ITERATION, MOST_AT_ONCE - len(self._under_way))):
            if not self._waiting:
                return
            first = next(iter(self._waiting))
            del self._waiting[first]
            self._under_way[first] = self._clock()
            first.begin()
        self._schedule()


def is_whole_hello(accepted: socket.socket) -> bool:
    """Tell whether the first record has arrived, without reading it.

    Where it has not, the socket is readable again once it has: who sends it byte by byte is as
    silent as who sends nothing. What is no TLS counts as whole, and fails by itself.

    Raises:
        OSError: the connection is lost.
    """
    head = accepted.recv(_HEAD_BYTES, socket.MSG_PEEK)
    wanted = _HEAD_BYTES
    if len(head) == _HEAD_BYTES:
        wanted += int.from_bytes(head[3:])
        if head[0] != _HANDSHAKE or wanted > _MOST_BYTES:
            return True
    arrived = len(accepted.recv(wanted, socket.MSG_PEEK))
    if arrived >= wanted or has_gone(accepted):
        accepted.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1)
        return True
    accepted.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, wanted)
    return False


def has_gone(accepted: socket.socket) -> bool:
    """Tell whether the other side has closed, without reading what it sent before."""
    if _TCP_INFO is None:
        return False
    try:
        return accepted.getsockopt(socket.IPPROTO_TCP, _TCP_INFO, 1)[0] == _CLOSE_WAIT
    except OSError:
        return True
