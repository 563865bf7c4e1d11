"""How often a station may be asked by triggers: some firmware hangs when it is asked too often."""

from ws_gateway.domain.limits import Limits


class TriggerLimit:
    """So many at once, and after them one each interval; an interval of 0 is no limit."""

    __slots__ = ("_limits", "_used", "_used_at")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._used = 0.0
        self._used_at = 0.0

    def allows(self, now_s: float) -> bool:
        """Tell whether one may be sent now, and count it if so; `now_s` is monotonic."""
        interval_s = self._limits.trigger_interval_s
        if not interval_s:
            return True
        passed = (now_s - self._used_at) / interval_s
        used = max(0.0, self._used - passed)
        if used + 1 > self._limits.triggers_at_once:
            return False
        self._used, self._used_at = used + 1, now_s
        return True
