"""The connection limiter: sockets, bounded in number; silent ones also in time, so that they cost
little.

A station says what it wants in the moment in which it is connected. So of too many silent sockets
the oldest is given up, never the newest: whoever holds thousands open keeps nobody out. In a storm
thousands are honestly silent for as long as their requests travel, or are not read yet: between two
looks everything is read that has arrived.
"""

import resource
from collections.abc import Callable
from typing import Protocol

from csms_shared.runtime.clock import monotonic
from ws_gateway import metrics

# For a request that is lost and sent again over a slow mobile network.
SILENCE_S = 10.0
# All stations of a full gateway may come back at once, and be silent until their requests are
# read: some 16 KB each. Where more are silent, each has less time: a slow round trip and some.
MAX_SILENT = 10_000
CROWDED_SILENCE_S = 3.0
# Left for those who have not asked yet when everything else is in use.
_RESERVED_FILES = 2000
# Log, broker, probes, listening sockets.
_OTHER_FILES = 100


class CountedSocket(Protocol):
    """A socket, as far as the limiter knows it."""

    def give_up(self, reason: str) -> None:
        """Abort; `reason` is counted."""


def files_allowed() -> int:
    """Return how many sockets this process may have open besides its other files."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(1, soft - _OTHER_FILES)


class ConnectionLimiter:
    """Counts the sockets of a gateway from the first moment to the last."""

    def __init__(self, max_sockets: int, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._max_sockets = max_sockets
        self._max_silent = min(MAX_SILENT, max(1, max_sockets // 2))
        self._reserved = min(_RESERVED_FILES, max(1, max_sockets // 4))
        # By age.
        self._silent: dict[CountedSocket, float] = {}
        self._looked_at = clock()
        # They wait for us: TLS handshakes in their queue.
        self._queued: set[CountedSocket] = set()
        self._requesting: set[CountedSocket] = set()
        self._established = 0
        metrics.CAPACITY.set(self.capacity)
        metrics.HANDSHAKES.labels("silent").set_function(lambda: len(self._silent))
        metrics.HANDSHAKES.labels("asking").set_function(lambda: len(self._requesting))

    @property
    def capacity(self) -> int:
        """Return how many stations there is room for."""
        return self._max_sockets - self._reserved

    @property
    def waiting(self) -> int:
        """Return how many have not said what they want."""
        return len(self._silent)

    @property
    def is_full(self) -> bool:
        """Tell whether files are left for silent sockets only."""
        return self._engaged >= self.capacity

    @property
    def is_overfull(self) -> bool:
        """Tell whether one of those who ask must be refused."""
        return self._engaged > self.capacity

    @property
    def _engaged(self) -> int:
        return self._established + len(self._requesting)

    def opened(self, socket: CountedSocket) -> None:
        """Count a new socket, and give up the oldest silent one where no file is left for it.

        Again for one that leaves the queue of handshakes: it is to speak again.
        """
        self._queued.discard(socket)
        self._silent[socket] = self._clock()
        if len(self._silent) + len(self._queued) + self._engaged > self._max_sockets:
            self._give_up(next(iter(self._silent)), "handshake_displaced")

    def queued(self, socket: CountedSocket) -> None:
        """Note that it has said something, which is read when it leaves the queue of handshakes."""
        if self._silent.pop(socket, None) is not None:
            self._queued.add(socket)

    def requested(self, socket: CountedSocket) -> None:
        """Note that the request has arrived."""
        if self._silent.pop(socket, None) is not None:
            self._requesting.add(socket)

    def established(self, socket: CountedSocket) -> None:
        """Note that it is a station's connection from now on."""
        self._requesting.discard(socket)
        self._established += 1

    def closed(self, socket: CountedSocket, *, was_established: bool) -> None:
        """Note the end of a socket."""
        self._silent.pop(socket, None)
        self._queued.discard(socket)
        self._requesting.discard(socket)
        self._established -= was_established

    def give_up_silent(self) -> None:
        """Give up who is silent for too long, or one of too many; called a few times a second."""
        now = self._clock()
        last_look, self._looked_at = self._looked_at, now
        while self._silent:
            socket, since = next(iter(self._silent.items()))
            crowded = len(self._silent) > self._max_silent
            patience_s = CROWDED_SILENCE_S if crowded else SILENCE_S
            # What came after the last look may not have been read yet, however long ago it came.
            if since > now - patience_s or since >= last_look:
                return
            self._give_up(socket, "handshake_displaced" if crowded else "handshake_timeout")

    def give_up_all(self) -> None:
        """Give up every socket that is no station's connection: the gateway ends."""
        for socket in [*self._silent, *self._queued, *self._requesting]:
            self._give_up(socket, "gateway_ended")

    def _give_up(self, socket: CountedSocket, reason: str) -> None:
        self._silent.pop(socket, None)
        self._queued.discard(socket)
        self._requesting.discard(socket)
        socket.give_up(reason)
