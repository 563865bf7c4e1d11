"""Queues, and what is published to them, against a real RabbitMQ."""

import asyncio
import uuid

import pytest
from aio_pika.abc import AbstractChannel
from broker_fakes import Recorder, new_queue, numbers_for, until, until_nobody_consumes

from csms_shared.broker.attendance import unattended
from csms_shared.broker.consumer import Consumer
from csms_shared.broker.declarations import Queue
from csms_shared.broker.errors import BrokerUnavailable, PublishReturned, PublishUnconfirmed
from csms_shared.broker.incarnation import new_incarnation
from csms_shared.broker.link import Link
from csms_shared.broker.publisher import Outgoing, Publisher
from csms_shared.broker.topology import all_queues, gateway_queue


async def _outcome(publisher: Publisher, queue: Queue) -> object:
    return (await publisher.publish_all([numbers_for(queue, 1)]))[0]


async def test_the_whole_topology_can_be_declared_twice(link: Link) -> None:
    queues = (*all_queues(), gateway_queue(new_incarnation("gateway-1")))
    await link.declare(*queues)
    await link.declare(*queues)


async def test_a_queue_without_a_consumer_is_told_from_one_with_and_from_none(link: Link) -> None:
    attended, left, no_queue = new_queue(), new_queue(), f"no-{uuid.uuid4().hex}"
    await link.declare(attended, left)
    consumers = [Consumer(link, queue, Recorder(), prefetch=1) for queue in (attended, left)]
    running = [asyncio.create_task(consumer.run()) for consumer in consumers]
    await until(lambda: all(consumer.consuming for consumer in consumers))
    names = (no_queue, attended.name, left.name)
    assert await unattended(link, names) == {no_queue}
    await consumers[1].stop()
    await until_nobody_consumes(link, left)
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
        queue, publisher = new_queue(), Publisher(link)
        await link.declare(full, queue)
        attempts = [await _outcome(publisher, full) for _ in range(6)]
        refusals = sum(isinstance(outcome, PublishUnconfirmed) for outcome in attempts)
        assert refusals > 0
        assert (
            await publisher.publish_all([numbers_for(queue, n) for n in range(30)]) == [None] * 30
        )
        await until(lambda: sum(channel.is_closed for channel in opened) == refusals)
        assert len(opened) == 3 + refusals
