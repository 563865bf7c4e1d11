"""How often each of many may do something; bounded in memory."""

import math
from collections.abc import Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)


class KeyedRate(Generic[Key]):
    """A generic cell rate algorithm for each key: `burst` at once, then one each `every_s`.

    Where `every_s` is 0, nobody ever waits.
    At most `max_keys` are remembered; beyond it the one counted longest ago starts afresh.
    """

    def __init__(self, *, burst: int, every_s: float, max_keys: int) -> None:
        self._burst_s = burst * every_s
        self._every_s = every_s
        self._max_keys = max_keys
        # When each key will have its whole burst again; in order of the last count.
        self._restored: dict[Key, float] = {}

    def __len__(self) -> int:
        return len(self._restored)

    def wait_s(self, key: Key, now: float) -> float:
        """Return in how many seconds the key may go on, 0 where it may now."""
        restored = self._restored.get(key)
        if restored is None:
            return 0.0
        return max(0.0, restored + self._every_s - self._burst_s - now)

    def left(self, key: Key, now: float) -> float:
        """Return how often the key may be counted before it has to wait."""
        if not self._every_s:
            return math.inf
        return (self._burst_s - max(0.0, self._restored.get(key, now) - now)) / self._every_s

    def count(self, key: Key, now: float) -> None:
        """Count one; who is over the bound already runs up no debt."""
        restored = max(self._restored.pop(key, now), now) + self._every_s
        self._restored[key] = min(restored, now + self._burst_s)
        if len(self._restored) > self._max_keys:
            del self._restored[next(iter(self._restored))]

    def forget(self, key: Key) -> None:
        """Count nothing of what was counted of this key."""
        self._restored.pop(key, None)
