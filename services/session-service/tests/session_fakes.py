"""A gateway and a listener in one, and replicas of the service on a real broker."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import orjson
from pydantic import SecretStr

from csms_shared.broker.consumer import Consumer, Delivery
from csms_shared.broker.declarations import Binding, Queue
from csms_shared.broker.incarnation import new_incarnation
from csms_shared.broker.link import Link
from csms_shared.broker.publisher import Outgoing, Publisher
from csms_shared.broker.requests import Correlator, Requester
from csms_shared.broker.topology import (
    CALLS,
    REQUESTS,
    SESSION_SERVICE,
    decisions_key,
    event_store_key,
    replies_queue,
)
from csms_shared.contracts.message_types import MessageType
from csms_shared.runtime.clock import now_ms
from csms_shared.service.inbox import Work
from csms_shared.service.owning_service import OwningService, opened
from session_service.process import session_service
from session_service.settings import Settings

WITHIN_S = 20.0
_FOLLOWED = ("csms.transaction.", "csms.meter_values.")


class Gateway:
    """Publishes calls and gathers replies and events, as a gateway and a listener would."""

    def __init__(self, link: Link) -> None:
        self.name = new_incarnation("gateway")
        self.publisher = Publisher(link)
        self.correlator = Correlator(self.name)
        self.requester = Requester(self.publisher, self.correlator)
        self.replies: list[dict[str, Any]] = []
        self.events: list[dict[str, Any]] = []
        queue = replies_queue(self.name)
        self.queue = Queue(
            queue.name,
            queue.arguments,
            # What the event store is told.
            (*queue.bindings, Binding(REQUESTS, event_store_key())),
        )
        self.consumer = Consumer(link, self.queue, self.take, prefetch=100)

    async def take(self, deliveries: list[Delivery]) -> None:
        """Keep what came."""
        for delivery in deliveries:
            if self.correlator.resolve(delivery):
                continue
            document = orjson.loads(delivery.body)
            if isinstance(document, list):
                self.events += [event for event in document if event["type"].startswith(_FOLLOWED)]
            else:
                self.replies += document["items"]

    async def send(self, *works: Work) -> None:
        """Publish calls of one action as one batch."""
        envelope = works[0].envelope | {"reply_key": f"{self.name}.calls"}
        body = orjson.dumps({**envelope, "items": [work.item for work in works]})
        key = f"{envelope['version']}.{envelope['action']}"
        await self.publisher.publish(Outgoing(CALLS, key, MessageType.CALLS, body))

    async def probe(self) -> bytes:
        """Ask the decision path whether it answers."""
        correlation_id, reply_key, future = self.correlator.expect()
        body = {
            "items": [{"sent_ms": now_ms()}],
            "reply_key": reply_key,
            "correlation_id": correlation_id,
            "deadline_ms": now_ms() + 5000,
        }
        await self.publisher.publish(
            Outgoing(
                REQUESTS, decisions_key(SESSION_SERVICE), MessageType.PROBE, orjson.dumps(body)
            )
        )
        return await asyncio.wait_for(future, WITHIN_S)


async def until(condition: Callable[[], Awaitable[bool] | bool]) -> None:
    """Wait for a condition, not for luck."""
    async with asyncio.timeout(WITHIN_S):
        while True:
            met = condition()
            if isinstance(met, Awaitable):
                met = await met
            if met:
                return
            await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def running_replica(broker_url: str, session_url: str) -> AsyncIterator[OwningService]:
    """Run one process of the service until the context is left, from when it is ready."""
    settings = Settings(
        broker_url=SecretStr(broker_url), database_url=SecretStr(session_url), probe_port=0
    )
    stop = asyncio.Event()
    async with opened(SESSION_SERVICE, settings, session_service) as service:
        running = asyncio.create_task(service.run(stop))

        async def ready() -> bool:
            assert not running.done(), running.result()
            return not await service.missing()

        await until(ready)
        yield service
        stop.set()
        await asyncio.wait_for(running, WITHIN_S)


@contextlib.asynccontextmanager
async def running_gateway(broker_url: str) -> AsyncIterator[Gateway]:
    """Run a gateway until the context is left, from when replies reach it."""
    async with Link(broker_url, "tests") as link:
        gateway = Gateway(link)
        running = asyncio.create_task(gateway.consumer.run())
        await until(lambda: gateway.consumer.consuming)
        yield gateway
        await gateway.consumer.stop()
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
