"""What a consumer handles, and through which outages, against a real RabbitMQ."""

import asyncio
import contextlib

from broker_fakes import (
    Recorder,
    Waiter,
    new_queue,
    numbers_for,
    run_until,
    until,
    until_nobody_consumes,
)

from csms_shared.broker.consumer import Consumer
from csms_shared.broker.link import Link
from csms_shared.broker.publisher import Publisher
from csms_shared.runtime.errors import Unavailable


async def test_what_was_published_is_handled_in_batches_and_acknowledged(link: Link) -> None:
    queue, recorder, publisher = new_queue(), Recorder(), Publisher(link)
    await link.declare(queue)
    outcomes = await publisher.publish_all([numbers_for(queue, n, n + 1000) for n in range(50)])
    assert outcomes == [None] * 50
    consumer = Consumer(link, queue, recorder, prefetch=20)
    await run_until(consumer, recorder, 100)
    assert sorted(recorder.items) == sorted([*range(50), *range(1000, 1050)])


async def test_a_consumer_that_is_cancelled_while_it_stops_leaves_nothing_consuming(
    link: Link,
) -> None:
    for turns in range(12):
        queue = new_queue()
        consumer = Consumer(link, queue, Recorder(), prefetch=20)
        running = asyncio.create_task(consumer.run())
        await until(lambda consumer=consumer: consumer.consuming)  # type: ignore[misc]
        await consumer.stop()
        for _ in range(turns):
            await asyncio.sleep(0)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await until_nobody_consumes(link, queue)


async def test_an_outage_of_the_database_pauses_the_consumer_and_loses_nothing(link: Link) -> None:
    queue, publisher = new_queue(), Publisher(link)
    recorder = Recorder([Unavailable("away"), Unavailable("still away")])
    await link.declare(queue)
    await publisher.publish(numbers_for(queue, 1))
    consumer = Consumer(link, queue, recorder, prefetch=20)
    running = asyncio.create_task(consumer.run())
    await recorder.wait_for(1)
    await publisher.publish(numbers_for(queue, 2))
    await recorder.wait_for(2)
    await consumer.stop()
    await running
    assert recorder.items == [1, 2]


async def test_what_waits_of_a_batch_holds_up_no_other_and_stays_unacknowledged(
    link: Link,
) -> None:
    queue, publisher, waiter, recorder = new_queue(), Publisher(link), Waiter(), Recorder()
    await link.declare(queue)
    consumer = Consumer(link, queue, waiter, prefetch=20)
    running = asyncio.create_task(consumer.run())
    for item in range(4):
        await publisher.publish(numbers_for(queue, item))
        await until(lambda item=item: len(waiter.handled) == item + 1)  # type: ignore[misc]
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await until_nobody_consumes(link, queue)
    # Of a dead consumer's batches the one that waited comes again, after it what is new.
    await publisher.publish(numbers_for(queue, 4))
    again = Consumer(link, queue, recorder, prefetch=20)
    await run_until(again, recorder, 2)
    assert recorder.items == [0, 4]
    assert waiter.finished == []


async def test_what_waits_is_tried_again_and_acknowledged_in_the_end(link: Link) -> None:
    queue, publisher, recorder = new_queue(), Publisher(link), Recorder()
    waiter = Waiter([Unavailable("away"), Unavailable("still away")])
    waiter.let_go.set()
    await link.declare(queue)
    consumer = Consumer(link, queue, waiter, prefetch=20)
    running = asyncio.create_task(consumer.run())
    await publisher.publish(numbers_for(queue, 0))
    await until(lambda: waiter.finished == [0])
    await consumer.stop()
    await running
    await publisher.publish(numbers_for(queue, 1))
    again = Consumer(link, queue, recorder, prefetch=20)
    await run_until(again, recorder, 1)
    assert recorder.items == [1]


async def test_what_waits_comes_again_where_its_wait_was_given_up(link: Link) -> None:
    queue, publisher = new_queue(), Publisher(link)
    # As aiormq does with whoever waits on a connection that it ends.
    waiter = Waiter([asyncio.CancelledError()])
    waiter.let_go.set()
    await link.declare(queue)
    consumer = Consumer(link, queue, waiter, prefetch=20)
    running = asyncio.create_task(consumer.run())
    await publisher.publish(numbers_for(queue, 0))
    await until(lambda: waiter.handled == [0, 0])
    await consumer.stop()
    await running


async def test_a_consumer_that_stops_finishes_what_waits_first(link: Link) -> None:
    queue, publisher, waiter = new_queue(), Publisher(link), Waiter()
    await link.declare(queue)
    consumer = Consumer(link, queue, waiter, prefetch=20)
    running = asyncio.create_task(consumer.run())
    await publisher.publish(numbers_for(queue, 0))
    await until(lambda: waiter.handled == [0])
    stopping = asyncio.create_task(consumer.stop())
    await until(lambda: consumer._stopping)
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
    queue, recorder, publisher = new_queue(), Recorder(), Publisher(link)
    consumer = Consumer(link, queue, recorder, prefetch=20)
    running = asyncio.create_task(consumer.run())
    await until(lambda: consumer.consuming)
    channel = await link.consume_channel(1)
    await channel.queue_delete(queue.name)
    await until(lambda: not consumer.consuming)
    await until(lambda: consumer.consuming)
    await publisher.publish(numbers_for(queue, 7))
    await recorder.wait_for(1)
    await consumer.stop()
    await running
    assert recorder.items == [7]


async def test_messages_taken_one_by_one_are_acknowledged_one_by_one(link: Link) -> None:
    queue, publisher, waiter, recorder = new_queue(), Publisher(link), Waiter(), Recorder()
    await link.declare(queue)
    await publisher.publish_all([numbers_for(queue, item) for item in range(4)])
    consumer = Consumer(link, queue, waiter, prefetch=20, batch_messages=1)
    running = asyncio.create_task(consumer.run())
    # The first one waits, and the others have come in batches of their own.
    await until(lambda: len(waiter.handled) == 4 and len(consumer._unsettled) == 1)
    slow = waiter.handled[0]
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await until_nobody_consumes(link, queue)
    again = Consumer(link, queue, recorder, prefetch=20)
    await run_until(again, recorder, 1)
    assert recorder.items == [slow]


async def test_a_connection_that_the_broker_closed_is_opened_again(
    link: Link, broker_url: str
) -> None:
    queue, recorder, publisher = new_queue(), Recorder(), Publisher(link)
    consumer = Consumer(link, queue, recorder, prefetch=20)
    running = asyncio.create_task(consumer.run())
    await until(lambda: consumer.consuming)
    channel = await link.consume_channel(1)
    underlay = await channel.get_underlay_channel()
    # Frames of a channel that is not open make the broker close the whole connection.
    underlay.number = 2000
    with contextlib.suppress(Exception):
        async with asyncio.timeout(5):
            await underlay.basic_qos(prefetch_count=1)
    await until(lambda: not consumer.consuming)
    await until(lambda: consumer.consuming)
    await publisher.publish(numbers_for(queue, 7))
    await recorder.wait_for(1)
    await consumer.stop()
    await running
    assert recorder.items == [7]
