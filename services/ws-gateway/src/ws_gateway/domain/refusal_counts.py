"""Refused handshakes counted per (station, address, reason) and hour, in bounded room.

Whoever connects with ever new ids or from ever new addresses fills neither this nor the database:
what is one too many of an address is counted for the address, what is one too many of all is
counted for nobody in particular.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from ws_gateway.domain.limits import DEFAULT_ENTRY_LIMITS

PERIOD_MS = 3_600_000
MAX_KEYS = 5_000
# Nobody can make up stations that are refused for these: the registry knows them.
_OF_KNOWN_STATIONS = frozenset(
    {
        "bad_credentials",
        "bad_certificate",
        "wrong_security_profile",
        "missing_subprotocol",
        "tenant_suspended",
        "flapping",
        "failed_logins",
    }
)
NOBODY = ""
ELSEWHERE = "other addresses"

Key = tuple[str, str, str]


@dataclass(slots=True)
class Counted:
    """One kind of refusals of this period; `detail` and `http_status` are the last ones."""

    period_ms: int
    first_ms: int
    last_ms: int
    times: int
    detail: str
    http_status: int


class RefusalCounts:
    """The counts of the present period, and which of them have changed.

    `max_of_address`: how many ids that anybody can make up are counted one by one.
    """

    def __init__(
        self,
        max_of_address: int = DEFAULT_ENTRY_LIMITS.refused_ids_per_address,
        max_keys: int = MAX_KEYS,
    ) -> None:
        self._max_keys = max_keys
        self._max_of_address = max_of_address
        self._period_ms = 0
        self._counts: dict[Key, Counted] = {}
        self._of_address: Counter[str] = Counter()
        self._changed: dict[tuple[int, Key], Counted] = {}

    def __len__(self) -> int:
        return len(self._counts)

    def count(
        self, station_id: str, address: str, reason: str, detail: str, http_status: int, at_ms: int
    ) -> None:
        """Count one refusal."""
        period_ms = at_ms - at_ms % PERIOD_MS
        if period_ms != self._period_ms:
            self._period_ms = period_ms
            self._counts = {}
            self._of_address.clear()
        key = self._key(station_id, address, reason)
        counted = self._counts.get(key)
        if counted is None:
            counted = Counted(period_ms, at_ms, at_ms, 0, detail, http_status)
            self._counts[key] = counted
            self._of_address[key[1]] += reason not in _OF_KNOWN_STATIONS
        counted.times += 1
        counted.last_ms = max(counted.last_ms, at_ms)
        if key[0] == station_id:
            counted.detail, counted.http_status = detail, http_status
        self._changed[period_ms, key] = counted

    def take_changed(self) -> list[tuple[Key, Counted]]:
        """Return what has changed since the last time."""
        changed, self._changed = self._changed, {}
        return [(key, counted) for (_, key), counted in changed.items()]

    def changed_again(self, untold: Iterable[tuple[Key, Counted]]) -> None:
        """Take back what could not be told; bounded like the counts themselves."""
        for key, counted in untold:
            if len(self._changed) < 2 * self._max_keys:
                self._changed.setdefault((counted.period_ms, key), counted)

    def _key(self, station_id: str, address: str, reason: str) -> Key:
        key = (station_id, address, reason)
        if key in self._counts:
            return key
        if len(self._counts) >= self._max_keys:
            return (NOBODY, ELSEWHERE, reason)
        known = reason in _OF_KNOWN_STATIONS
        if not known and self._of_address[address] >= self._max_of_address:
            return (NOBODY, address, reason)
        return key
