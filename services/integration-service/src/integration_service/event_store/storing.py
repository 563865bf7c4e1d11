"""Storing what the services tell, batch by batch, under the lock of the head."""

from collections.abc import Sequence
from dataclasses import dataclass

import structlog
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from csms_shared.contracts.event_globs import is_of_station
from csms_shared.contracts.places import StationPlace
from csms_shared.db.engine import in_transaction
from csms_shared.db.isolation import Failure, apply_isolated
from integration_service.event_store import store
from integration_service.event_store.domain import (
    PLACED,
    Event,
    at_site,
    segments,
)
from integration_service.event_store.lines import Line, line_of
from integration_service.event_store.recent import StoredEvents

log = structlog.get_logger(__name__)

# Made so far ahead, so that nobody who stores events waits for them.
PARTITIONS_AHEAD = 2_000_000


@dataclass(frozen=True, slots=True)
class StoredBatch:
    """What one transaction has stored: the events at all positions after `after`, in order."""

    after: int
    position: int
    lines: tuple[Line, ...]


class Storing:
    """Stores events for one process; any number may run at once, in whatever order they get it.

    The lock makes their transactions follow each other, so that a position is never visible before
    a lower one, and what is stored already is known before anything is added to it.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._stored = StoredEvents()
        self._partitions_end = 0
        self._types: set[str] = set()

    async def __call__(
        self, events: Sequence[Event]
    ) -> tuple[list[StoredBatch], list[Failure[Event]]]:
        """Store events that are not stored yet; return them, and those that can't be stored.

        Raises:
            Unavailable: the database is away; nothing can be assumed either way.
        """
        try:
            batches, failures = await apply_isolated(self._engine, events, self._store)
        except BaseException:
            self._forget()
            raise
        self._types |= {line.routing_key.decode() for batch in batches for line in batch.lines}
        return batches, failures

    def _forget(self) -> None:
        """Forget what a transaction that was rolled back, or lost, may have had."""
        self._stored.forget()
        self._partitions_end = 0
        self._types = set()

    async def _store(
        self, connection: AsyncConnection, events: Sequence[Event]
    ) -> list[StoredBatch]:
        try:
            return await self._store_new(connection, events)
        except BaseException:
            # Nothing was added yet to what is known to be stored.
            self._partitions_end = 0
            raise

    async def _store_new(
        self, connection: AsyncConnection, events: Sequence[Event]
    ) -> list[StoredBatch]:
        head = await store.lock_head(connection)
        if self._stored.is_ahead_of(head):
            # A failover to a database that had not heard of the last transactions.
            self._forget()
        await self._stored.catch_up(connection, head)
        fresh = await self._stored.new_among(connection, events)
        if not fresh:
            return []
        made = segments(await _placed(connection, fresh), head)
        position = made[-1].position
        if position >= self._partitions_end:
            self._partitions_end = await store.make_partitions(
                connection, position + PARTITIONS_AHEAD
            )
        unknown = {one.routing_key for one in fresh} - self._types
        if unknown:
            await store.note_types(connection, sorted(unknown))
        lines = [[line_of(one) for one in segment.events] for segment in made]
        stored_at = await store.store_segments(connection, made, lines)
        self._stored.add(position, stored_at, fresh)
        return [StoredBatch(head, position, tuple(line for its in lines for line in its))]

    async def head(self) -> int:
        """Return the position of the newest event.

        Raises:
            Unavailable: the database is away.
        """
        return await in_transaction(self._engine, store.read_head)


async def _placed(connection: AsyncConnection, events: Sequence[Event]) -> list[Event]:
    """Return events with the site of each station as it was at that place in their order."""
    of_stations = [one for one in events if is_of_station(one.routing_key)]
    if not of_stations:
        return [*events]
    sites = await store.sites_of(connection, of_stations)
    moved: dict[str, StationPlace] = {}
    placed = []
    for event in events:
        place = _place(event)
        if place is not None and place.version > sites.get(place.station_id, (None, -1))[1]:
            sites[place.station_id] = place.site_id, place.version
            moved[place.station_id] = place
        known = sites.get(event.subject) if is_of_station(event.routing_key) else None
        placed.append(event if known is None else at_site(event, known[0]))
    if moved:
        await store.keep_sites(connection, moved)
    return placed


def _place(event: Event) -> StationPlace | None:
    if event.routing_key != PLACED:
        return None
    try:
        return StationPlace.model_validate(event.document.get("data"))
    except ValidationError:
        log.warning("place_unreadable", subject=event.subject)
        return None
