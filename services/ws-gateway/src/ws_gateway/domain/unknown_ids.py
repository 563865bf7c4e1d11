"""Ids that no station has: asked for at a bounded rate, and not again at once (ADR 0030)."""

from collections import Counter
from typing import TypeVar

from ws_gateway.domain.keyed_rate import KeyedRate
from ws_gateway.domain.limits import EntryLimits

Value = TypeVar("Value")

# As long as an installer who has just registered the station would wait if the news were lost.
UNKNOWN_FOR_S = 30.0
_MAX_REMEMBERED = 20_000
_MAX_ADDRESSES = 10_000


class UnknownIds:
    """What the registry said of ids: unknown for a while, or of a station that it knows.

    Whoever makes ids up soon waits, with all ids of the address but those of stations that this
    gateway has met: who shares an address with a scanner still gets in.
    """

    def __init__(self, limits: EntryLimits) -> None:
        self._rate: KeyedRate[str] = KeyedRate(
            burst=limits.unknown_ids_at_once,
            every_s=limits.unknown_id_interval_s,
            max_keys=_MAX_ADDRESSES,
        )
        self._many = limits.unknown_ids_at_once / 2
        self._asking: Counter[str] = Counter()
        # Each in the order of the last word of it: until when unknown, since when created.
        self._unknown: dict[str, float] = {}
        self._created: dict[str, float] = {}
        self._known: dict[str, None] = {}

    def is_unknown(self, station_id: str, now: float) -> bool:
        """Tell whether the registry did not know the id a moment ago."""
        return self._unknown.get(station_id, now) > now

    def wait_s(self, address: str, station_id: str, now: float) -> float:
        """Return in how many seconds the registry is asked for this id, 0 where it is now."""
        return 0.0 if station_id in self._known else self._rate.wait_s(address, now)

    def begin_asking(self, address: str, station_id: str, now: float) -> bool:
        """Tell whether the registry may be asked now, beside what it is being asked already.

        Of an address that has shown many ids that no station has, no more are asked for at once
        than may turn out to be such; of any other as many as come.
        """
        if station_id not in self._known:
            left = self._rate.left(address, now)
            if left < self._many and self._asking[address] >= max(1.0, left):
                return False
        self._asking[address] += 1
        return True

    def end_asking(self, address: str) -> None:
        """Note that one was answered, or is not waited for any more."""
        self._asking[address] -= 1
        if not self._asking[address]:
            del self._asking[address]

    def found_unknown(
        self, address: str, station_id: str, *, asked_at: float, now: float, lasting: bool
    ) -> None:
        """Count an id that the registry does not know; `lasting` where asking again is in vain."""
        self._known.pop(station_id, None)
        self._rate.count(address, now)
        if lasting and self._created.get(station_id, asked_at - 1) < asked_at:
            _remember(self._unknown, station_id, now + UNKNOWN_FOR_S)

    def found_known(self, station_id: str) -> None:
        """Note that there is such a station."""
        self._unknown.pop(station_id, None)
        _remember(self._known, station_id, None)

    def created(self, station_id: str, now: float) -> None:
        """Ask for this id again: the station has just been created."""
        self._unknown.pop(station_id, None)
        # For an answer that is on its way, and from before.
        _remember(self._created, station_id, now)


def _remember(told: dict[str, Value], station_id: str, value: Value) -> None:
    told.pop(station_id, None)
    told[station_id] = value
    if len(told) > _MAX_REMEMBERED:
        del told[next(iter(told))]
