"""How many claims may be under way, learnt from how long they take."""

_SHRINK = 0.7
_GROW = 0.05


class AdaptiveConcurrency:
    """Keeps each claim's answer within about `target_s`, however many gateways ask one registry.

    A claim that takes longer shrinks the bound, once for each such time; one that does not widens
    it a little. Far below the target the bound rests at `at_most`.
    """

    def __init__(self, *, at_least: int, at_most: int, target_s: float) -> None:
        self._at_least = at_least
        self._at_most = at_most
        self._target_s = target_s
        self._bound = float(at_most)
        self._shrunk_at = float("-inf")

    @property
    def bound(self) -> int:
        """How many may be under way now."""
        return int(self._bound)

    def answered(self, took_s: float, now: float) -> None:
        """Learn from one claim, answered or given up after `took_s`."""
        if took_s <= self._target_s:
            self._bound = min(self._bound + _GROW, self._at_most)
        elif now - self._shrunk_at > took_s:
            self._shrunk_at = now
            self._bound = max(self._bound * _SHRINK, self._at_least)
