"""The event store as command-api sees it: integration-service, played over a real broker."""

import contextlib
from typing import Any

import orjson
from fake_service import FakeService

from csms_shared.broker.consumer import Consumer, Delivery
from csms_shared.broker.errors import PublishReturned
from csms_shared.broker.link import Link
from csms_shared.broker.publisher import Outgoing, Publisher
from csms_shared.broker.topology import INTEGRATION_SERVICE, STORED_EVENTS, event_store_queue
from csms_shared.contracts.bulk import BulkOutcome
from csms_shared.contracts.event_globs import matches, routing_key_of
from csms_shared.contracts.event_store import ReadEvents, StoredEvent, StoredEventBatch
from csms_shared.contracts.message_types import MessageType
from csms_shared.contracts.refusals import refuse
from csms_shared.values.times import parse_bound

Event = dict[str, Any]
# Looked through at once, so that what is rare takes several pages.
_WINDOW = 40


class FakeEventStore:
    """Gives each event its position, and tells it; `is_told`: unless the exchange loses it.

    `kept_after` is the position up to which nothing is kept any more.
    """

    def __init__(self, link: Link, publisher: Publisher) -> None:
        self._publisher = publisher
        self.service = FakeService(link, publisher, INTEGRATION_SERVICE)
        self.taking = Consumer(link, event_store_queue(), self._take, prefetch=100)
        self.events: list[Event] = []
        self.kept_after = 0
        self.is_told = True
        self.service.operations |= {
            "events.head": lambda _: {"position": len(self.events)},
            "events.read": self._read,
            "parked.list": lambda _: {"items": [], "next_cursor": None},
            "parked.replay_many": _nothing_parked,
            "parked.delete_many": _nothing_parked,
        }

    async def add(self, *events: Event) -> None:
        """Store events in one transaction, and tell of them."""
        after = len(self.events)
        self.events += events
        items = [
            StoredEvent(position=after + number, event=event)
            for number, event in enumerate(events, 1)
        ]
        await self.tell(StoredEventBatch(items=items, after=after, position=len(self.events)))

    async def tell(self, batch: StoredEventBatch) -> None:
        """Publish a batch to whoever is there."""
        if self.is_told:
            body = batch.model_dump_json().encode()
            message = Outgoing(STORED_EVENTS, "stored", MessageType.STORED_EVENTS, body)
            with contextlib.suppress(PublishReturned):
                await self._publisher.publish(message)

    async def _take(self, deliveries: list[Delivery]) -> None:
        for delivery in deliveries:
            if delivery.type == MessageType.EVENTS:
                await self.add(*orjson.loads(delivery.body))

    def _read(self, parameters: dict[str, Any]) -> dict[str, Any]:
        asked = ReadEvents.model_validate({**parameters, "tenant_id": self.service.tenants[-1]})
        after = self.kept_after if asked.after is None else asked.after
        if after < self.kept_after:
            raise refuse(410, "events_gone", f"events up to {self.kept_after} are gone")
        items: list[dict[str, Any]] = []
        position = after
        for event in self.events[after : after + _WINDOW]:
            if len(items) == asked.limit:
                break
            position += 1
            if _is_wanted(asked, event):
                items.append({"position": position, "event": event})
        return {"items": items, "position": position, "is_end": position == len(self.events)}


def _nothing_parked(_: dict[str, Any]) -> dict[str, Any]:
    return BulkOutcome(matched=0, done=0, failed=0).model_dump()


def _is_wanted(asked: ReadEvents, event: Event) -> bool:
    key = routing_key_of(event["type"])
    at = parse_bound(event["time"])
    assert at is not None
    return (
        event["tenantid"] == asked.tenant_id
        and (asked.station_id is None or event["subject"] == asked.station_id)
        and (not asked.types or matches(key, asked.types))
        and not (asked.of_stations and key.startswith(("id_token.", "site.")))
        and (asked.from_time is None or asked.from_time <= at)
        and (asked.to_time is None or at < asked.to_time)
    )
