"""A report may change hands between the answers of two replicas to one question (ADR 0011)."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from session_fakes import until

from csms_shared.broker.consumer import Consumer, Delivery, Rest
from csms_shared.broker.declarations import Queue
from csms_shared.broker.incarnation import new_incarnation
from csms_shared.broker.link import Link
from csms_shared.broker.publisher import DEFAULT_EXCHANGE, Outgoing, Publisher
from csms_shared.broker.replies import Replies
from csms_shared.broker.topology import SESSION_SERVICE, replica_queue
from session_service.amqp import reports_barrier
from session_service.amqp.reports_barrier import Barrier, ReplicaInbox

# For what must not happen: a slow machine makes it pass, never fail.
MEANWHILE_S = 1.0


class Storing:
    """Stores what it is given once it is let go."""

    def __init__(self) -> None:
        self.taken = 0
        self.let_go = asyncio.Event()

    async def __call__(self, deliveries: list[Delivery]) -> None:
        self.taken += len(deliveries)
        await self.let_go.wait()


class Replica:
    """The part of a process that stores reports, and the part that is asked about them."""

    def __init__(self, link: Link, reports: Queue, replies: Replies) -> None:
        self.storing = Storing()
        self.reports = Consumer(link, reports, self.storing, prefetch=10)
        name = new_incarnation(SESSION_SERVICE)
        self.barrier = Barrier(Publisher(link), name)
        self.own = replica_queue(SESSION_SERVICE, name)
        self.inbox = ReplicaInbox(self.barrier, name, [self.reports], replies)
        self.answered = 0
        self.asked = Consumer(link, self.own, self._take, prefetch=10)

    async def _take(self, deliveries: list[Delivery]) -> Rest | None:
        rest = await self.inbox(deliveries)
        return None if rest is None else lambda: self._answer(rest)

    async def _answer(self, rest: Callable[[], Awaitable[None]]) -> None:
        await rest()
        self.answered += 1


@contextlib.asynccontextmanager
async def consuming(consumer: Consumer) -> AsyncIterator[None]:
    running = asyncio.create_task(consumer.run())
    await until(lambda: consumer.consuming)
    try:
        yield
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@contextlib.asynccontextmanager
async def two_replicas(
    broker_url: str,
) -> AsyncIterator[tuple[Replica, Replica, Callable[[], Awaitable[None]]]]:
    """Two replicas of which nothing runs yet, and what publishes a report."""
    name = f"test-{new_incarnation('reports')}.v1"
    reports = Queue(name, {"x-queue-type": "quorum", "x-expires": 60_000})
    async with Link(broker_url, "tests") as link:
        publisher = Publisher(link)
        replies = Replies(publisher, lambda: Publisher(link))
        one, other = (Replica(link, reports, replies) for _ in range(2))
        await link.declare(reports, one.own, other.own)

        async def publish() -> None:
            await publisher.publish(Outgoing(DEFAULT_EXCHANGE, name, "test.v1", b"{}"))

        yield one, other, publish


@pytest.mark.parametrize("asked_before", [False, True])
async def test_what_one_replica_gives_back_to_another_that_has_answered_is_waited_for(
    broker_url: str, monkeypatch: pytest.MonkeyPatch, asked_before: bool
) -> None:
    monkeypatch.setattr(reports_barrier, "ROUND_S", 20.0)
    async with (
        two_replicas(broker_url) as (one, other, publish),
        consuming(one.asked),
        contextlib.AsyncExitStack() as stack,
    ):
        async with consuming(other.reports):
            if asked_before:
                async with consuming(one.reports), consuming(other.asked):
                    await asyncio.wait_for(one.barrier.wait(), 20)
            await publish()
            await until(lambda: other.storing.taken == 1)
            await stack.enter_async_context(consuming(one.reports))
            before = one.answered
            waiting = asyncio.create_task(one.barrier.wait())
            await until(lambda: one.answered > before)
        # The other's channel is gone, and with it the report, which comes to the one.
        await until(lambda: one.storing.taken == 1)
        await stack.enter_async_context(consuming(other.reports))
        await stack.enter_async_context(consuming(other.asked))
        await until(lambda: other.answered > int(asked_before))
        await asyncio.wait((waiting,), timeout=MEANWHILE_S)
        assert not waiting.done()
        one.storing.let_go.set()
        await asyncio.wait_for(waiting, 20)
