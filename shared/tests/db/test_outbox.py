"""Events and orders leave the outbox, against a real PostgreSQL and a real RabbitMQ."""

import asyncio
from collections.abc import Awaitable, Callable

import orjson
from prometheus_client import REGISTRY
from sqlalchemy import MetaData, text
from sqlalchemy.ext.asyncio import AsyncEngine

from csms_shared.broker.consumer import Consumer, Delivery
from csms_shared.broker.errors import PublishReturned, PublishUnconfirmed
from csms_shared.broker.link import Link
from csms_shared.broker.publisher import Outgoing, Publisher
from csms_shared.broker.topology import (
    COMMAND_ORDERS_KEY,
    EVENTS,
    REQUESTS,
    Binding,
    command_completed_key,
    incarnation_queue,
)
from csms_shared.contracts.command_ids import new_command_id
from csms_shared.contracts.envelope import BATCH_MAX_ITEMS
from csms_shared.contracts.events import CloudEvent, event_id
from csms_shared.contracts.message_types import MessageType
from csms_shared.contracts.orders import CommandOrder, CommandOrderBatch
from csms_shared.db.orders import write_orders
from csms_shared.db.outbox import OutboxRelay, write_events
from csms_shared.db.outbox_waiting import measure_outbox
from csms_shared.db.tables import outbox_table


def _event(n: int) -> CloudEvent:
    return CloudEvent(
        id=event_id("connection", n, "number.counted"),
        source="/csms/test",
        type="csms.number.counted.v1",
        subject="CS1",
        time="2026-01-01T00:00:00.000Z",
        data={"n": n},
    )


async def test_events_leave_once_they_are_committed_in_one_message_per_key(
    engine: AsyncEngine, broker_url: str
) -> None:
    outbox = outbox_table(MetaData())
    received: list[list[int]] = []
    arrived = asyncio.Event()

    async def handler(deliveries: list[Delivery]) -> None:
        received.extend(
            [event["data"]["n"] for event in orjson.loads(delivery.body)] for delivery in deliveries
        )
        arrived.set()

    async with Link(broker_url, "test") as link:
        queue = incarnation_queue("test-outbox", Binding(EVENTS, "number.*"))
        await link.declare(queue)
        consumer = Consumer(link, queue, handler, prefetch=5)
        running = asyncio.create_task(consumer.run())
        relay = OutboxRelay(engine, outbox, Publisher(link))
        for n in (1, 2):
            async with engine.begin() as connection:
                await write_events(connection, outbox, [("number.counted", _event(n))])
        assert await relay.relay_round() is False
        async with asyncio.timeout(20):
            await arrived.wait()
        assert await relay.relay_round() is False
        await consumer.stop()
        await running
    assert received == [[1, 2]]


async def test_the_end_of_a_command_reaches_everyone_once_and_services_only_if_they_follow_it(
    engine: AsyncEngine, broker_url: str
) -> None:
    outbox = outbox_table(MetaData())
    received: dict[str, list[tuple[str, int]]] = {}
    arrived = asyncio.Condition()

    def reader(name: str) -> Callable[[list[Delivery]], Awaitable[None]]:
        async def handler(deliveries: list[Delivery]) -> None:
            async with arrived:
                received.setdefault(name, []).extend(
                    (delivery.routing_key, event["data"]["n"])
                    for delivery in deliveries
                    for event in orjson.loads(delivery.body)
                )
                arrived.notify_all()

        return handler

    async with Link(broker_url, "test") as link, asyncio.TaskGroup() as group:
        readers = []
        for name, *keys in (
            ("all", "command.completed", "command.*", "command.#"),
            ("resets", "command.completed.Reset"),
            ("unlocks", "command.completed.UnlockConnector"),
        ):
            queue = incarnation_queue(f"test-{name}", *(Binding(EVENTS, key) for key in keys))
            await link.declare(queue)
            consumer = Consumer(link, queue, reader(name), prefetch=5)
            readers.append(consumer)
            group.create_task(consumer.run())
        ends = [
            (command_completed_key(action), _event(n))
            for n, action in enumerate(("Reset", "ClearCache", "UnlockConnector", "Reset"))
        ]
        async with engine.begin() as connection:
            await write_events(connection, outbox, ends)
        await OutboxRelay(engine, outbox, Publisher(link)).relay_round()
        async with asyncio.timeout(20), arrived:
            await arrived.wait_for(lambda: sum(len(seen) for seen in received.values()) >= 7)
        for consumer in readers:
            await consumer.stop()
    key = "command.completed"
    assert {name: sorted(seen) for name, seen in received.items()} == {
        "all": [(key, 0), (key, 1), (key, 2), (key, 3)],
        "resets": [(key, 0), (key, 3)],
        "unlocks": [(key, 2)],
    }


class FakePublisher(Publisher):
    """Keeps what would be published; every message has the same outcome."""

    def __init__(self, outcome: PublishReturned | None) -> None:
        super().__init__(Link("amqp://nobody", "test"))
        self.outcome = outcome
        self.sent: list[Outgoing] = []

    async def publish_all(
        self, messages: list[Outgoing], timeout: float = 1.0
    ) -> list[PublishReturned | PublishUnconfirmed | None]:
        self.sent += messages
        return [self.outcome] * len(messages)


async def test_orders_leave_as_batches_and_stay_until_a_queue_has_taken_them(
    engine: AsyncEngine, broker_url: str
) -> None:
    outbox = outbox_table(MetaData())
    orders = [
        CommandOrder(
            order_id=new_command_id(n),
            station_id="S",
            action="ClearCache",
            payload={},
            deadline_ms=n,
            created_by="test",
        )
        for n in range(BATCH_MAX_ITEMS + 1)
    ]

    async def waiting() -> int:
        async with engine.connect() as connection:
            found = await connection.execute(
                text("SELECT count(*) FROM outbox WHERE published_at IS NULL")
            )
            return int(found.scalar_one())

    publisher = FakePublisher(PublishReturned("nobody has a queue"))
    relay = OutboxRelay(engine, outbox, publisher)
    async with engine.begin() as connection:
        await write_orders(connection, outbox, orders)
        await write_events(connection, outbox, [("nobody.listens", _event(1))])
    assert await relay.relay_round() is False
    assert await waiting() == 2
    publisher.outcome = None
    publisher.sent.clear()
    assert await relay.relay_round() is False
    assert await waiting() == 0
    assert {(one.exchange, one.routing_key, one.type) for one in publisher.sent} == {
        (REQUESTS, COMMAND_ORDERS_KEY, MessageType.COMMAND_ORDERS)
    }
    batches = [CommandOrderBatch.model_validate_json(one.body).items for one in publisher.sent]
    assert [len(batch) for batch in batches] == [BATCH_MAX_ITEMS, 1]
    assert [order for batch in batches for order in batch] == orders


async def test_what_waits_is_measured_as_it_is_and_nothing_as_0(engine: AsyncEngine) -> None:
    outbox = outbox_table(MetaData())
    relay = OutboxRelay(engine, outbox, FakePublisher(None))

    async def measured() -> tuple[float | None, float | None]:
        await measure_outbox(engine, outbox)
        names = ("csms_outbox_pending", "csms_outbox_oldest_age_seconds")
        pending, age = (REGISTRY.get_sample_value(name) for name in names)
        return pending, age

    assert await measured() == (0, 0)
    for n in range(3):
        async with engine.begin() as connection:
            await write_events(connection, outbox, [("number.counted", _event(n))])
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE outbox SET created_at = now() - interval '1 hour'"))
    pending, age = await measured()
    assert pending == 3
    assert age is not None
    assert 3600 <= age < 3700
    await relay.relay_round()
    assert await measured() == (0, 0)
