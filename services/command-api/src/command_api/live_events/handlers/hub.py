"""The streams of this process, and what they have in common: the newest events."""

import asyncio
from typing import Protocol

from command_api.live_events.domain.events import live_event
from command_api.live_events.domain.ring import Ring
from csms_shared.contracts.event_store import StoredEventBatch
from csms_shared.runtime.clock import monotonic

MAX_STREAMS = 200
RING_EVENTS = 10_000
RING_BYTES = 32 * 1024 * 1024
# The store tells each second how far it is.
SILENT_S = 3.0


class TooManyStreams(Exception):
    """`MAX_STREAMS` clients listen already."""


class Listener(Protocol):
    """A stream, as the hub knows it."""

    def wake(self) -> None:
        """There may be more to send."""

    def end(self, reason: str) -> None:
        """There will be no more."""


class EventHub:
    """Wakes every open stream when the store has come further.

    `head` is the newest position that is known here, `ring` holds what leads up to it, or a part
    of it, or nothing: what it has not, streams ask for themselves.
    """

    def __init__(self) -> None:
        self.ring = Ring(RING_EVENTS, RING_BYTES)
        self.head = 0
        self._listeners: set[Listener] = set()
        self._closed = False
        self._wanted = asyncio.Event()
        self._heard = monotonic()

    @property
    def is_listened_to(self) -> bool:
        """Tell whether a stream is open."""
        return bool(self._listeners)

    async def until_wanted(self) -> None:
        """Wait until a stream is open."""
        await self._wanted.wait()

    def open(self, listener: Listener) -> None:
        """Add a stream.

        Raises:
            TooManyStreams: no more are accepted.
        """
        if len(self._listeners) >= MAX_STREAMS or self._closed:
            raise TooManyStreams
        if not self._listeners:
            self._heard = monotonic()
        self._listeners.add(listener)
        self._wanted.set()

    def discard(self, listener: Listener) -> None:
        """Forget a stream whose client has gone."""
        self._listeners.discard(listener)
        if not self._listeners:
            self._wanted.clear()

    def take(self, batch: StoredEventBatch) -> None:
        """Take in what the store has told."""
        self._heard = monotonic()
        self.ring.add(batch.after, batch.position, map(live_event, batch.items))
        self.reach(batch.position)

    def reach(self, position: int) -> None:
        """Hear how far the store is."""
        if position <= self.head:
            return
        self.head = position
        for listener in self._listeners:
            listener.wake()

    def is_silent(self) -> bool:
        """Tell whether streams are open and the store has told nothing for a while."""
        return self.is_listened_to and monotonic() - self._heard > SILENT_S

    def forget(self) -> None:
        """Let go of the newest events: nobody listens, or they come no more."""
        self.ring.clear()

    def close(self) -> None:
        """End all streams: the process is about to end."""
        self._closed = True
        for listener in self._listeners:
            listener.end("the service is shutting down")
