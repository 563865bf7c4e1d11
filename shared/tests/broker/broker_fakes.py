"""Queues of a test, and handlers that do as they are told."""

import asyncio
import uuid
from collections.abc import Callable, Sequence

import orjson

from csms_shared.broker.consumer import Consumer, Delivery, Rest
from csms_shared.broker.declarations import Queue
from csms_shared.broker.link import Link
from csms_shared.broker.publisher import DEFAULT_EXCHANGE, Outgoing


def new_queue() -> Queue:
    return Queue(
        f"test-{uuid.uuid4().hex}.v1",
        {"x-queue-type": "quorum", "x-delivery-limit": 20, "x-expires": 60_000},
    )


def numbers_for(queue: Queue, *items: int) -> Outgoing:
    return Outgoing(DEFAULT_EXCHANGE, queue.name, "test.v1", orjson.dumps({"items": list(items)}))


async def until_nobody_consumes(link: Link, queue: Queue) -> None:
    channel = await link.consume_channel(1)
    async with asyncio.timeout(10):
        # A closed channel's consumer is gone a moment later.
        while True:
            found = await channel.declare_queue(queue.name, passive=True)
            if found.declaration_result.consumer_count == 0:
                break
            await asyncio.sleep(0.02)
    await channel.close()


class Recorder:
    """A handler that remembers what it was given, after failing as often as it was told to."""

    def __init__(self, failures: list[Exception] | None = None) -> None:
        self.failures = failures or []
        self.items: list[int] = []
        self.changed = asyncio.Condition()

    async def __call__(self, deliveries: list[Delivery]) -> None:
        async with self.changed:
            self.changed.notify_all()
            if self.failures:
                raise self.failures.pop(0)
            for delivery in deliveries:
                self.items += delivery.items()

    async def wait_for(self, count: int) -> None:
        async with asyncio.timeout(20), self.changed:
            await self.changed.wait_for(lambda: len(self.items) >= count)


async def run_until(consumer: Consumer, recorder: Recorder, count: int) -> None:
    """Let the consumer run until its handler was given as many items, and stop it."""
    running = asyncio.create_task(consumer.run())
    await recorder.wait_for(count)
    await consumer.stop()
    await running


class Waiter:
    """A handler whose rest of the first batch waits until it is let go, and may fail before."""

    def __init__(self, failures: Sequence[BaseException] = ()) -> None:
        self.failures = list(failures)
        self.let_go = asyncio.Event()
        self.handled: list[int] = []
        self.finished: list[int] = []

    async def __call__(self, deliveries: list[Delivery]) -> Rest | None:
        items = [item for delivery in deliveries for item in delivery.items()]
        first = not self.handled
        self.handled += items

        async def rest() -> None:
            await self.let_go.wait()
            if self.failures:
                raise self.failures.pop(0)
            self.finished.extend(items)

        return rest if first else None


async def until(condition: Callable[[], bool], within_s: float = 120.0) -> None:
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(0.01)
