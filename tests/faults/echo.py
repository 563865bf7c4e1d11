"""A shim on the bus: what passes an exchange comes again, late and in another order."""

import asyncio
import random
from collections.abc import Callable, Sequence

from csms_shared.broker.consumer import Consumer, Delivery
from csms_shared.broker.declarations import Binding, Queue
from csms_shared.broker.link import Link
from csms_shared.broker.publisher import DEFAULT_EXCHANGE, Outgoing, Publisher
from csms_shared.broker.topology import (
    CALLS,
    REPLIES,
    SESSION_SERVICE,
    STATION_REGISTRY,
    command_results_queue,
    decisions_queue,
    reports_queue,
)
from tests.faults.faulty_suite import FaultySuite

_PREFETCH = 100
_GET_S = 5.0
_TARGETS = {
    binding.routing_key: queue.name
    for service in (STATION_REGISTRY, SESSION_SERVICE)
    for queue in (decisions_queue(service), reports_queue(service))
    for binding in queue.bindings
    if binding.exchange == CALLS
}


def call_target(routing_key: str) -> str | None:
    """Return the work queue that a station's call goes to."""
    return _TARGETS.get(routing_key)


def report_target(routing_key: str) -> str | None:
    """Return the durable queue of what became of commands."""
    return command_results_queue().name if routing_key.endswith(".command") else None


class Echo:
    """Delivers a copy of each message up to `within_s` seconds later, straight into its queue.

    With `within_s` None it only keeps what has passed, in `kept`.
    """

    def __init__(
        self,
        suite: FaultySuite,
        exchange: str,
        target: Callable[[str], str | None],
        within_s: float | None,
    ) -> None:
        self.kept: list[Delivery] = []
        self.repeated = 0
        self._target = target
        self._within_s = within_s
        self._link = Link(suite.state().broker_url, "bus shim")
        self._publisher = Publisher(self._link)
        self._queue = Queue(
            f"fault-tests.echo-{random.getrandbits(32):08x}.v1",
            {"x-queue-type": "classic", "x-expires": 60_000},
            (Binding(exchange, "#"),),
        )
        self._consumer = Consumer(self._link, self._queue, self._take, prefetch=_PREFETCH)
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> "Echo":
        await self._link.declare(self._queue)
        self._running = asyncio.create_task(self._consumer.run(), name="bus shim")
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.gather(*self._tasks)
        await self._consumer.stop()
        self._running.cancel()
        await asyncio.gather(self._running, return_exceptions=True)
        await self._link.close()

    async def repeat(self, deliveries: Sequence[Delivery]) -> None:
        """Put copies into the queues that the originals went to."""
        copies = [
            Outgoing(DEFAULT_EXCHANGE, queue, delivery.type, delivery.body)
            for delivery in deliveries
            if (queue := self._target(delivery.routing_key)) is not None
        ]
        outcomes = await self._publisher.publish_all(copies)
        self.repeated += outcomes.count(None)

    async def take_away(self, queue: str) -> list[bytes]:
        """Empty a queue that nobody reads; return the bodies of what is lost now."""
        channel = await self._link.consume_channel(1)
        taken = []
        try:
            source = await channel.get_queue(queue, ensure=False)
            while (message := await source.get(fail=False, timeout=_GET_S)) is not None:
                await message.ack()
                taken.append(message.body)
        finally:
            await channel.close()
        return taken

    async def _take(self, deliveries: list[Delivery]) -> None:
        of_interest = [one for one in deliveries if self._target(one.routing_key) is not None]
        self.kept += of_interest
        if self._within_s is None:
            return
        for delivery in of_interest:
            task = asyncio.create_task(self._repeat_later(delivery, self._within_s))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _repeat_later(self, delivery: Delivery, within_s: float) -> None:
        await asyncio.sleep(random.uniform(0, within_s))
        await self.repeat([delivery])


def echo_of_calls(suite: FaultySuite, within_s: float) -> Echo:
    """Repeat the calls of stations."""
    return Echo(suite, CALLS, call_target, within_s)


def echo_of_reports(suite: FaultySuite, within_s: float | None) -> Echo:
    """Repeat what gateways report of commands, or only keep it."""
    return Echo(suite, REPLIES, report_target, within_s)
