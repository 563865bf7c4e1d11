"""How soon a password may be tried again: for an address and a user name, and for the name alone.

Refused is who comes too soon, whatever password is given: to check one costs more than to send it.
Guesses at one name never count against another. Who has logged in from an address is spared the
ceiling of the name there, so that nobody is locked out by strangers who guess at the same name.
"""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)

# The ceiling of a name: so many times the free attempts of an address, then at most this wait.
NAME_TIMES = 5
NAME_LONGEST_S = 10.0
_MAX_REMEMBERED = 10_000


class GrowingWaits(Generic[Key]):
    """Failures of each key: `free` cost nothing, after each further one the wait doubles.

    It begins at 1 s and grows to `longest_s`; failures are forgotten `forget_s` after the last.
    Beyond the bound of what is remembered, the key that failed longest ago is forgotten.
    """

    def __init__(self, *, free: int, longest_s: float, forget_s: float) -> None:
        self._free = free
        self._longest_s = longest_s
        self._forget_s = forget_s
        self._failed: OrderedDict[Key, tuple[int, float]] = OrderedDict()

    def failures(self, key: Key, now_s: float) -> int:
        """Return how often the key has failed lately."""
        count, last = self._failed.get(key, (0, now_s))
        return count if now_s - last < self._forget_s else 0

    def wait_s(self, key: Key, now_s: float) -> float:
        """Return in how many seconds the key may try again, 0 where it may now."""
        count = self.failures(key, now_s)
        if count < self._free:
            return 0.0
        pause = min(self._longest_s, 2.0 ** min(count - self._free, 30))
        return max(0.0, self._failed[key][1] + pause - now_s)

    def failed(self, key: Key, now_s: float) -> None:
        """Count a failure."""
        self._failed[key] = (self.failures(key, now_s) + 1, now_s)
        self._failed.move_to_end(key)
        if len(self._failed) > _MAX_REMEMBERED:
            self._failed.popitem(last=False)

    def forget(self, key: Key) -> None:
        """Forget the failures of the key."""
        self._failed.pop(key, None)


class _Failures:
    def __init__(self, attempts: int, window_s: float) -> None:
        self.of_pairs: GrowingWaits[tuple[str, str]] = GrowingWaits(
            free=attempts, longest_s=window_s, forget_s=window_s
        )
        self.of_names: GrowingWaits[str] = GrowingWaits(
            free=NAME_TIMES * attempts,
            longest_s=min(NAME_LONGEST_S, window_s),
            forget_s=window_s,
        )


class LoginLimits:
    """Failed log-ins of one process. Times are seconds of a clock that never jumps.

    `attempts` of an address at a name are free, and again `window_s` seconds after the last.
    """

    def __init__(self, attempts: int, window_s: float) -> None:
        # Apart, so that guesses at made-up names push nothing out of memory that protects a user.
        self._of_users = _Failures(attempts, window_s)
        self._of_others = _Failures(attempts, window_s)
        self._proven: OrderedDict[tuple[str, str], None] = OrderedDict()

    def wait_s(self, address: str, username: str, now_s: float) -> float:
        """Return in how many seconds a password is checked again, 0 where it is now."""
        pair = (address, username)
        waits = [0.0]
        for failures in (self._of_users, self._of_others):
            waits.append(failures.of_pairs.wait_s(pair, now_s))
            if pair not in self._proven:
                waits.append(failures.of_names.wait_s(username, now_s))
        return max(waits)

    def failures(self, address: str, username: str, now_s: float) -> int:
        """Return how often the pair has failed lately."""
        return self._of_users.of_pairs.failures((address, username), now_s)

    def failed(self, address: str, username: str, now_s: float, *, known: bool) -> None:
        """Count a wrong password; `known` tells whether there is such a user."""
        failures = self._of_users if known else self._of_others
        failures.of_pairs.failed((address, username), now_s)
        failures.of_names.failed(username, now_s)

    def succeeded(self, address: str, username: str) -> None:
        """Forget the failures of the pair, and remember that it has the password."""
        pair = (address, username)
        self._of_users.of_pairs.forget(pair)
        self._proven[pair] = None
        self._proven.move_to_end(pair)
        if len(self._proven) > _MAX_REMEMBERED:
            self._proven.popitem(last=False)
