"""Sockets without a session: bounded in number and in time, so that silence costs little.

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


class Visitor(Protocol):
    """A socket, as far as its number and silence go."""

    def give_up(self, reason: str) -> None:
        """Abort; `reason` is counted."""


def files_allowed() -> int:
    """Return how many sockets this process may have open besides its other files."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(1, soft - _OTHER_FILES)


class Doorway:
    """Counts the sockets of a gateway from the first moment to the last."""

    def __init__(self, max_sockets: int, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._max_sockets = max_sockets
        self._max_silent = min(MAX_SILENT, max(1, max_sockets // 2))
        self._reserved = min(_RESERVED_FILES, max(1, max_sockets // 4))
        # By age.
        self._silent: dict[Visitor, float] = {}
        self._looked_at = clock()
        # It is our turn: TLS handshakes that wait for theirs.
        self._knocking: set[Visitor] = set()
        self._asking: set[Visitor] = set()
        self._served = 0
        metrics.CAPACITY.set(self.capacity)
        metrics.HANDSHAKES.labels("silent").set_function(lambda: len(self._silent))
        metrics.HANDSHAKES.labels("asking").set_function(lambda: len(self._asking))

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
        return self._served + len(self._asking)

    def entered(self, visitor: Visitor) -> None:
        """Count a new socket, and give up the oldest silent one where no file is left for it.

        Again for one that had knocked: it is its turn to speak.
        """
        self._knocking.discard(visitor)
        self._silent[visitor] = self._clock()
        if len(self._silent) + len(self._knocking) + self._engaged > self._max_sockets:
            self._give_up(next(iter(self._silent)), "handshake_displaced")

    def knocked(self, visitor: Visitor) -> None:
        """Note that it has said something that we shall read when its turn comes."""
        if self._silent.pop(visitor, None) is not None:
            self._knocking.add(visitor)

    def asked(self, visitor: Visitor) -> None:
        """Note that the request has arrived."""
        if self._silent.pop(visitor, None) is not None:
            self._asking.add(visitor)

    def served(self, visitor: Visitor) -> None:
        """Note that the visitor has a session."""
        self._asking.discard(visitor)
        self._served += 1

    def left(self, visitor: Visitor, *, was_served: bool) -> None:
        """Note the end of a socket."""
        self._silent.pop(visitor, None)
        self._knocking.discard(visitor)
        self._asking.discard(visitor)
        self._served -= was_served

    def give_up_silent(self) -> None:
        """Give up who is silent for too long, or one of too many; called a few times a second."""
        now = self._clock()
        last_look, self._looked_at = self._looked_at, now
        while self._silent:
            visitor, since = next(iter(self._silent.items()))
            crowded = len(self._silent) > self._max_silent
            patience_s = CROWDED_SILENCE_S if crowded else SILENCE_S
            # What came after the last look may not have been read yet, however long ago it came.
            if since > now - patience_s or since >= last_look:
                return
            self._give_up(visitor, "handshake_displaced" if crowded else "handshake_timeout")

    def give_up_all(self) -> None:
        """Give up everybody without a session: the gateway ends."""
        for visitor in [*self._silent, *self._knocking, *self._asking]:
            self._give_up(visitor, "gateway_ended")

    def _give_up(self, visitor: Visitor, reason: str) -> None:
        self._silent.pop(visitor, None)
        self._knocking.discard(visitor)
        self._asking.discard(visitor)
        visitor.give_up(reason)
