"""All events of the suite, read from the broker only while a stream of this instance is open."""

import asyncio
import itertools

import structlog

from command_api.amqp.event_reading import take_events
from command_api.live_events.handlers import EventHub
from csms_shared.broker.consumer import Consumer, Delivery
from csms_shared.broker.link import Link
from csms_shared.broker.topology import live_events_queue
from csms_shared.runtime.clock import monotonic

log = structlog.get_logger(__name__)

# A page that is loaded again finds the queue still there.
LINGER_S = 10.0
LOST_AFTER_S = 30.0
_WATCH_S = 0.25
_STOP_S = 2.0
_PREFETCH = 200


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
            self._hub.connected = False
            await consumer.stop(_STOP_S)
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def _watch(self, consumer: Consumer, reading: asyncio.Task[None]) -> None:
        wanted = connected = monotonic()
        while not reading.done():
            now = monotonic()
            if self._hub.listening:
                wanted = now
            if consumer.consuming:
                connected = now
            if now - wanted > LINGER_S:
                return
            if now - connected > LOST_AFTER_S and self._link.is_open():
                log.warning("live_events_lost")
                self._hub.end_all("events could not be had from the broker")
                return
            self._hub.connected = consumer.consuming
            await asyncio.sleep(_WATCH_S if self._hub.connected else _WATCH_S / 10)

    async def _take(self, deliveries: list[Delivery]) -> None:
        take_events(deliveries, self._hub.publish)
