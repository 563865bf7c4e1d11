"""A relay on a real broker and a real database, with queues that are read and that are not."""

import asyncio
import uuid
from collections import Counter
from dataclasses import dataclass, field

import orjson
from outbox_fakes import FakePublisher, make_event
from prometheus_client import REGISTRY
from sqlalchemy import MetaData, text
from sqlalchemy.ext.asyncio import AsyncEngine

from csms_shared.broker.consumer import Consumer, Delivery
from csms_shared.broker.declarations import Binding, Queue
from csms_shared.broker.link import Link
from csms_shared.broker.publisher import Publisher
from csms_shared.broker.topology import incarnation_queue
from csms_shared.db.outbox import OutboxRelay, write_events
from csms_shared.db.tables import outbox_table

OUTBOX = outbox_table(MetaData())
# Two of the routing keys that the suite itself follows.
FOLLOWED, FOLLOWED_TOO = "station.offline", "transaction.started"
WITHIN_S = 30.0


@dataclass
class Reader:
    """What came for one queue: how often each number of one source."""

    source: str
    copies: Counter[int] = field(default_factory=Counter)

    async def __call__(self, deliveries: list[Delivery]) -> None:
        for delivery in deliveries:
            for event in orjson.loads(delivery.body):
                if event["source"] == self.source:
                    self.copies[event["data"]["n"]] += 1


class Stage:
    """A relay on a real broker, with queues that are read and queues that are not."""

    def __init__(self, engine: AsyncEngine, broker_url: str) -> None:
        self.engine = engine
        self.key = f"test-{uuid.uuid4().hex}"
        self.source = f"/csms/{self.key}"
        self.link = Link(broker_url, "test")
        self.relay = OutboxRelay(engine, OUTBOX, Publisher(self.link))
        self._consumers: list[Consumer] = []
        self._full: list[Queue] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._numbers = 0

    async def read(self, name: str, *bindings: Binding) -> Reader:
        """Read a new queue."""
        queue = incarnation_queue(f"{self.key}.{name}", *bindings, expires_ms=60_000)
        await self.link.declare(queue)
        return await self.read_too(queue)

    async def read_too(self, queue: Queue) -> Reader:
        """Read a queue that is there."""
        reader = Reader(self.source)
        consumer = Consumer(self.link, queue, reader, prefetch=50)
        self._consumers.append(consumer)
        self._tasks.append(asyncio.create_task(consumer.run()))
        return reader

    async def refuse(self, kind: str, *bindings: Binding) -> Queue:
        """Bind a queue of one message that nobody reads."""
        queue = Queue(
            f"{self.key}.full.v1",
            {
                "x-queue-type": kind,
                "x-max-length": 1,
                "x-overflow": "reject-publish",
                "x-expires": 60_000,
            },
            bindings,
        )
        await self.link.declare(queue)
        self._full.append(queue)
        return queue

    async def write(self, count: int, *keys: str) -> None:
        """Commit events, one after the other, each in a transaction of its own."""
        for _ in range(count):
            self._numbers += 1
            event = make_event(self._numbers, self.source)
            key = keys[self._numbers % len(keys)]
            async with self.engine.begin() as connection:
                await write_events(connection, OUTBOX, [(key, event)])
            self.relay.wake()

    def begin(self) -> None:
        self._tasks.append(asyncio.create_task(self.relay.run()))

    async def rows(self, statement: str) -> list[tuple[object, ...]]:
        async with self.engine.connect() as connection:
            return [tuple(row) for row in await connection.execute(text(statement))]

    async def waiting(self) -> int:
        """Count the rows that no round has taken."""
        ((count,),) = await self.rows("SELECT count(*) FROM outbox WHERE published_at IS NULL")
        return int(str(count))

    async def until_all_are_taken(self) -> None:
        """Wait for the end of the round: what is read may not be marked yet."""
        async with asyncio.timeout(WITHIN_S):
            while await self.waiting():
                await asyncio.sleep(0.02)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        # The keys are those that other tests use too.
        channel = await self.link.consume_channel(1)
        for queue in self._full:
            await channel.queue_delete(queue.name)
        await self.link.close()

    async def until_nothing_is_deferred(self, relay: OutboxRelay) -> None:
        """Try what is deferred until it has been taken."""
        async with asyncio.timeout(WITHIN_S):
            while await self.rows("SELECT 1 FROM outbox_deferred"):
                await relay.retry_round()
                await asyncio.sleep(0.02)


def sent_to(publisher: FakePublisher, exchange: str) -> list[str]:
    """Return the routing keys of what was published there."""
    return [one.routing_key for one in publisher.sent if one.exchange == exchange]


def counted(name: str) -> float:
    """Return what a counter shows."""
    return REGISTRY.get_sample_value(name) or 0.0
