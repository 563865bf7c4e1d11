"""Events and orders leave the outbox, against a real PostgreSQL and a real RabbitMQ."""

import asyncio
from collections.abc import Awaitable, Callable

import orjson
from outbox_fakes import FakePublisher, make_event, make_orders
from outbox_stage import FOLLOWED
from prometheus_client import REGISTRY
from sqlalchemy import MetaData, text
from sqlalchemy.ext.asyncio import AsyncEngine

from csms_shared.broker.consumer import Consumer, Delivery
from csms_shared.broker.declarations import Binding
from csms_shared.broker.link import Link
from csms_shared.broker.publisher import Publisher
from csms_shared.broker.topology import (
    COMMAND_ORDERS_KEY,
    INTERNAL_EVENTS,
    REQUESTS,
    command_completed_key,
    incarnation_queue,
)
from csms_shared.contracts.envelope import BATCH_MAX_ITEMS
from csms_shared.contracts.message_types import MessageType
from csms_shared.contracts.orders import CommandOrderBatch
from csms_shared.db.orders import write_orders
from csms_shared.db.outbox import OutboxRelay, write_events
from csms_shared.db.outbox_waiting import measure_outbox
from csms_shared.db.tables import outbox_table


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
        queue = incarnation_queue("test-outbox", Binding(INTERNAL_EVENTS, FOLLOWED))
        await link.declare(queue)
        consumer = Consumer(link, queue, handler, prefetch=5)
        running = asyncio.create_task(consumer.run())
        relay = OutboxRelay(engine, outbox, Publisher(link))
        for n in (1, 2):
            async with engine.begin() as connection:
                await write_events(connection, outbox, [(FOLLOWED, make_event(n))])
        assert await relay.relay_round() is False
        async with asyncio.timeout(20):
            await arrived.wait()
        assert await relay.relay_round() is False
        await consumer.stop()
        await running
    assert received == [[1, 2]]


async def test_the_end_of_a_command_reaches_each_service_once_and_only_if_it_follows_it(
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
            queue = incarnation_queue(
                f"test-{name}", *(Binding(INTERNAL_EVENTS, key) for key in keys)
            )
            await link.declare(queue)
            consumer = Consumer(link, queue, reader(name), prefetch=5)
            readers.append(consumer)
            group.create_task(consumer.run())
        ends = [
            (command_completed_key(action), make_event(n))
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


async def test_orders_leave_as_batches(engine: AsyncEngine) -> None:
    outbox = outbox_table(MetaData())
    orders = make_orders(BATCH_MAX_ITEMS + 1)
    internal = FakePublisher(None)
    async with engine.begin() as connection:
        await write_orders(connection, outbox, orders)
    assert await OutboxRelay(engine, outbox, internal).relay_round() is False
    assert {(one.exchange, one.routing_key, one.type) for one in internal.sent} == {
        (REQUESTS, COMMAND_ORDERS_KEY, MessageType.COMMAND_ORDERS)
    }
    batches = [CommandOrderBatch.model_validate_json(one.body).items for one in internal.sent]
    assert [len(batch) for batch in batches] == [BATCH_MAX_ITEMS, 1]
    assert [order for batch in batches for order in batch] == orders


async def test_what_waits_is_measured_as_it_is_and_nothing_as_0(engine: AsyncEngine) -> None:
    outbox = outbox_table(MetaData())
    relay = OutboxRelay(engine, outbox, FakePublisher(None))

    async def measured() -> tuple[float | None, float | None]:
        await measure_outbox(engine)
        names = ("csms_outbox_pending", "csms_outbox_oldest_age_seconds")
        pending, age = (REGISTRY.get_sample_value(name) for name in names)
        return pending, age

    assert await measured() == (0, 0)
    for n in range(3):
        async with engine.begin() as connection:
            await write_events(connection, outbox, [(FOLLOWED, make_event(n))])
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE outbox SET created_at = now() - interval '1 hour'"))
    pending, age = await measured()
    assert pending == 3
    assert REGISTRY.get_sample_value("csms_outbox_unstored") == 3
    assert age is not None
    assert 3600 <= age < 3700
    await relay.relay_round()
    assert await measured() == (0, 0)
    # What the suite was told may still be on its way to the event store.
    assert REGISTRY.get_sample_value("csms_outbox_unstored") == 3


async def test_what_nobody_in_the_suite_follows_waits_for_nobody_but_the_event_store(
    engine: AsyncEngine,
) -> None:
    outbox, publisher = outbox_table(MetaData()), FakePublisher(None)
    async with engine.begin() as connection:
        await write_events(connection, outbox, [("number.counted", make_event(1))])
    relay = OutboxRelay(engine, outbox, publisher)
    await relay.relay_round()
    assert publisher.sent == []
    await measure_outbox(engine)
    assert REGISTRY.get_sample_value("csms_outbox_pending") == 0
    assert REGISTRY.get_sample_value("csms_outbox_unstored") == 1
