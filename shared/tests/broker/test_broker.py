"""The broker wrapper against a real RabbitMQ."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator

import orjson
import pytest
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage

from csms_shared.broker.attendance import unattended
from csms_shared.broker.consumer import Consumer, Delivery, Rest
from csms_shared.broker.errors import BrokerUnavailable, PublishReturned, PublishUnconfirmed
from csms_shared.broker.incarnation import new_incarnation
from csms_shared.broker.link import Link
from csms_shared.broker.publisher import DEFAULT_EXCHANGE, Outgoing, Publisher
from csms_shared.broker.topology import (
    DELIVERY_LIMIT,
    SESSION_SERVICE,
    Queue,
    all_queues,
    gateway_queue,
    reports_queue,
)
from csms_shared.errors import Unavailable


@pytest.fixture
async def link(broker_url: str) -> AsyncIterator[Link]:
    async with Link(broker_url, "test") as opened:
        yield opened


def _queue() -> Queue:
    return Queue(
        f"test-{uuid.uuid4().hex}.v1",
        {"x-queue-type": "quorum", "x-delivery-limit": 20, "x-expires": 60_000},
    )


def _outgoing(queue: Queue, *items: int) -> Outgoing:
    return Outgoing(DEFAULT_EXCHANGE, queue.name, "test.v1", orjson.dumps({"items": list(items)}))


async def _outcome(publisher: Publisher, queue: Queue) -> object:
    return (await publisher.publish_all([_outgoing(queue, 1)]))[0]


async def _until_nobody_consumes(link: Link, queue: Queue) -> None:
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


async def test_the_whole_topology_can_be_declared_twice(link: Link) -> None:
    queues = (*all_queues(), gateway_queue(new_incarnation("gateway-1")))
    await link.declare(*queues)
    await link.declare(*queues)


async def test_a_queue_without_a_consumer_is_told_from_one_with_and_from_none(link: Link) -> None:
    attended, left, no_queue = _queue(), _queue(), f"no-{uuid.uuid4().hex}"
    await link.declare(attended, left)
    consumers = [Consumer(link, queue, Recorder(), prefetch=1) for queue in (attended, left)]
    running = [asyncio.create_task(consumer.run()) for consumer in consumers]
    await _until(lambda: all(consumer.consuming for consumer in consumers))
    names = (no_queue, attended.name, left.name)
    assert await unattended(link, names) == {no_queue}
    await consumers[1].stop()
    await _until_nobody_consumes(link, left)
    assert await unattended(link, names) == {no_queue, left.name}
    await consumers[0].stop()
    await asyncio.gather(*running)


async def test_a_broker_that_is_away_says_of_no_queue_that_it_has_no_consumer() -> None:
    async with Link("amqp://nobody@127.0.0.1:9/", "test") as nowhere:
        with pytest.raises(BrokerUnavailable):
            await unattended(nowhere, ["q"])


async def test_a_message_that_no_queue_takes_is_returned(link: Link) -> None:
    with pytest.raises(PublishReturned):
        await Publisher(link).publish(Outgoing("", f"no-{uuid.uuid4().hex}", "test.v1", b"{}"))


async def test_a_channel_that_refused_a_message_is_given_up_for_a_new_one(broker_url: str) -> None:
    full = Queue(
        f"test-{uuid.uuid4().hex}.v1",
        {
            "x-queue-type": "quorum",
            "x-overflow": "reject-publish",
            "x-max-length": 1,
            "x-expires": 60_000,
        },
    )
    opened: list[AbstractChannel] = []

    class Watched(Link):
        async def publish_channel(self) -> AbstractChannel:
            opened.append(await super().publish_channel())
            return opened[-1]

    async with Watched(broker_url, "test") as link:
        queue, publisher = _queue(), Publisher(link)
        await link.declare(full, queue)
        attempts = [await _outcome(publisher, full) for _ in range(6)]
        refusals = sum(isinstance(outcome, PublishUnconfirmed) for outcome in attempts)
        assert refusals > 0
        assert await publisher.publish_all([_outgoing(queue, n) for n in range(30)]) == [None] * 30
        await _until(lambda: sum(channel.is_closed for channel in opened) == refusals)
        assert len(opened) == 3 + refusals


async def test_what_was_published_is_handled_in_batches_and_acknowledged(link: Link) -> None:
    queue, recorder, publisher = _queue(), Recorder(), Publisher(link)
    await link.declare(queue)
    outcomes = await publisher.publish_all([_outgoing(queue, n, n + 1000) for n in range(50)])
    assert outcomes == [None] * 50
    consumer = Consumer(link, queue, recorder, prefetch=20)
    running = asyncio.create_task(consumer.run())
    await recorder.wait_for(100)
    await consumer.stop()
    await running
    assert sorted(recorder.items) == sorted([*range(50), *range(1000, 1050)])


async def test_a_consumer_that_is_cancelled_while_it_stops_leaves_nothing_consuming(
    link: Link,
) -> None:
    for turns in range(12):
        queue = _queue()
        consumer = Consumer(link, queue, Recorder(), prefetch=20)
        running = asyncio.create_task(consumer.run())
        await _until(lambda consumer=consumer: consumer.consuming)
        await consumer.stop()
        for _ in range(turns):
            await asyncio.sleep(0)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await _until_nobody_consumes(link, queue)


async def test_an_outage_of_the_database_pauses_the_consumer_and_loses_nothing(link: Link) -> None:
    queue, publisher = _queue(), Publisher(link)
    recorder = Recorder([Unavailable("away"), Unavailable("still away")])
    await link.declare(queue)
    await publisher.publish(_outgoing(queue, 1))
    consumer = Consumer(link, queue, recorder, prefetch=20)
    running = asyncio.create_task(consumer.run())
    await recorder.wait_for(1)
    await publisher.publish(_outgoing(queue, 2))
    await recorder.wait_for(2)
    await consumer.stop()
    await running
    assert recorder.items == [1, 2]


class Waiter:
    """A handler whose rest of the first batch waits until it is let go, and may fail before."""

    def __init__(self, failures: list[Exception] | None = None) -> None:
        self.failures = failures or []
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


async def test_what_waits_of_a_batch_holds_up_no_other_and_stays_unacknowledged(
    link: Link,
) -> None:
    queue, publisher, waiter, recorder = _queue(), Publisher(link), Waiter(), Recorder()
    await link.declare(queue)
    consumer = Consumer(link, queue, waiter, prefetch=20)
    running = asyncio.create_task(consumer.run())
    for item in range(4):
        await publisher.publish(_outgoing(queue, item))
        await _until(lambda item=item: len(waiter.handled) == item + 1)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await _until_nobody_consumes(link, queue)
    # Of a dead consumer's batches the one that waited comes again, after it what is new.
    await publisher.publish(_outgoing(queue, 4))
    again = Consumer(link, queue, recorder, prefetch=20)
    running = asyncio.create_task(again.run())
    await recorder.wait_for(2)
    await again.stop()
    await running
    assert recorder.items == [0, 4]
    assert waiter.finished == []


async def test_what_waits_is_tried_again_and_acknowledged_in_the_end(link: Link) -> None:
    queue, publisher, recorder = _queue(), Publisher(link), Recorder()
    waiter = Waiter([Unavailable("away"), Unavailable("still away")])
    waiter.let_go.set()
    await link.declare(queue)
    consumer = Consumer(link, queue, waiter, prefetch=20)
    running = asyncio.create_task(consumer.run())
    await publisher.publish(_outgoing(queue, 0))
    await _until(lambda: waiter.finished == [0])
    await consumer.stop()
    await running
    await publisher.publish(_outgoing(queue, 1))
    again = Consumer(link, queue, recorder, prefetch=20)
    running = asyncio.create_task(again.run())
    await recorder.wait_for(1)
    await again.stop()
    await running
    assert recorder.items == [1]


async def test_a_consumer_that_stops_finishes_what_waits_first(link: Link) -> None:
    queue, publisher, waiter = _queue(), Publisher(link), Waiter()
    await link.declare(queue)
    consumer = Consumer(link, queue, waiter, prefetch=20)
    running = asyncio.create_task(consumer.run())
    await publisher.publish(_outgoing(queue, 0))
    await _until(lambda: waiter.handled == [0])
    stopping = asyncio.create_task(consumer.stop())
    await _until(lambda: consumer._stopping)
    assert not stopping.done()
    waiter.let_go.set()
    await stopping
    assert waiter.finished == [0]
    await running
    channel = await link.consume_channel(1)
    found = await channel.declare_queue(queue.name, passive=True)
    assert found.declaration_result.message_count == 0
    await channel.close()


async def test_a_consumer_whose_queue_was_deleted_declares_it_again(
    link: Link, broker_url: str
) -> None:
    queue, recorder, publisher = _queue(), Recorder(), Publisher(link)
    consumer = Consumer(link, queue, recorder, prefetch=20)
    running = asyncio.create_task(consumer.run())
    await _until(lambda: consumer.consuming)
    channel = await link.consume_channel(1)
    await channel.queue_delete(queue.name)
    await _until(lambda: not consumer.consuming)
    await _until(lambda: consumer.consuming)
    await publisher.publish(_outgoing(queue, 7))
    await recorder.wait_for(1)
    await consumer.stop()
    await running
    assert recorder.items == [7]


async def test_a_redelivered_batch_is_split_into_its_items(link: Link) -> None:
    queue, publisher = _queue(), Publisher(link)
    sizes: list[int] = []
    recorder = Recorder([RuntimeError("a defect outside any item")])

    async def handler(deliveries: list[Delivery]) -> None:
        sizes.extend(len(delivery.items()) for delivery in deliveries)
        await recorder(deliveries)

    await link.declare(queue)
    await publisher.publish(_outgoing(queue, 1, 2, 3))
    consumer = Consumer(link, queue, handler, prefetch=20, publisher=publisher)
    running = asyncio.create_task(consumer.run())
    await recorder.wait_for(3)
    await consumer.stop()
    await running
    assert sizes == [3, 1, 1, 1]
    assert sorted(recorder.items) == [1, 2, 3]


async def test_a_redelivered_batch_of_events_is_split_into_its_events(link: Link) -> None:
    queue, publisher = _queue(), Publisher(link)
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
    running = asyncio.create_task(consumer.run())
    await recorder.wait_for(3)
    await consumer.stop()
    await running
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
    queue, publisher = _queue(), Forgetful(link)
    deliveries: list[tuple[bool, int]] = []
    recorder = Recorder([RuntimeError("a defect outside any item")])

    async def handler(batch: list[Delivery]) -> None:
        deliveries.extend((delivery.redelivered, len(delivery.items())) for delivery in batch)
        await recorder(batch)

    await link.declare(queue)
    await publisher.publish(_outgoing(queue, 1, 2, 3))
    consumer = Consumer(link, queue, handler, prefetch=20, publisher=publisher)
    running = asyncio.create_task(consumer.run())
    await recorder.wait_for(3)
    await consumer.stop()
    await running
    assert publisher.batches == [3, 2]
    assert deliveries == [(False, 3), (False, 1), (False, 1), (False, 1)]
    assert sorted(recorder.items) == [1, 2, 3]


async def _until(condition: object, within_s: float = 20.0) -> None:
    assert callable(condition)
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(0.01)


async def test_messages_taken_one_by_one_are_acknowledged_one_by_one(link: Link) -> None:
    queue, publisher, waiter, recorder = _queue(), Publisher(link), Waiter(), Recorder()
    await link.declare(queue)
    await publisher.publish_all([_outgoing(queue, item) for item in range(4)])
    consumer = Consumer(link, queue, waiter, prefetch=20, batch_messages=1)
    running = asyncio.create_task(consumer.run())
    # The first one waits, and the others have come in batches of their own.
    await _until(lambda: len(waiter.handled) == 4 and len(consumer._unsettled) == 1)
    slow = waiter.handled[0]
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await _until_nobody_consumes(link, queue)
    again = Consumer(link, queue, recorder, prefetch=20)
    running = asyncio.create_task(again.run())
    await recorder.wait_for(1)
    await again.stop()
    await running
    assert recorder.items == [slow]


async def test_a_connection_that_the_broker_closed_is_opened_again(
    link: Link, broker_url: str
) -> None:
    queue, recorder, publisher = _queue(), Recorder(), Publisher(link)
    consumer = Consumer(link, queue, recorder, prefetch=20)
    running = asyncio.create_task(consumer.run())
    await _until(lambda: consumer.consuming)
    channel = await link.consume_channel(1)
    underlay = await channel.get_underlay_channel()
    # Frames of a channel that is not open make the broker close the whole connection.
    underlay.number = 2000
    with contextlib.suppress(Exception):
        async with asyncio.timeout(5):
            await underlay.basic_qos(prefetch_count=1)
    await _until(lambda: not consumer.consuming)
    await _until(lambda: consumer.consuming)
    await publisher.publish(_outgoing(queue, 7))
    await recorder.wait_for(1)
    await consumer.stop()
    await running
    assert recorder.items == [7]


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
        await publisher.publish_all([_outgoing(queue, n) for n in (poison, *neighbours)])
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
        draining = asyncio.create_task(consumer.run())
        await parked.wait_for(1)
        await consumer.stop()
        await draining
    assert parked.items == [poison]
    assert handled == set(neighbours)


async def test_every_redelivered_message_is_acknowledged(link: Link) -> None:
    queue, recorder = _queue(), Recorder()
    await link.declare(queue)
    sizes: list[int] = []
    handled: list[AbstractIncomingMessage] = []

    async def handler(deliveries: list[Delivery]) -> None:
        sizes.append(len(deliveries))
        handled.extend(delivery.message for delivery in deliveries)
        if len(sizes) == 1:
            # All that the prefetch lets through has come: groups of several follow.
            await _until(lambda: len(consumer._waiting) == 60 - len(deliveries))
        await recorder(deliveries)

    await Publisher(link).publish_all([_outgoing(queue, number) for number in range(200)])
    channel = await link.consume_channel(250)
    held = await channel.get_queue(queue.name, ensure=False)
    arrived: list[object] = []

    async def hold(message: object) -> None:
        arrived.append(message)

    await held.consume(hold)
    await _until(lambda: len(arrived) == 200)
    # Given back without an acknowledgement, as by a consumer that dies.
    await channel.close()
    consumer = Consumer(link, queue, handler, prefetch=60)
    running = asyncio.create_task(consumer.run())
    await recorder.wait_for(200)
    assert set(recorder.items) == set(range(200))
    assert max(sizes) > 1
    await _until(lambda: all(message.processed for message in handled))
    await consumer.stop()
    await running
