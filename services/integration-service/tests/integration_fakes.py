"""A producer, an asker and a follower in one, and replicas of the service on a real broker."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Any

import orjson
from public_stage import WITHIN_S, until
from pydantic import SecretStr

from csms_shared.broker.consumer import Consumer, Delivery
from csms_shared.broker.declarations import Binding, Queue
from csms_shared.broker.incarnation import new_incarnation
from csms_shared.broker.link import Link
from csms_shared.broker.publisher import Outgoing, Publisher
from csms_shared.broker.requests import Correlator, Requester
from csms_shared.broker.topology import (
    EVENTS,
    INTEGRATION_SERVICE,
    REQUESTS,
    STORED_EVENTS,
    event_store_key,
    replies_queue,
)
from csms_shared.contracts.events import EVENTS_CONTENT_TYPE
from csms_shared.contracts.message_types import MessageType
from csms_shared.service.owning_service import OwningService, opened
from csms_shared.values.tenants import DEFAULT_TENANT
from integration_service.process import integration_service
from integration_service.settings import Settings


class Outside:
    """Tells events, asks what is stored, and follows what the service tells."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.name = new_incarnation("outside")
        self.publisher = Publisher(link)
        self.correlator = Correlator(self.name)
        self.public: list[dict[str, Any]] = []
        self.batches: list[dict[str, Any]] = []
        self._requester = Requester(self.publisher, self.correlator)
        queue = replies_queue(self.name)
        self._queue = Queue(
            queue.name,
            queue.arguments,
            (*queue.bindings, Binding(EVENTS, "#"), Binding(STORED_EVENTS, "#")),
        )
        self.consumer = Consumer(link, self._queue, self._take, prefetch=100, in_order=True)

    async def _take(self, deliveries: list[Delivery]) -> None:
        for delivery in deliveries:
            if delivery.type == MessageType.STORED_EVENTS:
                self.batches.append(orjson.loads(delivery.body))
            elif not self.correlator.resolve(delivery):
                self.public += orjson.loads(delivery.body)

    async def send(self, body: bytes) -> None:
        """Publish a message to the queue of all events."""
        await self.publisher.publish(
            Outgoing(
                REQUESTS,
                event_store_key(),
                MessageType.EVENTS,
                body,
                content_type=EVENTS_CONTENT_TYPE,
            )
        )

    async def tell(self, events: Sequence[dict[str, Any]]) -> None:
        """Tell events as an outbox does."""
        await self.send(orjson.dumps([*events]))

    async def ask(self, operation: str, tenant_id: str = DEFAULT_TENANT, **asked: Any) -> Any:
        """Return the result of a request, or the problem as (status, code)."""
        answer = await self._requester.request(
            INTEGRATION_SERVICE, operation, asked, WITHIN_S, tenant_id
        )
        if answer.problem is not None:
            return answer.problem.status, answer.problem.code
        return answer.result

    async def stored(self, **asked: Any) -> list[dict[str, Any]]:
        """Return what a reader sees who goes on to the end."""
        found: list[dict[str, Any]] = []
        while True:
            page = await self.ask("events.read", **asked)
            found += page["items"]
            if page["is_end"]:
                return found
            asked["after"] = page["position"]

    async def until_stored(self, count: int) -> None:
        """Wait until the store has so many events."""

        async def has() -> bool:
            return bool((await self.ask("events.head"))["position"] >= count)

        await until(has)

    def told_items(self) -> list[dict[str, Any]]:
        """Return the events of the batches that came."""
        return [item for batch in self.batches for item in batch["items"]]


@contextlib.asynccontextmanager
async def running_replica(broker_url: str, database_url: str) -> AsyncIterator[OwningService]:
    """Run one process of the service until the context is left, from when it is ready.

    It tells nothing of itself.
    """
    settings = Settings(
        broker_url=SecretStr(broker_url), database_url=SecretStr(database_url), probe_port=0
    )
    stop = asyncio.Event()
    async with opened(INTEGRATION_SERVICE, settings, integration_service) as service:
        # What it tells of itself would stand between what the tests count.
        service.notices.take = lambda **_: []  # type: ignore[method-assign]
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
    """Follow until the context is left, from when answers reach it."""
    async with Link(broker_url, "tests") as link:
        outside = Outside(link)
        running = asyncio.create_task(outside.consumer.run())
        await until(lambda: outside.consumer.consuming)
        yield outside
        await outside.consumer.stop()
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
