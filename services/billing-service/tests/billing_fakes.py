"""Who tells events, answers questions and asks, and replicas of the service on a real broker."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Any

import orjson
from bill_books import WITHIN_S, FakeAsk, until
from pydantic import SecretStr

from billing_service.bills.handlers.asking import Ask
from billing_service.process import billing_service
from billing_service.settings import Settings
from csms_shared.broker.consumer import Consumer, Delivery
from csms_shared.broker.declarations import Binding, Queue
from csms_shared.broker.incarnation import new_incarnation
from csms_shared.broker.link import Link
from csms_shared.broker.publisher import Outgoing, Publisher
from csms_shared.broker.replies import Replies
from csms_shared.broker.requests import Correlator, Requester
from csms_shared.broker.topology import (
    BILLING_SERVICE,
    INTERNAL_EVENTS,
    REQUESTS,
    SESSION_SERVICE,
    STATION_REGISTRY,
    event_store_key,
    replies_queue,
)
from csms_shared.contracts.events import EVENTS_CONTENT_TYPE
from csms_shared.contracts.message_types import MessageType
from csms_shared.contracts.session_facts import (
    SESSION_FACTS_OPERATIONS,
    STATION_PLACES_OPERATIONS,
    ConnectorTimes,
    ReservationFacts,
    SessionFacts,
    StationPlaces,
)
from csms_shared.service.owning_service import OwningService, opened
from csms_shared.service.requests_inbox import RequestsInbox


class Outside:
    """Tells events, knows sessions and places as other services do, asks, and follows events."""

    def __init__(self, link: Link) -> None:
        self.name = new_incarnation("outside")
        self.publisher = Publisher(link)
        self.correlator = Correlator(self.name)
        self.events: list[dict[str, Any]] = []
        self.knows = FakeAsk()
        self._requester = Requester(self.publisher, self.correlator)
        own = replies_queue(self.name)
        bindings = (*own.bindings, Binding(REQUESTS, event_store_key()))
        queue = Queue(own.name, own.arguments, bindings)
        asked = Queue(
            f"{self.name}.asked.v1",
            own.arguments,
            (Binding(REQUESTS, SESSION_SERVICE), Binding(REQUESTS, STATION_REGISTRY)),
        )
        inbox = RequestsInbox(
            replies=Replies(self.publisher, lambda: self.publisher),
            operations={**SESSION_FACTS_OPERATIONS, **STATION_PLACES_OPERATIONS},
            handlers={
                "sessions.facts": self._facts,
                "reservations.facts": self._reservations,
                "stations.places": self._places,
            },
        )
        self.consumers = (
            Consumer(link, queue, self._take, prefetch=100),
            Consumer(link, asked, inbox, prefetch=100),
        )

    async def _take(self, deliveries: list[Delivery]) -> None:
        for delivery in deliveries:
            if not self.correlator.resolve(delivery):
                self.events += orjson.loads(delivery.body)

    async def _facts(self, asked: SessionFacts) -> dict[str, Any]:
        # One at a time, as where answers are long.
        first, *later = asked.transaction_ids
        found = await self.knows.sessions(asked.tenant_id, [first])
        return {"items": found.items, "later": later}

    async def _reservations(self, asked: ReservationFacts) -> dict[str, Any]:
        found = await self.knows.reservations(asked.tenant_id, asked.reservation_ids)
        return {"items": found}

    async def _places(self, asked: StationPlaces) -> dict[str, Any]:
        sessions: list[ConnectorTimes] = asked.sessions
        return {"items": await self.knows.places(asked.tenant_id, sessions)}

    async def tell(self, *events: dict[str, Any]) -> None:
        """Tell events of one kind, as an outbox does."""
        key = events[0]["type"].removeprefix("csms.").removesuffix(".v1")
        await self.publisher.publish(
            Outgoing(
                INTERNAL_EVENTS,
                key,
                MessageType.EVENTS,
                orjson.dumps([*events]),
                content_type=EVENTS_CONTENT_TYPE,
            )
        )

    async def ask(self, operation: str, **asked: Any) -> Any:
        """Return the result of a request, or the problem as (status, code)."""
        answer = await self._requester.request(BILLING_SERVICE, operation, asked, WITHIN_S)
        if answer.problem is not None:
            return answer.problem.status, answer.problem.code
        return answer.result

    async def until_final(self, transaction_ids: Sequence[int]) -> None:
        """Wait until sessions are billed."""

        async def are() -> bool:
            found = await self.ask("costs.of", transaction_ids=[*transaction_ids])
            costs = found["costs"].values()
            return len(costs) == len(transaction_ids) and all(one["final"] for one in costs)

        await until(are)

    def told(self, key: str) -> list[dict[str, Any]]:
        """Return the data of events that came."""
        return [one["data"] for one in self.events if one["type"] == f"csms.{key}.v1"]


@contextlib.asynccontextmanager
async def running_replica(
    broker_url: str, database_url: str, ask: Ask | None = None
) -> AsyncIterator[OwningService]:
    """Run one process of the service until the context is left, from when it is ready."""
    settings = Settings(
        broker_url=SecretStr(broker_url),
        database_url=SecretStr(database_url),
        probe_port=0,
        settle_delay_seconds=0,
    )

    def make(settings: Settings, link: Link) -> OwningService:
        if ask is None:
            return billing_service(settings, link)
        return billing_service(settings, link, lambda _: ask)

    stop = asyncio.Event()
    async with opened(BILLING_SERVICE, settings, make) as service:
        running = asyncio.create_task(service.run(stop))

        async def ready() -> bool:
            assert not running.done(), running.result()
            return not await service.missing()

        await until(ready)
        try:
            yield service
        finally:
            stop.set()
            await asyncio.wait_for(running, WITHIN_S)


@contextlib.asynccontextmanager
async def running_outside(broker_url: str) -> AsyncIterator[Outside]:
    """Answer and follow until the context is left."""
    async with Link(broker_url, "tests") as link:
        outside = Outside(link)
        running = [asyncio.create_task(one.run()) for one in outside.consumers]
        await until(lambda: all(one.consuming for one in outside.consumers))
        yield outside
        for consumer in outside.consumers:
            await consumer.stop()
        for task in running:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
