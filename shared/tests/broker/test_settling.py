"""When everything that was delivered to a consumer is settled, and when it can't say so."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from broker_fakes import Recorder, Waiter, new_queue, numbers_for, until

from csms_shared.broker.consumer import Consumer, Delivery
from csms_shared.broker.declarations import Queue
from csms_shared.broker.link import Link
from csms_shared.broker.publisher import Publisher
from csms_shared.broker.queue_state import QueueState
from csms_shared.broker.unacknowledged import NotSettled
from csms_shared.runtime.errors import Unavailable


class Blocked:
    """A handler that is told when to go on, and how."""

    def __init__(self) -> None:
        self.seen: list[int] = []
        self.let_go = asyncio.Event()
        self.failures: list[Exception] = []

    async def __call__(self, deliveries: list[Delivery]) -> None:
        self.seen += [item for delivery in deliveries for item in delivery.items()]
        await self.let_go.wait()
        if self.failures:
            raise self.failures.pop(0)


@contextlib.asynccontextmanager
async def consuming(consumer: Consumer) -> AsyncIterator[Consumer]:
    running = asyncio.create_task(consumer.run())
    await until(lambda: consumer.consuming)
    try:
        yield consumer
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def ended(task: "asyncio.Task[QueueState]") -> bool:
    """Tell whether a task has ended after the loop has gone round a good many times."""
    await asyncio.wait((task,), timeout=0.3)
    return task.done()


async def declared(link: Link) -> Queue:
    queue = new_queue()
    await link.declare(queue)
    return queue


async def test_what_waits_behind_a_batch_is_waited_for_too_and_what_comes_later_is_not(
    link: Link,
) -> None:
    queue, blocked, publisher = await declared(link), Blocked(), Publisher(link)
    async with consuming(Consumer(link, queue, blocked, prefetch=2)) as consumer:
        await publisher.publish(numbers_for(queue, 0))
        await until(lambda: blocked.seen == [0])
        await publisher.publish(numbers_for(queue, 1))
        first = asyncio.create_task(consumer.wait_until_settled())
        assert not await ended(first)
        await publisher.publish(numbers_for(queue, 2))
        second = asyncio.create_task(consumer.wait_until_settled())
        assert not await ended(second)
        blocked.let_go.set()
        assert await first == QueueState(messages=0, consumers=1)
        # The third was not delivered yet: no more than two are unacknowledged.
        assert await second == QueueState(messages=1, consumers=1)
        await until(lambda: blocked.seen == [0, 1, 2])


async def test_an_idle_consumer_has_settled_everything_at_once(link: Link) -> None:
    queue, recorder = await declared(link), Recorder()
    async with (
        consuming(Consumer(link, queue, recorder, prefetch=2)) as one,
        consuming(Consumer(link, queue, recorder, prefetch=2)) as other,
    ):
        states = await asyncio.gather(one.wait_until_settled(), other.wait_until_settled())
        assert set(states) == {QueueState(messages=0, consumers=2)}


async def test_all_that_was_stored_before_the_question_is_waited_for_each_time(
    link: Link,
) -> None:
    queue, recorder, publisher = await declared(link), Recorder(), Publisher(link)
    async with consuming(Consumer(link, queue, recorder, prefetch=5)) as consumer:
        for number in range(300):
            await publisher.publish(numbers_for(queue, number))
            state = await consumer.wait_until_settled()
            assert state.messages or len(recorder.items) == number + 1


async def test_a_consumer_says_nothing_of_what_it_gave_back(link: Link) -> None:
    queue, blocked, publisher = await declared(link), Blocked(), Publisher(link)
    blocked.failures.append(ValueError("a defect"))
    async with consuming(Consumer(link, queue, blocked, prefetch=2)) as consumer:
        await publisher.publish(numbers_for(queue, 0))
        await until(lambda: blocked.seen == [0])
        asked = asyncio.create_task(consumer.wait_until_settled())
        assert not await ended(asked)
        blocked.let_go.set()
        with pytest.raises(NotSettled):
            await asked
        await until(lambda: blocked.seen == [0, 0])
        await consumer.wait_until_settled()


async def test_a_consumer_says_nothing_of_what_it_split(link: Link) -> None:
    queue, waiter, publisher = await declared(link), Waiter(), Publisher(link)
    await publisher.publish(numbers_for(queue, 0, 1, 2))
    async with consuming(Consumer(link, queue, waiter, prefetch=2)):
        await until(lambda: waiter.handled == [0, 1, 2])
    blocked = Blocked()
    again = Consumer(link, queue, blocked, prefetch=1, publisher=publisher)
    running = asyncio.create_task(again.run())
    blocked.let_go.set()
    await until(lambda: sorted(blocked.seen) == [0, 1, 2])
    assert again._unacknowledged.returns == 1
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_consumer_that_is_gone_says_nothing(link: Link) -> None:
    queue, blocked, publisher = await declared(link), Blocked(), Publisher(link)
    async with consuming(Consumer(link, queue, blocked, prefetch=2)) as consumer:
        await publisher.publish(numbers_for(queue, 0))
        await until(lambda: blocked.seen == [0])
        asked = asyncio.create_task(consumer.wait_until_settled())
        assert not await ended(asked)
    with pytest.raises(NotSettled):
        await asked
    with pytest.raises(NotSettled):
        await consumer.wait_until_settled()


async def test_one_that_is_paused_with_a_batch_counts_and_says_nothing(
    link: Link,
) -> None:
    queue, blocked, publisher = await declared(link), Blocked(), Publisher(link)
    blocked.failures += [Unavailable("away") for _ in range(3)]
    blocked.let_go.set()
    async with (
        consuming(Consumer(link, queue, blocked, prefetch=2)) as paused,
    ):
        await publisher.publish(numbers_for(queue, 0))
        await until(lambda: not paused.consuming)
        async with consuming(Consumer(link, queue, Recorder(), prefetch=2)) as other:
            with pytest.raises(NotSettled):
                await paused.wait_until_settled()
            assert await other.wait_until_settled() == QueueState(messages=0, consumers=2)
            await until(lambda: paused.consuming)
            assert await paused.wait_until_settled() == QueueState(messages=0, consumers=2)


async def test_who_stops_waiting_costs_the_consumer_nothing(link: Link) -> None:
    queue, recorder, publisher = await declared(link), Recorder(), Publisher(link)
    async with consuming(Consumer(link, queue, recorder, prefetch=2)) as consumer:
        for _ in range(50):
            asking = asyncio.create_task(consumer.wait_until_settled())
            await asyncio.sleep(0)
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
        await publisher.publish(numbers_for(queue, 0))
        await recorder.wait_for(1)
        assert (await consumer.wait_until_settled()).messages == 0
        assert consumer._unacknowledged.returns == 0
