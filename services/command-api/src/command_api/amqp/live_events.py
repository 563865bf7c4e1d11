"""What the event store tells as it stores it, read only while a stream of this instance is open.

Whatever is lost or repeated here costs nobody an event: streams ask the store for what they miss.
"""

import asyncio
import contextlib
import itertools

import structlog

from command_api.live_events.handlers.hub import EventHub
from csms_shared.broker.consumer import Consumer, Delivery
from csms_shared.broker.link import Link
from csms_shared.broker.reading import UnreadableMessage, read_message
from csms_shared.broker.topology import live_events_queue
from csms_shared.contracts.event_store import StoredEventBatch
from csms_shared.contracts.message_types import MessageType
from csms_shared.runtime.clock import monotonic

log = structlog.get_logger(__name__)

# A page that is loaded again finds the queue still there.
LINGER_S = 10.0
LOST_AFTER_S = 30.0
_WATCH_S = 0.25
_STOP_S = 2.0
# A message is up to 256 KiB, and is taken at once.
_PREFETCH = 20


class LiveEvents:
    """Feeds the hub."""

    def __init__(self, link: Link, incarnation: str, hub: EventHub) -> None:
        self._link = link
        self._incarnation = incarnation
        self._hub = hub
        self._numbers = itertools.count(1)

    async def run(self) -> None:
        """Read while streams are open, until cancelled."""
        while True:
            await self._hub.until_wanted()
            await self._read_while_wanted()

    async def _read_while_wanted(self) -> None:
        # A new name each time: the last queue's node may be gone, and with it the name.
        queue = live_events_queue(self._incarnation, next(self._numbers))
        consumer = Consumer(self._link, queue, self._take, prefetch=_PREFETCH)
        reading = asyncio.create_task(consumer.run(), name="live-events")
        try:
            await self._watch(consumer, reading)
        finally:
            self._hub.forget()
            await consumer.stop(_STOP_S)
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def _watch(self, consumer: Consumer, reading: asyncio.Task[None]) -> None:
        wanted = connected = monotonic()
        while not reading.done():
            now = monotonic()
            if self._hub.is_listened_to:
                wanted = now
            if consumer.consuming:
                connected = now
            if now - wanted > LINGER_S:
                return
            if now - connected > LOST_AFTER_S and self._link.is_open():
                log.warning("live_events_lost")
                return
            await asyncio.sleep(_WATCH_S)

    async def _take(self, deliveries: list[Delivery]) -> None:
        for delivery in deliveries:
            if delivery.type != MessageType.STORED_EVENTS:
                continue
            # As a whole or not at all: what is missing here is asked for.
            with contextlib.suppress(UnreadableMessage):
                self._hub.take(
                    read_message(StoredEventBatch, MessageType.STORED_EVENTS, delivery.body)
                )
