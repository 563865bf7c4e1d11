"""This life of the gateway at the broker: its incarnation id and the queue that bears it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
import structlog

from csms_shared.broker.consumer import Consumer, Delivery
from csms_shared.broker.errors import RequestTimedOut
from csms_shared.broker.incarnation import new_incarnation
from csms_shared.broker.link import Link
from csms_shared.broker.publisher import Outgoing, Publisher
from csms_shared.broker.requests import Correlator
from csms_shared.broker.topology import INCARNATION_EXPIRES_MS, REQUESTS, gateway_queue
from csms_shared.contracts.message_types import MessageType
from csms_shared.runtime.clock import monotonic
from csms_shared.service.ending import end_tasks

log = structlog.get_logger(__name__)

_PREFETCH = 200
_WATCH_S = 1.0
_CONSUMING_POLL_S = 0.02
# Connected, and still no consumer: the node that the queue lived on is gone.
_UNDECLARABLE_S = 15.0

Handler = Callable[[list[Delivery]], Awaitable[None]]


class OwnQueue:
    """Consumes replies, commands and controls; takes a new incarnation when the queue is lost."""

    def __init__(self, name: str, link: Link, publisher: Publisher) -> None:
        self._name = name
        self._link = link
        self._publisher = publisher
        self._consumer: Consumer | None = None
        self.incarnation = new_incarnation(name)
        self._correlator = Correlator(self.incarnation)

    @property
    def consuming(self) -> bool:
        """Tell whether replies can arrive."""
        return self._consumer is not None and self._consumer.consuming

    async def until_consuming(self, within_s: float) -> bool:
        """Wait until replies can arrive, at most `within_s` seconds; tell whether they can."""
        deadline = monotonic() + within_s
        while not self.consuming and monotonic() < deadline:  # noqa: ASYNC110 - nothing notifies
            await asyncio.sleep(_CONSUMING_POLL_S)
        return self.consuming

    def resolve(self, delivery: Delivery) -> bool:
        """Hand over the reply to something that `ask` waits for."""
        return self._correlator.resolve(delivery)

    async def ask(
        self,
        routing_key: str,
        type: MessageType,
        items: list[dict[str, Any]],
        timeout: float,
        **envelope: Any,
    ) -> bytes:
        """Send one batch to a service's decision path and return its unbatched reply.

        Raises:
            BrokerError: no answer within `timeout` seconds, or the message was not stored.
        """
        correlation_id, reply_key, future = self._correlator.expect()
        body = orjson.dumps(
            {"reply_key": reply_key, "correlation_id": correlation_id, "items": items, **envelope}
        )
        deadline = monotonic() + timeout
        try:
            # By its own deadline, which costs a channel that does not confirm.
            await self._publisher.publish(Outgoing(REQUESTS, routing_key, type, body), timeout)
            async with asyncio.timeout(deadline - monotonic()):
                return await future
        except TimeoutError as error:
            raise RequestTimedOut(f"{routing_key} did not answer within {timeout} s") from error
        finally:
            self._correlator.forget(correlation_id)

    async def run(self, handler: Handler, on_renewed: Callable[[str], None]) -> None:
        """Consume until cancelled; `on_renewed` gets the previous incarnation's id."""
        while True:
            consumer = Consumer(
                self._link, gateway_queue(self.incarnation), handler, prefetch=_PREFETCH
            )
            self._consumer = consumer
            running = asyncio.create_task(consumer.run())
            try:
                await self._until_lost(consumer, running)
            finally:
                # Waited for, not awaited: its cancellation must not be taken for one's own.
                await end_tasks((running,))
            if not running.cancelled():
                running.result()
            previous = self.incarnation
            self.incarnation = new_incarnation(self._name)
            self._correlator = Correlator(self.incarnation)
            log.warning("incarnation_renewed", previous=previous, incarnation=self.incarnation)
            on_renewed(previous)

    async def _until_lost(self, consumer: Consumer, running: asyncio.Task[None]) -> None:
        lost_at: float | None = None
        connected_at: float | None = None
        while True:
            done, _ = await asyncio.wait({running}, timeout=_WATCH_S)
            if done:
                running.result()
                raise RuntimeError("the consumer of the gateway's own queue ended")
            now = monotonic()
            if consumer.consuming:
                lost_at = connected_at = None
                continue
            lost_at = lost_at or now
            connected_at = (connected_at or now) if self._link.is_open() else None
            if now - lost_at > INCARNATION_EXPIRES_MS / 1000:
                return
            if connected_at is not None and now - connected_at > _UNDECLARABLE_S:
                return
