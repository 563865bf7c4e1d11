"""Local time of a place during a span of time.

Instants are turned into local time, never back: a local time that a clock skips never comes, one
that it repeats comes twice, and both are as they are on a clock on the wall.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta, tzinfo

from billing_service.costs.domain.exact import Exact

_SECOND = 1_000_000
_DAY = 24 * 3600 * _SECOND
# No zone has changed its offset and changed it back in less.
_STEP_S = 6 * 3600
_MICROSECOND = timedelta(microseconds=1)


class LocalTime:
    """Local time from one instant to another, both in microseconds since the epoch."""

    def __init__(self, zone: tzinfo, begins: int, ends: int) -> None:
        self._begins, self._ends = begins, ends
        self._changes, self._offsets = [begins], [_offset(zone, begins // _SECOND)]
        for second in _changes_of_offset(zone, begins // _SECOND, ends // _SECOND):
            self._changes.append(second * _SECOND)
            self._offsets.append(_offset(zone, second))

    def day_and_time(self, instant: Exact) -> tuple[int, Exact]:
        """Return the local day, counted from 1970-01-01, and the microseconds since midnight."""
        local = instant + self._offsets[bisect_right(self._changes, instant) - 1]
        day = int(local // _DAY)
        return day, local - day * _DAY

    def boundaries(self, times_of_day: Sequence[Exact]) -> Iterator[int]:
        """Yield when a day begins, a time of day comes, or the clock is changed."""
        times = sorted({0, *map(int, times_of_day)})
        spans = zip(self._changes, [*self._changes[1:], self._ends], self._offsets, strict=True)
        for begins, ends, offset in spans:
            if begins > self._begins:
                yield begins
            for day in range((begins + offset) // _DAY, (ends + offset) // _DAY + 1):
                for time in times:
                    if begins < (instant := day * _DAY + time - offset) < ends:
                        yield instant


def _offset(zone: tzinfo, second: int) -> int:
    offset = datetime.fromtimestamp(second, UTC).astimezone(zone).utcoffset()
    assert offset is not None
    return offset // _MICROSECOND


def _changes_of_offset(zone: tzinfo, begins: int, ends: int) -> Iterable[int]:
    """Yield the seconds at which another offset holds than in the second before."""
    before, offset = begins, _offset(zone, begins)
    while before < ends:
        after = min(before + _STEP_S, ends)
        offset_after = _offset(zone, after)
        if offset_after != offset:
            while after - before > 1:
                middle = (before + after) // 2
                if _offset(zone, middle) == offset:
                    before = middle
                else:
                    after = middle
            yield after
            offset = _offset(zone, after)
        before = after
