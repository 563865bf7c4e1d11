"""A queue whose order counts: what comes first is handled first, whoever dies or waits."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

from broker_fakes import new_queue, numbers_for, until

from csms_shared.broker.consumer import Consumer, Delivery
from csms_shared.broker.declarations import Queue
from csms_shared.broker.link import Link
from csms_shared.broker.publisher import Publisher
from csms_shared.runtime.errors import Unavailable

COUNT = 60


class Process:
    """A consumer with a connection of its own, and what it has handled."""

    def __init__(self, broker_url: str, queue: Queue, seen: list[int]) -> None:
        self.link = Link(broker_url, "test")
        self.sizes: list[tuple[bool, int]] = []
        self.before: Callable[[list[int]], None] = lambda _: None
        self.holds = asyncio.Event()
        self.goes_on = asyncio.Event()
        self.hold_at: int | None = None
        self._seen = seen
        self.consumer = Consumer(self.link, queue, self._handle, prefetch=20, in_order=True)
        self.task = asyncio.create_task(self.consumer.run())

    async def _handle(self, deliveries: list[Delivery]) -> None:
        self.sizes.append((any(one.redelivered for one in deliveries), len(deliveries)))
        numbers = [item for delivery in deliveries for item in delivery.items()]
        if self.hold_at in numbers:
            self.holds.set()
            await self.goes_on.wait()
        self.before(numbers)
        self._seen.extend(numbers)

    async def die(self) -> None:
        """Lose the connection in the middle of what it does."""
        self.task.cancel()
        await self.link.close()
        await asyncio.gather(self.task, return_exceptions=True)

    async def stop(self) -> None:
        """End in good order."""
        await self.consumer.stop()
        await self.task
        await self.link.close()


async def _one_at_a_time(link: Link) -> Queue:
    queue = new_queue()
    queue = replace(queue, arguments={**queue.arguments, "x-single-active-consumer": True})
    await link.declare(queue)
    return queue


async def _publish(link: Link, queue: Queue, count: int = COUNT) -> None:
    publisher = Publisher(link)
    for number in range(count):
        await publisher.publish(numbers_for(queue, number))


async def test_what_a_dead_consumer_held_comes_again_in_order_and_one_by_one(
    link: Link, broker_url: str
) -> None:
    queue, seen = await _one_at_a_time(link), list[int]()
    await _publish(link, queue)
    first = Process(broker_url, queue, seen)
    first.hold_at = 0
    await first.holds.wait()
    await first.die()
    assert seen == []
    second = Process(broker_url, queue, seen)
    await until(lambda: len(seen) == COUNT)
    await second.stop()
    assert seen == [*range(COUNT)]
    again = [size for redelivered, size in second.sizes if redelivered]
    assert again
    assert set(again) == {1}


async def test_a_death_in_the_middle_repeats_and_overtakes_nothing(
    link: Link, broker_url: str
) -> None:
    queue, seen = await _one_at_a_time(link), list[int]()
    first, second = Process(broker_url, queue, seen), Process(broker_url, queue, seen)
    for process in (first, second):
        process.hold_at = COUNT // 2
    await _publish(link, queue)
    holds = [asyncio.create_task(one.holds.wait()) for one in (first, second)]
    done, _ = await asyncio.wait(holds, return_when=asyncio.FIRST_COMPLETED)
    dying, living = (first, second) if holds[0] in done else (second, first)
    living.goes_on.set()
    await dying.die()
    await until(lambda: set(seen) == {*range(COUNT)})
    for hold in holds:
        hold.cancel()
    await living.stop()
    assert [*dict.fromkeys(seen)] == [*range(COUNT)]


async def test_nobody_overtakes_a_consumer_that_waits_for_its_database(
    link: Link, broker_url: str
) -> None:
    queue, seen = await _one_at_a_time(link), list[int]()
    waiting, failures = Process(broker_url, queue, seen), list[int]()

    def away(numbers: list[int]) -> None:
        if len(failures) < 4:
            failures.extend(numbers[:1])
            raise Unavailable("away")

    waiting.before = away
    await until(lambda: waiting.consumer.consuming)
    other = Process(broker_url, queue, seen)
    await until(lambda: other.consumer.consuming)
    await _publish(link, queue)
    await until(lambda: len(seen) == COUNT)
    assert failures == [0] * 4
    assert seen == [*range(COUNT)]
    for process in (waiting, other):
        await process.stop()


async def test_a_batch_that_fails_is_not_overtaken_and_its_cause_is_dead_lettered_alone(
    link: Link, broker_url: str
) -> None:
    parking = new_queue()
    queue = new_queue()
    dead_letters = {
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": parking.name,
        "x-overflow": "reject-publish",
        "x-dead-letter-strategy": "at-least-once",
    }
    queue = replace(queue, arguments={**queue.arguments, **dead_letters}, parking=parking)
    await link.declare(parking, queue)
    seen, parked = list[int](), list[int]()
    await _publish(link, queue)
    process = Process(broker_url, queue, seen)

    def fail(numbers: list[int]) -> None:
        if 30 in numbers:
            raise RuntimeError("a defect")

    process.before = fail
    await until(lambda: len(seen) == COUNT - 1)
    await process.stop()
    assert seen == [n for n in range(COUNT) if n != 30]
    reader = Process(broker_url, parking, parked)
    await until(lambda: parked == [30])
    await reader.stop()
