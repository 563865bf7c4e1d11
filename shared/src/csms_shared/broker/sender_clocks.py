"""What a deadline set on another machine means here: machines' clocks differ.

A message says when its sender sent it. The quickest message of a sender shows how far our clock
runs ahead of its clock, for a message that waits is late by more and none by less. So a deadline
in the sender's time becomes one in ours, and what truly waited too long is still seen as late.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from csms_shared.runtime.clock import monotonic

TOLERATED_MS = 150_000
"""The greatest difference between two clocks that is made good."""
NOTICEABLE_MS = 1_000
"""Less than this is the way of a message rather than a difference of clocks."""
SILENCE_S = 10.0
SETTLE_S = 5.0
WINDOW_S = 60.0
_MOST_SENDERS = 10_000


@dataclass(slots=True)
class _Sender:
    """The least delay in the window that began at `since`, and in the last one before it."""

    since: float
    least: int
    least_before: int


class SenderClocks:
    """Learns how far our wall clock runs ahead of each sender's.

    What arrives after a silence (a start, an outage, a process that stood still) may have waited
    as long as that. For a moment it says nothing about clocks, and those of unknown senders count
    as right.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._senders: OrderedDict[str, _Sender] = OrderedDict()
        self._last_at = float("-inf")
        self._learns_from = 0.0

    def ahead_ms(self, sender: str, sent_ms: int, now_ms: int) -> int:
        """Return the milliseconds to add to times of `sender`, having got a message of it now."""
        now = self._clock()
        if now - self._last_at > SILENCE_S:
            self._learns_from = now + SETTLE_S
        self._last_at = now
        delay = now_ms - sent_ms
        known = self._senders.get(sender)
        if known is None:
            if now < self._learns_from:
                # Nothing arrives before it was sent: so much is certain.
                return _noticeable(max(-TOLERATED_MS, min(0, delay)))
            known = self._senders[sender] = _Sender(now, delay, delay)
            if len(self._senders) > _MOST_SENDERS:
                self._senders.popitem(last=False)
        elif now - known.since > WINDOW_S and now >= self._learns_from:
            known.since, known.least, known.least_before = now, delay, known.least
        else:
            known.least = min(known.least, delay)
        least = min(known.least, known.least_before)
        return _noticeable(max(-TOLERATED_MS, min(TOLERATED_MS, least)))


def _noticeable(ahead_ms: int) -> int:
    return ahead_ms if abs(ahead_ms) >= NOTICEABLE_MS else 0
