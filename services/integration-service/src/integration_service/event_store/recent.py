"""Which events are stored already: those of late by memory, older ones by a look into the store."""

from collections import deque
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from integration_service.event_store.domain import Event

_KEY_BYTES = 16
# Some minutes of a busy fleet. An event that comes twice comes again within moments, but for the
# one whose first copy was long on its way.
REMEMBERED = 300_000
# No clock of a service is further ahead of another's.
_CLOCKS_APART = timedelta(minutes=1)
_SINCE = text(
    "SELECT position, ids, stored_at FROM event_segment WHERE position > :after ORDER BY position"
)
_TOLD_THEN = (
    "FROM event_minute WHERE (minute, source) IN (SELECT * FROM unnest("
    "CAST(:minutes AS timestamptz[]), CAST(:sources AS text[])))"
)
_OF_MINUTES = text(
    "SELECT s.ids FROM event_segment AS s "  # noqa: S608 - literals
    f"WHERE s.position >= (SELECT min(least) {_TOLD_THEN}) "
    f"AND s.first_position <= (SELECT max(greatest) {_TOLD_THEN}) "
    "AND s.position <= :until"
)


class StoredEvents:
    """What one process knows to be stored; right while it holds the lock of the head.

    It remembers the keys of the last `REMEMBERED` events, and reads those that another process has
    stored meanwhile.
    """

    def __init__(self) -> None:
        self._head: int | None = None
        self._keys: set[bytes] = set()
        self._batches: deque[tuple[int, datetime, list[bytes]]] = deque()

    def is_ahead_of(self, head: int) -> bool:
        """Tell whether it remembers events of after `head`, which the store has not any more."""
        return self._head is not None and self._head > head

    async def catch_up(self, connection: AsyncConnection, head: int) -> None:
        """Learn what has been stored up to `head`."""
        if self._head == head:
            return
        if self._head is None:
            self.forget()
        after = max(head - REMEMBERED, self._head or 0)
        for row in await connection.execute(_SINCE, {"after": after}):
            self._remember(row.position, row.stored_at, _keys(bytes(row.ids)))
        self._head = head

    async def new_among(self, connection: AsyncConnection, events: Iterable[Event]) -> list[Event]:
        """Return those that are not stored yet, each once, in their order."""
        fresh: dict[bytes, Event] = {}
        for event in events:
            if event.key not in self._keys:
                fresh.setdefault(event.key, event)
        old = await self._stored_long_ago(connection, fresh.values())
        return [event for key, event in fresh.items() if key not in old]

    def add(self, head: int, stored_at: datetime, events: Sequence[Event]) -> None:
        """Remember what was stored up to `head`."""
        self._remember(head, stored_at, [event.key for event in events])
        self._head = head

    def forget(self) -> None:
        """Forget everything: what was said to be stored may not have been committed."""
        self._head = None
        self._keys.clear()
        self._batches.clear()

    def _remember(self, position: int, stored_at: datetime, keys: list[bytes]) -> None:
        self._batches.append((position, stored_at, keys))
        self._keys.update(keys)
        while len(self._keys) > REMEMBERED and len(self._batches) > 1:
            _, _, oldest = self._batches.popleft()
            self._keys.difference_update(oldest)

    async def _stored_long_ago(
        self, connection: AsyncConnection, events: Collection[Event]
    ) -> set[bytes]:
        """Return which of them were stored before anything that is remembered."""
        until, late = self._head or 0, [*events]
        if self._batches:
            position, stored_at, keys = self._batches[0]
            until = position - len(keys)
            late = [one for one in events if one.minute < stored_at + _CLOCKS_APART]
        if not (until and late):
            return set()
        told = sorted({(one.minute, one.source) for one in late})
        minutes, sources = map(list, zip(*told, strict=True))
        found = await connection.execute(
            _OF_MINUTES, {"minutes": minutes, "sources": sources, "until": until}
        )
        stored = {key for row in found for key in _keys(bytes(row.ids))}
        return stored & {one.key for one in late}


def _keys(ids: bytes) -> list[bytes]:
    return [ids[begin : begin + _KEY_BYTES] for begin in range(0, len(ids), _KEY_BYTES)]
