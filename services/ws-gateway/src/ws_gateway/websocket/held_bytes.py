"""What a gateway holds of messages that are not complete and answers that are not read."""

from typing import Protocol

import structlog

from ws_gateway import metrics

log = structlog.get_logger(__name__)

# Each station may have a mebibyte on its way to us, and four on their way to it; not all of them.
MOST_BYTES = 128 * 1024 * 1024


class Holder(Protocol):
    """A socket that something is held for."""

    def give_up(self, reason: str) -> None:
        """Abort; `reason` is counted."""


class HeldBytes:
    """The bytes of all sockets together; beyond `most`, who has held some for longest goes.

    An honest message is there for as long as its line takes; only who never ends one is old.
    """

    def __init__(self, most: int | None = None) -> None:
        self._most = MOST_BYTES if most is None else most
        self._held: dict[Holder, int] = {}
        self._total = 0
        metrics.HELD_BYTES.set_function(lambda: self._total)

    def note(self, holder: Holder, size: int) -> None:
        """Note how much is held for a socket now, and make room where it is too much."""
        self._total += size - self._held.get(holder, 0)
        if size:
            self._held[holder] = size
        else:
            self._held.pop(holder, None)
        while self._total > self._most:
            oldest = next(iter(self._held))
            self._total -= self._held.pop(oldest)
            log.warning("held_bytes_full", given_up=type(oldest).__name__)
            metrics.UNREAD.labels("all").inc()
            oldest.give_up("held_bytes_full")
