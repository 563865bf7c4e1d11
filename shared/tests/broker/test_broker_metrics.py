"""What is counted of messages and queues, against a real RabbitMQ."""

import asyncio
import uuid

import orjson
import pytest
from broker_fakes import new_queue
from prometheus_client import REGISTRY

from csms_shared.broker import work_queues
from csms_shared.broker.consumer import Consumer, Delivery
from csms_shared.broker.errors import PublishReturned
from csms_shared.broker.incarnation import new_incarnation
from csms_shared.broker.link import Link
from csms_shared.broker.publisher import DEFAULT_EXCHANGE, Outgoing, Publisher
from csms_shared.broker.topology import (
    CALLS,
    EVENTS,
    EXCHANGES,
    INTERNAL_EVENTS,
    SESSION_SERVICE,
    gateway_queue,
    live_events_queue,
    own_events_queue,
    replica_queue,
    replies_queue,
)
from csms_shared.broker.work_queues import WorkQueueProbe
from csms_shared.runtime.errors import Unavailable


def _value(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(name, labels)


def _published(exchange: str) -> dict[str, float | None]:
    outcomes = ("ack", "returned", "unrouted", "nack", "timeout")
    return {
        outcome: _value("csms_bus_publish_total", exchange=exchange, outcome=outcome)
        for outcome in outcomes
    }


async def test_what_the_broker_has_stored_is_counted_as_confirmed(link: Link) -> None:
    queue, publisher = new_queue(), Publisher(link)
    await link.declare(queue)
    before = _published("")
    await publisher.publish(Outgoing("", queue.name, "test.v1", b"{}"))
    after = _published("")
    assert (after["ack"] or 0) - (before["ack"] or 0) == 1
    assert {**after, "ack": None} == {**before, "ack": None}


@pytest.mark.parametrize(
    ("exchange", "outcome"), [(INTERNAL_EVENTS, "unrouted"), (CALLS, "returned")]
)
async def test_an_event_that_nobody_follows_is_not_counted_as_lost_work(
    link: Link, exchange: str, outcome: str
) -> None:
    publisher = Publisher(link)
    await link.declare()
    before = _published(exchange)
    with pytest.raises(PublishReturned):
        await publisher.publish(Outgoing(exchange, f"nobody.{uuid.uuid4().hex}", "test.v1", b"{}"))
    after = _published(exchange)
    grown = {name for name, value in after.items() if value != before[name]}
    assert grown == {outcome}


async def test_the_public_exchange_takes_what_nobody_has_subscribed_to(link: Link) -> None:
    await link.declare()
    await Publisher(link).publish(Outgoing(EVENTS, f"nobody.{uuid.uuid4().hex}", "test.v1", b"{}"))


def test_each_outcome_of_a_publish_is_there_before_the_first() -> None:
    Publisher(Link("amqp://nobody", "test"))
    for exchange in (DEFAULT_EXCHANGE, *(one.name for one in EXCHANGES)):
        known = {name for name, value in _published(exchange).items() if value is not None}
        assert known - {"returned", "unrouted"} == {"ack", "nack", "timeout"}
        assert len(known) == (3 if exchange == EVENTS else 4)


async def test_whether_the_broker_answers_concerns_no_queue(link: Link) -> None:
    await link.declare()
    assert await Publisher(link).broker_answers(10.0)
    async with Link("amqp://nobody@127.0.0.1:9/", "test") as nowhere:
        assert not await Publisher(nowhere).broker_answers(1.0)


def test_the_queue_of_one_life_has_the_same_label_in_each() -> None:
    def labels() -> list[str]:
        name = new_incarnation("command-api")
        queues = (
            gateway_queue(name),
            replies_queue(name),
            replica_queue(SESSION_SERVICE, name),
            own_events_queue(name),
            live_events_queue(name, 1),
        )
        return [queue.label for queue in queues]

    assert labels() == labels() == ["own", "own.replies", "own.replica", "own.events", "own.live"]


async def test_a_consumer_counts_from_0_and_says_while_it_is_paused(link: Link) -> None:
    queue = new_queue()
    handled = asyncio.Event()
    failures = [Unavailable("the database is away")] * 3
    seen: list[float | None] = []

    async def handler(_: list[Delivery]) -> None:
        seen.append(_value("csms_consumer_paused", queue=queue.label))
        if failures:
            raise failures.pop()
        handled.set()

    consumer = Consumer(link, queue, handler, prefetch=20)
    for outcome in ("ack", "split", "rejected"):
        assert _value("csms_bus_consume_total", queue=queue.label, outcome=outcome) == 0
    assert _value("csms_batch_messages_count", queue=queue.label) == 0
    assert _value("csms_consumer_paused", queue=queue.label) == 0
    await link.declare(queue)
    await Publisher(link).publish(Outgoing(DEFAULT_EXCHANGE, queue.name, "test.v1", b"{}"))
    running = asyncio.create_task(consumer.run())
    async with asyncio.timeout(20):
        await handled.wait()
        while _value("csms_consumer_paused", queue=queue.label) != 0:
            await asyncio.sleep(0.02)
    assert seen == [0, 1, 1, 1]
    await consumer.stop()
    await running


async def test_what_waits_in_a_work_queue_is_measured(
    link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SETTLE_S", "WATCH_S", "MEASURED_EVERY_S"):
        monkeypatch.setattr(work_queues, name, 0.05)
    queue, publisher = new_queue(), Publisher(link)
    probe = WorkQueueProbe(link, publisher, [queue])
    assert _value("csms_queue_messages", queue=queue.label) == 0
    running = asyncio.create_task(probe.run())
    async with asyncio.timeout(20):
        while probe.missing():
            await asyncio.sleep(0.02)
        # The probe's own messages wait too: nobody consumes here.
        before = (await link.messages_waiting(queue))[queue.name]
        body = orjson.dumps({"items": [1]})
        for _ in range(3):
            await publisher.publish(Outgoing(DEFAULT_EXCHANGE, queue.name, "test.v1", body))
        while _value("csms_queue_messages", queue=queue.label) != before + 3:
            await asyncio.sleep(0.02)
    running.cancel()
