"""Everything that comes on `csms.events.v1`, kept from the suite's start to its end."""

import asyncio
from collections import defaultdict
from typing import Any

import orjson

from csms_shared.broker.consumer import Consumer, Delivery
from csms_shared.broker.declarations import Binding, Queue
from csms_shared.broker.link import Link
from csms_shared.broker.publisher import Publisher
from csms_shared.broker.topology import EVENTS
from csms_shared.broker.work_queues import WorkQueueProbe
from csms_shared.contracts.message_types import MessageType
from tests.integration.waiting import eventually

# Of the kind that loses nothing: the tap has to see what was confirmed, whatever happens to nodes.
QUEUE = Queue("fault-tests.events.v1", {"x-queue-type": "quorum"}, (Binding(EVENTS, "#"),))
_PREFETCH = 100
_DECLARE_S = 30.0

EventKey = tuple[str, str]
"""Source and id: what readers drop duplicates by (CloudEvents 1.0, "id")."""


def keys_of(events: bytes) -> set[EventKey]:
    """Return the keys of the events in an outbox row; orders, which are no events, have none."""
    return {(one["source"], one["id"]) for one in orjson.loads(events) if "specversion" in one}


class EventTap:
    """Collects events by their key, each as often as it came."""

    def __init__(self, broker_url: str, queue: Queue = QUEUE) -> None:
        self._queue = queue
        self.events: defaultdict[EventKey, list[dict[str, Any]]] = defaultdict(list)
        self._link = Link(broker_url, "fault tests")
        self._consumer = Consumer(self._link, queue, self._keep, prefetch=_PREFETCH)
        self._running: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to collect; returns once nothing can be missed any more.

        Not even if the broker is killed at once: what a queue of its kind needs for that is known.
        """
        probe = WorkQueueProbe(self._link, Publisher(self._link), [self._queue])
        probing = asyncio.create_task(probe.run(), name="probe of the event tap")
        try:

            async def missing() -> dict[str, str]:
                return probe.missing()

            await eventually(missing, lambda missing: not missing, _DECLARE_S)
        finally:
            probing.cancel()
            await asyncio.gather(probing, return_exceptions=True)
        self._running = asyncio.create_task(self._consumer.run(), name="event tap")

    async def stop(self) -> None:
        """Stop collecting."""
        await self._consumer.stop()
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
        await self._link.close()

    def of_type(self, name: str) -> list[dict[str, Any]]:
        """Return one event for each key of the type `csms.<name>.v1`."""
        wanted = f"csms.{name}.v1"
        return [copies[0] for copies in self.events.values() if copies[0]["type"] == wanted]

    def repeated(self) -> int:
        """Count the deliveries beyond the first of each key."""
        return sum(len(copies) - 1 for copies in self.events.values())

    async def _keep(self, deliveries: list[Delivery]) -> None:
        for delivery in deliveries:
            if delivery.type == MessageType.PROBE:
                continue
            for event in orjson.loads(delivery.body):
                self.events[event["source"], event["id"]].append(event)
