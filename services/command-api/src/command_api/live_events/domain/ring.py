"""The newest events of all tenants, without a gap between them."""

from bisect import bisect_right
from collections import deque
from collections.abc import Iterable
from itertools import islice
from operator import attrgetter

from command_api.live_events.domain.events import LiveEvent

_position = attrgetter("position")


class Ring:
    """All events after `low`, up to `high`; the oldest go where there are too many, or too much.

    Whoever is within these bounds misses nothing; whoever is not asks the event store.
    """

    def __init__(self, max_events: int, max_bytes: int) -> None:
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._events: deque[LiveEvent] = deque()
        self._bytes = 0
        self.low: int | None = None
        self.high: int | None = None

    def add(self, after: int, position: int, events: Iterable[LiveEvent]) -> None:
        """Take in `events`, which are all after a position, up to another.

        Where something before them is missing, the ring begins anew with them. What it has is
        passed over.
        """
        if self.high is None or after > self.high:
            self.clear()
            self.low = self.high = after
        if position <= self.high:
            return
        for event in events:
            if self.high < event.position <= position:
                self._events.append(event)
                self._bytes += len(event.text)
        self.high = position
        self._trim()

    def clear(self) -> None:
        """Hold nothing, as at the start."""
        self._events.clear()
        self._bytes = 0
        self.low = self.high = None

    def leads_on_from(self, position: int) -> bool:
        """Tell whether what comes next after a position is here."""
        return self.low is not None and self.high is not None and self.low <= position < self.high

    def after(self, position: int, most: int) -> tuple[list[LiveEvent], int]:
        """Return at most so many events after a position, and how far they reach.

        The position is one that the ring leads on from; there is nothing else up to there.
        """
        assert self.high is not None
        begin = bisect_right(self._events, position, key=_position)
        found = list(islice(self._events, begin, begin + most))
        return found, found[-1].position if len(found) == most else self.high

    def _trim(self) -> None:
        while len(self._events) > self._max_events or self._bytes > self._max_bytes:
            oldest = self._events.popleft()
            self._bytes -= len(oldest.text)
            self.low = oldest.position
