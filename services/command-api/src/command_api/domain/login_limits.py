"""How many wrong passwords an address may try for one user name."""

from collections import OrderedDict

ATTEMPTS = 10
WINDOW_S = 300.0
_MAX_PAIRS = 10_000


class LoginLimits:
    """Counts failures per (address, user name); right credentials are never refused by it."""

    def __init__(self) -> None:
        self._failures: OrderedDict[tuple[str, str], tuple[int, float]] = OrderedDict()

    def failed(self, address: str, username: str, now_s: float) -> float | None:
        """Count a failure; return seconds to wait where there were too many, else None."""
        pair = (address, username)
        count, since = self._failures.get(pair, (0, now_s))
        if now_s - since >= WINDOW_S:
            count, since = 0, now_s
        self._failures[pair] = (count + 1, since)
        self._failures.move_to_end(pair)
        while len(self._failures) > _MAX_PAIRS:
            self._failures.popitem(last=False)
        return None if count < ATTEMPTS else max(1.0, since + WINDOW_S - now_s)

    def succeeded(self, address: str, username: str) -> None:
        """Forget the failures of the pair."""
        self._failures.pop((address, username), None)
