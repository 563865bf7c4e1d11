"""How often somebody may do something: a token bucket."""


class TokenBucket:
    """Holds what may be done in one second; times in seconds of a monotonic clock."""

    def __init__(self) -> None:
        self._tokens: float | None = None
        self._at = 0.0

    def wait_s(self, per_s: int, now: float) -> float:
        """Take one token and return 0, or return how long there will be none."""
        full = float(per_s)
        have = full if self._tokens is None else self._tokens + (now - self._at) * full
        have = min(have, full)
        self._at = now
        if have < 1:
            self._tokens = have
            return (1 - have) / full
        self._tokens = have - 1
        return 0.0
