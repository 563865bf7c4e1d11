"""What comes again is taken apart, so that what is bad costs no neighbour."""

import asyncio
import uuid

import orjson
from aio_pika.abc import AbstractIncomingMessage
from broker_fakes import Recorder, new_queue, numbers_for, run_until, until

from csms_shared.broker.consumer import Consumer, Delivery
from csms_shared.broker.declarations import Queue
from csms_shared.broker.errors import PublishReturned, PublishUnconfirmed
from csms_shared.broker.link import Link
from csms_shared.broker.publisher import DEFAULT_EXCHANGE, Outgoing, Publisher
from csms_shared.broker.topology import DELIVERY_LIMIT, SESSION_SERVICE, reports_queue


async def test_a_redelivered_batch_is_split_into_its_items(link: Link) -> None:
    queue, publisher = new_queue(), Publisher(link)
    sizes: list[int] = []
    recorder = Recorder([RuntimeError("a defect outside any item")])

    async def handler(deliveries: list[Delivery]) -> None:
        sizes.extend(len(delivery.items()) for delivery in deliveries)
        await recorder(deliveries)

    await link.declare(queue)
    await publisher.publish(numbers_for(queue, 1, 2, 3))
    consumer = Consumer(link, queue, handler, prefetch=20, publisher=publisher)
    await run_until(consumer, recorder, 3)
    assert sizes == [3, 1, 1, 1]
    assert sorted(recorder.items) == [1, 2, 3]


async def test_a_redelivered_batch_of_events_is_split_into_its_events(link: Link) -> None:
    queue, publisher = new_queue(), Publisher(link)
    sizes: list[int] = []
    kinds: set[str | None] = set()
    recorder = Recorder([RuntimeError("a defect outside any item")])

    async def handler(deliveries: list[Delivery]) -> None:
        sizes.extend(len(delivery.items()) for delivery in deliveries)
        kinds.update(delivery.message.content_type for delivery in deliveries)
        assert all(isinstance(orjson.loads(delivery.body), list) for delivery in deliveries)
        await recorder(deliveries)

    await link.declare(queue)
    body = orjson.dumps([1, 2, 3])
    kind = "application/cloudevents-batch+json"
    await publisher.publish(Outgoing(DEFAULT_EXCHANGE, queue.name, "events.v1", body, kind))
    consumer = Consumer(link, queue, handler, prefetch=20, publisher=publisher)
    await run_until(consumer, recorder, 3)
    assert sizes == [3, 1, 1, 1]
    assert sorted(recorder.items) == [1, 2, 3]
    assert kinds == {kind}


class Forgetful(Publisher):
    """Publishes, and says of the first batch that all but its first message is unconfirmed."""

    def __init__(self, link: Link) -> None:
        super().__init__(link)
        self.batches: list[int] = []

    async def publish_all(
        self, messages: list[Outgoing], timeout: float = 5.0
    ) -> list[PublishReturned | PublishUnconfirmed | None]:
        self.batches.append(len(messages))
        if len(self.batches) > 1:
            return await super().publish_all(messages, timeout)
        stored = await super().publish_all(messages[:1], timeout)
        return [*stored, *(PublishUnconfirmed("no confirm") for _ in messages[1:])]


async def test_splitting_waits_for_the_broker_and_publishes_each_item_once(link: Link) -> None:
    queue, publisher = new_queue(), Forgetful(link)
    deliveries: list[tuple[bool, int]] = []
    recorder = Recorder([RuntimeError("a defect outside any item")])

    async def handler(batch: list[Delivery]) -> None:
        deliveries.extend((delivery.redelivered, len(delivery.items())) for delivery in batch)
        await recorder(batch)

    await link.declare(queue)
    await publisher.publish(numbers_for(queue, 1, 2, 3))
    consumer = Consumer(link, queue, handler, prefetch=20, publisher=publisher)
    await run_until(consumer, recorder, 3)
    assert publisher.batches == [3, 2]
    assert deliveries == [(False, 3), (False, 1), (False, 1), (False, 1)]
    assert sorted(recorder.items) == [1, 2, 3]


async def test_a_message_that_kills_its_consumer_takes_no_neighbour_with_it(
    broker_url: str,
) -> None:
    parking = Queue(f"test-parked-{uuid.uuid4().hex}", {"x-queue-type": "quorum"})
    arguments = {
        **reports_queue(SESSION_SERVICE).arguments,
        "x-dead-letter-routing-key": parking.name,
    }
    queue = Queue(f"test-{uuid.uuid4().hex}", arguments, parking=parking)
    poison, neighbours = 0, range(1, 30)
    handled: set[int] = set()
    dying = asyncio.Event()

    async def handler(deliveries: list[Delivery]) -> None:
        items = [item for delivery in deliveries for item in delivery.items()]
        if poison in items:
            # As a process that dies: nothing more is acknowledged over this connection.
            dying.set()
            await asyncio.Event().wait()
        handled.update(items)

    async with Link(broker_url, "watch") as watch:
        await watch.declare(parking, queue)
        publisher = Publisher(watch)
        await publisher.publish_all([numbers_for(queue, n) for n in (poison, *neighbours)])
        for _ in range(DELIVERY_LIMIT + 1):
            dying.clear()
            async with Link(broker_url, "dying") as link:
                running = asyncio.create_task(Consumer(link, queue, handler, prefetch=50).run())
                async with asyncio.timeout(10):
                    await dying.wait()
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)
        parked = Recorder()
        consumer = Consumer(watch, parking, parked, prefetch=50)
        await run_until(consumer, parked, 1)
    assert parked.items == [poison]
    assert handled == set(neighbours)


async def test_every_redelivered_message_is_acknowledged(link: Link) -> None:
    queue, recorder = new_queue(), Recorder()
    await link.declare(queue)
    sizes: list[int] = []
    handled: list[AbstractIncomingMessage] = []

    async def handler(deliveries: list[Delivery]) -> None:
        sizes.append(len(deliveries))
        handled.extend(delivery.message for delivery in deliveries)
        if len(sizes) == 1:
            # All that the prefetch lets through has come: groups of several follow.
            await until(lambda: len(consumer._waiting) == 60 - len(deliveries))
        await recorder(deliveries)

    await Publisher(link).publish_all([numbers_for(queue, number) for number in range(200)])
    channel = await link.consume_channel(250)
    held = await channel.get_queue(queue.name, ensure=False)
    arrived: list[object] = []

    async def hold(message: object) -> None:
        arrived.append(message)

    await held.consume(hold)
    await until(lambda: len(arrived) == 200)
    # Given back without an acknowledgement, as by a consumer that dies.
    await channel.close()
    consumer = Consumer(link, queue, handler, prefetch=60)
    running = asyncio.create_task(consumer.run())
    await recorder.wait_for(200)
    assert set(recorder.items) == set(range(200))
    assert max(sizes) > 1
    await until(lambda: all(message.processed for message in handled))
    await consumer.stop()
    await running
