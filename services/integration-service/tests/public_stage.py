"""The feed of the public exchange, with subscribers that read and subscribers that do not."""

import asyncio
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import orjson
from event_books import Books, told
from prometheus_client import REGISTRY

from csms_shared.broker.consumer import Consumer, Delivery
from csms_shared.broker.declarations import Binding, Queue
from csms_shared.broker.errors import PublishReturned, PublishUnconfirmed
from csms_shared.broker.link import Link
from csms_shared.broker.publisher import Outgoing, Publisher
from csms_shared.broker.topology import EVENTS, incarnation_queue
from csms_shared.db.outbox_publishing import public_publisher
from integration_service.public_exchange.feed import PublicFeed

WITHIN_S = 30.0
Outcome = PublishReturned | PublishUnconfirmed | None


class FakePublisher(Publisher):
    """Keeps what would be published; `outcome` says how each ends, and what the broker does."""

    def __init__(self, outcome: Outcome, *, answers: bool = True):
        super().__init__(Link("amqp://nobody", "test"))
        self.outcome = outcome
        self.answers = answers
        self.sent: list[Outgoing] = []

    async def publish_all(self, messages: list[Outgoing], timeout: float = 1.0) -> list[Outcome]:
        """Keep messages."""
        self.sent += messages
        return [self.outcome for _ in messages]

    async def broker_answers(self, timeout: float) -> bool:
        """Tell what was told."""
        return self.answers


@dataclass
class Reader:
    """What came for one queue: its messages as (routing key, events)."""

    messages: list[tuple[str, list[dict[str, Any]]]] = field(default_factory=list)

    async def __call__(self, deliveries: list[Delivery]) -> None:
        self.messages += [(one.routing_key, orjson.loads(one.body)) for one in deliveries]

    @property
    def events(self) -> list[dict[str, Any]]:
        """Every event, as often as it came."""
        return [event for _, events in self.messages for event in events]

    @property
    def copies(self) -> Counter[int]:
        """How often each number came."""
        return Counter(event["data"]["n"] for event in self.events)

    def first_positions(self, subject: str) -> list[int]:
        """Return the positions of a subject's events in the order in which they came first."""
        own = [int(one["position"]) for one in self.events if one["subject"] == subject]
        return [*dict.fromkeys(own)]


class PublicStage:
    """A store, the feed on a real broker, and subscribers."""

    def __init__(self, books: Books, broker_url: str) -> None:
        self.books = books
        self.key = f"test-{uuid.uuid4().hex}"
        self.link = Link(broker_url, "test")
        self._public_link = Link(broker_url, "test public")
        self.feed = self.another_feed()
        self._tasks: list[asyncio.Task[None]] = []
        self._numbers = 0

    def another_feed(self, publisher: Publisher | None = None) -> PublicFeed:
        """Return the feed of one more replica."""
        return PublicFeed(self.books.engine, publisher or public_publisher(self._public_link))

    async def read(self, name: str, *keys: str) -> Reader:
        """Read a new queue that is bound by these keys."""
        bindings = [Binding(EVENTS, key) for key in keys]
        queue = incarnation_queue(f"{self.key}.{name}", *bindings, expires_ms=60_000)
        await self.link.declare(queue)
        return self.read_too(queue)

    def read_too(self, queue: Queue) -> Reader:
        """Read a queue that is there."""
        reader = Reader()
        consumer = Consumer(self.link, queue, reader, prefetch=50, in_order=True)
        self._tasks.append(asyncio.create_task(consumer.run()))
        return reader

    async def refuse(self, kind: str, *keys: str) -> Queue:
        """Bind a queue of one message that nobody reads."""
        queue = Queue(
            f"{self.key}.full.v1",
            {
                "x-queue-type": kind,
                "x-max-length": 1,
                "x-overflow": "reject-publish",
                "x-expires": 60_000,
            },
            tuple(Binding(EVENTS, key) for key in keys),
        )
        await self.link.declare(queue)
        return queue

    async def write(self, count: int, *keys: str) -> None:
        """Store events one by one, in batches of their own."""
        for _ in range(count):
            self._numbers += 1
            key = keys[self._numbers % len(keys)]
            await self.books.store([told(self._numbers, key=key)])
            self.feed.wake()

    def begin(self, feed: PublicFeed | None = None) -> asyncio.Task[None]:
        """Run a feed."""
        task = asyncio.create_task((feed or self.feed).run())
        self._tasks.append(task)
        return task

    async def position(self) -> int:
        """Return how far the feed is."""
        ((position,),) = await self.books.rows("SELECT position FROM public_feed")
        return int(position)

    async def until_all_is_told(self) -> None:
        """Wait until the feed is as far as the store."""
        ((head,),) = await self.books.rows("SELECT position FROM event_head")

        async def told_all() -> bool:
            return await self.position() == int(head)

        await until(told_all)

    async def deferred(self) -> int:
        """Count the messages that are kept."""
        return len(await self.books.rows("SELECT 1 FROM public_deferred"))

    async def until_nothing_is_deferred(self, feed: PublicFeed | None = None) -> None:
        """Wait until what is kept has been taken; try it at once where a feed is given."""
        async with asyncio.timeout(WITHIN_S):
            while await self.deferred():
                if feed is not None:
                    await feed.retry_round()
                await asyncio.sleep(0.02)

    async def close(self) -> None:
        """End what was begun."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.link.close()
        await self._public_link.close()


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


def counted(name: str) -> float:
    """Return what a counter shows."""
    return REGISTRY.get_sample_value(name) or 0.0
