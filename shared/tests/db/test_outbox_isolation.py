"""A queue that takes nothing costs its own subscriber events, and nobody else anything."""

import asyncio
from collections.abc import Sequence

import pytest
from broker_fakes import until
from outbox_fakes import FakePublisher, make_event, make_orders
from outbox_stage import FOLLOWED, OUTBOX, WITHIN_S, Reader, Stage, counted, sent_to
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from csms_shared.broker.consumer import Consumer
from csms_shared.broker.errors import PublishRefused, PublishReturned, PublishUnconfirmed
from csms_shared.broker.publisher import Outgoing
from csms_shared.broker.topology import (
    COMMAND_ORDERS_KEY,
    EVENTS,
    INTERNAL_EVENTS,
    REQUESTS,
    Binding,
)
from csms_shared.contracts.orders import CommandOrder, CommandOrderBatch
from csms_shared.db import outbox_deferred, outbox_refusals
from csms_shared.db.orders import write_orders
from csms_shared.db.outbox import ROUND_ROWS, OutboxRelay, write_events


@pytest.mark.parametrize("kind", ["classic", "quorum"])
async def test_a_full_queue_keeps_no_event_from_anybody_else(stage: Stage, kind: str) -> None:
    followed, own = f"{stage.key}.a", f"{stage.key}.b"
    others = await stage.read("others", Binding(EVENTS, f"{stage.key}.*"))
    suite = await stage.read("suite", Binding(INTERNAL_EVENTS, FOLLOWED))
    public = await stage.read("public", Binding(EVENTS, FOLLOWED))
    await stage.refuse(kind, Binding(EVENTS, f"{stage.key}.*"), Binding(EVENTS, FOLLOWED))
    refused = counted("csms_public_events_refused_total")
    stage.begin()
    total = 3 * ROUND_ROWS
    await stage.write(total, followed, own, FOLLOWED)
    await until(
        lambda: (
            len(others.copies) + len(suite.copies) == total
            and len(public.copies) == len(suite.copies)
        ),
        WITHIN_S,
    )
    assert len(suite.copies) == total // 3
    # What the suite reads comes once, whatever becomes of the others' exchange.
    assert set(suite.copies.values()) == {1}
    await stage.until_all_are_taken()
    assert counted("csms_public_events_refused_total") > refused
    # One message of a key at a time is tried again, and not each time there is something new.
    repeated = others.copies.total() - len(others.copies)
    assert repeated < len(others.copies) / 2, others.copies
    assert max((others.copies + public.copies).values()) < 10
    assert stage.relay.warnings()["subscribers"].startswith("a queue does not take ")


async def test_a_queue_that_takes_messages_again_gets_what_it_missed(stage: Stage) -> None:
    keys = [f"{stage.key}.{name}" for name in "abc"]
    others = await stage.read("others", Binding(EVENTS, f"{stage.key}.*"))
    full = await stage.refuse("classic", *(Binding(EVENTS, key) for key in keys[:2]))
    stage.begin()
    await stage.write(60, *keys)
    await until(lambda: len(others.copies) == 60, WITHIN_S)
    missed = {n for n in others.copies if n % 3 != 2}
    # Read from now on, it takes one at a time: each attempt may find it full again.
    late = Reader(stage.source)
    consumer = Consumer(stage.link, full, late, prefetch=50)
    reading = asyncio.create_task(consumer.run())
    stage._tasks.append(reading)
    await until(lambda: missed <= late.copies.keys(), WITHIN_S)

    async def emptied() -> bool:
        return await stage.rows("SELECT 1 FROM outbox_deferred") == []

    async with asyncio.timeout(WITHIN_S):
        while not await emptied():
            await asyncio.sleep(0.05)
    # Of the key that nobody refused, no event came twice.
    assert {others.copies[n] for n in others.copies if n % 3 == 2} == {1}


async def test_what_nobody_takes_in_time_is_dropped_counted_and_no_longer_kept(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = await stage.read("others", Binding(EVENTS, f"{stage.key}.*"))
    await stage.refuse("classic", Binding(EVENTS, f"{stage.key}.*"))
    monkeypatch.setattr(outbox_refusals, "KEPT_FOR_S", 0.5)
    monkeypatch.setattr(outbox_deferred, "KEPT_FOR_S", 0.5)
    dropped = counted("csms_public_events_dropped_total")
    stage.begin()
    await stage.write(1, f"{stage.key}.a")
    # It is full before there is more, which one message might hold together with the first.
    await until(lambda: len(others.copies) == 1, WITHIN_S)
    await stage.write(5, f"{stage.key}.a")
    await until(lambda: counted("csms_public_events_dropped_total") == dropped + 5, WITHIN_S)
    await stage.write(5, f"{stage.key}.a")
    await until(lambda: counted("csms_public_events_dropped_total") == dropped + 10, WITHIN_S)
    await until(lambda: len(others.copies) == 11, WITHIN_S)
    assert await stage.rows("SELECT * FROM outbox_deferred") == []


async def test_more_than_the_bound_is_not_kept_for_a_subscriber(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox_deferred, "MOST_KEPT", 3)
    public = FakePublisher(PublishRefused("full"))
    relay = OutboxRelay(engine, OUTBOX, FakePublisher(None), public)
    dropped = counted("csms_public_events_dropped_total")
    for n in range(5):
        async with engine.begin() as connection:
            await write_events(connection, OUTBOX, [("number.counted", make_event(n))])
        await relay.relay_round()
    assert counted("csms_public_events_dropped_total") == dropped + 2
    assert len(public.sent) == 5


@pytest.mark.parametrize(
    "outcome",
    [PublishReturned("no queue"), PublishRefused("full"), PublishUnconfirmed("no leader")],
)
async def test_orders_without_a_queue_keep_no_event_and_stay_in_their_order(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch, outcome: PublishUnconfirmed
) -> None:
    monkeypatch.setattr(outbox_refusals, "_FIRST_TURN_S", 0.0)
    internal = FakePublisher(lambda one: outcome if one.exchange == REQUESTS else None)
    relay = OutboxRelay(engine, OUTBOX, internal, FakePublisher(None))
    orders = make_orders(ROUND_ROWS + 10)
    for order in orders[:ROUND_ROWS]:
        async with engine.begin() as connection:
            await write_orders(connection, OUTBOX, [order])
    async with engine.begin() as connection:
        await write_events(connection, OUTBOX, [(FOLLOWED, make_event(1))])
        await write_orders(connection, OUTBOX, orders[ROUND_ROWS:])
    while await relay.relay_round():
        pass
    assert sent_to(internal, INTERNAL_EVENTS) == [FOLLOWED]
    assert sent_to(internal, REQUESTS) == [COMMAND_ORDERS_KEY]
    await relay.retry_round()
    internal.outcome = None
    internal.sent.clear()
    async with asyncio.timeout(WITHIN_S):
        while len(_ordered(internal.sent)) < len(orders):
            await relay.retry_round()
    assert _ordered(internal.sent) == orders
    internal.sent.clear()
    assert await relay.retry_round() is False
    assert internal.sent == []


async def test_an_order_that_is_deferred_while_what_is_kept_is_counted_is_not_overtaken(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox_refusals, "_FIRST_TURN_S", 0.0)
    internal = FakePublisher(PublishRefused("full"))
    relay = OutboxRelay(engine, OUTBOX, internal, FakePublisher(None))
    orders = make_orders(3)

    async def place(order: CommandOrder) -> None:
        async with engine.begin() as connection:
            await write_orders(connection, OUTBOX, [order])

    await place(orders[0])
    await relay.relay_round()
    internal.outcome = None
    internal.sent.clear()
    reached, go_on, mark = asyncio.Event(), asyncio.Event(), relay._mark

    async def mark_late(connection: AsyncConnection, ids: list[int]) -> None:
        reached.set()
        await go_on.wait()
        await mark(connection, ids)

    # The second is deferred behind the first, and not committed yet when the first is taken.
    await place(orders[1])
    with monkeypatch.context() as slow:
        slow.setattr(relay, "_mark", mark_late)
        round_ = asyncio.create_task(relay.relay_round())
        await reached.wait()
        await relay.retry_round()
        go_on.set()
        await round_
    await place(orders[2])
    await relay.relay_round()
    while await relay.retry_round() or len(_ordered(internal.sent)) < len(orders):
        pass
    assert _ordered(internal.sent) == orders


async def test_orders_that_a_process_has_left_are_not_overtaken_in_the_next_one(
    engine: AsyncEngine,
) -> None:
    orders = make_orders(2)
    full, taking = FakePublisher(PublishRefused("full")), FakePublisher(None)
    for order, internal in zip(orders, (full, taking), strict=True):
        async with engine.begin() as connection:
            await write_orders(connection, OUTBOX, [order])
        relay = OutboxRelay(engine, OUTBOX, internal, FakePublisher(None))
        await relay.relay_round()
    async with asyncio.timeout(WITHIN_S):
        while len(_ordered(taking.sent)) < len(orders):
            await relay.retry_round()
    assert _ordered(taking.sent) == orders


def _ordered(sent: Sequence[Outgoing]) -> list[object]:
    return [
        order for one in sent for order in CommandOrderBatch.model_validate_json(one.body).items
    ]


async def test_nothing_is_blamed_on_a_queue_while_the_broker_itself_does_not_answer(
    stage: Stage,
) -> None:
    silent = PublishUnconfirmed("no confirm")
    internal, public = FakePublisher(silent, answers=False), FakePublisher(silent, answers=False)
    relay = OutboxRelay(stage.engine, OUTBOX, internal, public)
    await stage.write(4, FOLLOWED, "number.counted")
    for _ in range(3):
        assert await relay.relay_round() is False
    assert await stage.waiting() == 4
    assert await stage.rows("SELECT * FROM outbox_deferred") == []
    assert relay.warnings() == {}
    internal.outcome = public.outcome = None
    await relay.relay_round()
    assert await stage.waiting() == 0


async def test_subscribers_who_are_not_reached_delay_the_suite_by_nothing(stage: Stage) -> None:
    public = FakePublisher(PublishUnconfirmed("the connection is held up"), answers=False)
    internal = FakePublisher(None)
    relay = OutboxRelay(stage.engine, OUTBOX, internal, public)
    await stage.write(4, FOLLOWED, "number.counted")
    await relay.relay_round()
    assert await stage.waiting() == 0
    assert sent_to(internal, INTERNAL_EVENTS) == [FOLLOWED]
    assert await stage.rows("SELECT exchange, routing_key FROM outbox_deferred ORDER BY 2") == [
        (EVENTS, "number.counted"),
        (EVENTS, FOLLOWED),
    ]
