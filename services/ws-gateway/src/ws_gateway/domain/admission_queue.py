"""An admission queue: so many a second, so many at once; the others wait, for a bounded time.

It has two classes: the first takes every free place before the other. It is bounded in count and
in time, so what can't be served soon is told so at once and comes back later.
"""

from collections import deque
from collections.abc import Callable
from enum import Enum, auto
from typing import Generic, NamedTuple, TypeVar

Item = TypeVar("Item")


class Admission(Enum):
    """What becomes of somebody who asks to be admitted."""

    NOW = auto()
    WAITS = auto()
    REFUSED = auto()


class Departures(NamedTuple, Generic[Item]):
    """Who leaves the queue: admitted, because it took too long, or gone already."""

    admitted: list[Item]
    refused: list[Item]
    gone: list[Item]


class AdmissionQueue(Generic[Item]):
    """A generic cell rate algorithm with a queue of two classes behind it.

    `rate` admissions a second after a burst of `burst`, at most `max_concurrent` of them not done
    yet (None: any number; it may change); at most `max_waiting` in the queue, none of them longer
    than `longest_wait_s`.
    """

    def __init__(
        self,
        *,
        rate: float,
        burst: int,
        max_waiting: int,
        longest_wait_s: float,
        max_concurrent: int | None = None,
    ) -> None:
        self._interval = 1 / rate
        self._slack = burst / rate
        self.max_concurrent = max_concurrent
        self._max_waiting = max_waiting
        self._longest_wait_s = longest_wait_s
        self._next = 0.0
        self._under_way = 0
        self._first: deque[tuple[float, Item]] = deque()
        self._others: deque[tuple[float, Item]] = deque()
        self._displaced: list[Item] = []

    @property
    def waiting(self) -> int:
        """Count those in the queue."""
        return len(self._first) + len(self._others)

    def enter(self, item: Item, now: float, *, first: bool) -> Admission:
        """Admit at once, give a place in the queue, or neither.

        In a full queue one of the first class takes the place of the last of the other, whom the
        next `release` returns.
        """
        if not self.waiting and self._is_free(now):
            self._take(now)
            return Admission.NOW
        if self.waiting >= self._max_waiting:
            if not first or not self._others:
                return Admission.REFUSED
            self._displaced.append(self._others.pop()[1])
        (self._first if first else self._others).append((now + self._longest_wait_s, item))
        return Admission.WAITS

    def release(self, now: float, is_gone: Callable[[Item], bool]) -> Departures[Item]:
        """Return who leaves the queue now; who is gone takes no place from the others."""
        departures = Departures[Item]([], self._displaced, [])
        self._displaced = []
        for queue in (self._first, self._others):
            while queue and queue[0][0] <= now:
                _, item = queue.popleft()
                (departures.gone if is_gone(item) else departures.refused).append(item)
        while self.waiting and self._is_free(now):
            _, item = (self._first or self._others).popleft()
            if is_gone(item):
                departures.gone.append(item)
            else:
                self._take(now)
                departures.admitted.append(item)
        return departures

    def done(self) -> None:
        """Note that one that was admitted is done."""
        self._under_way -= 1

    def next_release_in(self, now: float) -> float | None:
        """Return after how many seconds `release` has something to do, None while nobody waits."""
        if self._displaced:
            return 0.0
        until = [queue[0][0] for queue in (self._first, self._others) if queue]
        if not until:
            return None
        if self._has_room():
            until.append(self._next - self._slack)
        return max(0.0, min(until) - now)

    def _is_free(self, now: float) -> bool:
        return self._has_room() and self._next - now <= self._slack

    def _has_room(self) -> bool:
        return self.max_concurrent is None or self._under_way < self.max_concurrent

    def _take(self, now: float) -> None:
        self._next = max(self._next, now) + self._interval
        self._under_way += 1
