"""How fast stations are let in: a storm of reconnections waits its turn, for a bounded time."""

from collections.abc import Callable

from csms_shared.clock import monotonic

# Beyond what one registry answers, measured; an excess waits here and not in the broker.
UPGRADES_PER_S = 1000.0
BURST = 200
LONGEST_WAIT_S = 5.0


class Admission:
    """Gives each upgrade a turn (a generic cell rate algorithm)."""

    def __init__(
        self,
        rate: float = UPGRADES_PER_S,
        burst: int = BURST,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._interval = 1 / rate
        self._slack = burst / rate
        self._clock = clock
        self._next = 0.0

    def wait_s(self) -> float | None:
        """Return how long to wait for this upgrade's turn, None where that would be too long."""
        now = self._clock()
        turn = max(self._next, now)
        wait = max(0.0, turn - now - self._slack)
        if wait > LONGEST_WAIT_S:
            return None
        self._next = turn + self._interval
        return wait
