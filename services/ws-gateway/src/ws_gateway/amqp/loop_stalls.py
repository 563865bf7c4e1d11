"""How long this process itself stood still: a computation that took long, no core, SIGSTOP."""

import asyncio
from types import TracebackType
from typing import Self

from csms_shared.runtime.clock import monotonic

_LOOKED_EVERY_S = 0.1


class LoopStalls:
    """Measures, while it is entered, for how long at a stretch the event loop stood still.

    What arrives meanwhile is read late, and time-outs end without having been waited for.
    """

    def __init__(self) -> None:
        self.longest_s = 0.0
        self._looked_at = 0.0
        self._next: asyncio.TimerHandle | None = None

    def __enter__(self) -> Self:
        """Begin to measure."""
        self._looked_at = monotonic()
        self._look_later()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End; what ends now may have been let go on only just now."""
        self._measure()
        if self._next is not None:
            self._next.cancel()

    def _look(self) -> None:
        self._measure()
        self._look_later()

    def _look_later(self) -> None:
        self._next = asyncio.get_running_loop().call_later(_LOOKED_EVERY_S, self._look)

    def _measure(self) -> None:
        now = monotonic()
        self.longest_s = max(self.longest_s, now - self._looked_at - _LOOKED_EVERY_S)
        self._looked_at = now
