"""How fast one station's frames are taken, so that its flood leaves the others their time."""

import asyncio
from typing import Protocol

# A station's frames are taken in so small pieces that none of them keeps the others waiting.
PIECE_BYTES = 2048
# What is taken at once after a pause: so many seconds' worth.
BURST_S = 0.1
# Who is over the rate for so long, without a pause, is no station that catches up.
FLOOD_S = 5.0
# Of a large frame each part of this size costs as much as a frame.
_BYTES_PER_FRAME = 4096
# Of the event loop's time one station may take this part: some frames cost far more than others.
_SHARE = 0.25
_ROUND_S = 0.02


class HeldBack(Protocol):
    """A socket of which some frames wait."""

    def go_on(self) -> None:
        """Take what may be taken by now."""


class ReadLimiter:
    """The rate of all stations of a gateway, and those who wait for it."""

    def __init__(self, frames_per_s: float) -> None:
        self._frames_per_s = frames_per_s
        self._held_back: dict[HeldBack, None] = {}

    def rate(self) -> "ReadRate":
        """Return the rate of one more station."""
        return ReadRate(self._frames_per_s)

    def hold_back(self, socket: HeldBack) -> None:
        """Let it go on in a moment."""
        if not self._held_back:
            asyncio.get_running_loop().call_later(_ROUND_S, self._go_on)
        self._held_back[socket] = None

    def _go_on(self) -> None:
        waiting, self._held_back = self._held_back, {}
        for socket in waiting:
            socket.go_on()


class ReadRate:
    """What one station has used of its rate; times in seconds of the monotonic clock."""

    __slots__ = ("_flooding_since", "_frames_per_s", "_used_until")

    def __init__(self, frames_per_s: float) -> None:
        self._frames_per_s = frames_per_s
        self._used_until = 0.0
        self._flooding_since: float | None = None

    def may_take(self, now: float) -> bool:
        """Tell whether more may be taken now."""
        if self._used_until <= now:
            self._flooding_since = None
        if self._used_until - now < BURST_S:
            return True
        if self._flooding_since is None:
            self._flooding_since = now
        return False

    def took(self, frames: int, size: int, now: float, busy_s: float = 0.0) -> None:
        """Count frames, the bytes that came with them, and how long they took to handle."""
        cost_s = (frames + size / _BYTES_PER_FRAME) / self._frames_per_s
        self._used_until = max(self._used_until, now) + max(cost_s, busy_s / _SHARE)

    def is_flood(self, now: float) -> bool:
        """Tell whether the station was over its rate for too long, and still is.

        Time in which this process stood still is a pause: it has taken nothing.
        """
        if self._flooding_since is None or self._used_until <= now:
            return False
        return now - self._flooding_since > FLOOD_S
