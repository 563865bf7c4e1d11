"""Whether a station is still there: any frame counts as life, pings only provoke one."""

from ws_gateway.domain.effects import Effect, Instant, Ping

SILENT_INTERVALS = 3


class Liveness:
    """Silence, counted in whole ping intervals."""

    __slots__ = ("_last_frame", "_pinged")

    def __init__(self, now: Instant) -> None:
        self._last_frame = now.monotonic
        self._pinged = 0

    def frame_seen(self, now: Instant) -> None:
        """Note a sign of life."""
        self._last_frame = now.monotonic
        self._pinged = 0

    def quiet_until(self, interval_s: float) -> float:
        """Return the monotonic time before which a tick does nothing."""
        return self._last_frame + (self._pinged + 1) * interval_s

    def tick(self, now: Instant, interval_s: float, effects: list[Effect]) -> bool:
        """Ping once in each silent interval; return False when the station is to be given up."""
        silent = int((now.monotonic - self._last_frame) / interval_s)
        if silent >= SILENT_INTERVALS:
            return False
        if silent > self._pinged:
            self._pinged = silent
            effects.append(Ping())
        return True
