"""A queue of the suite that takes nothing misses nothing, and costs nobody else anything."""

import asyncio
from collections.abc import Sequence

import pytest
from broker_fakes import until
from outbox_fakes import FakePublisher, make_event, make_orders
from outbox_stage import FOLLOWED, FOLLOWED_TOO, OUTBOX, WITHIN_S, Stage, counted, sent_to
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from csms_shared.broker.declarations import Binding
from csms_shared.broker.errors import (
    PublishLost,
    PublishRefused,
    PublishReturned,
    PublishUnconfirmed,
)
from csms_shared.broker.publisher import Outgoing
from csms_shared.broker.topology import COMMAND_ORDERS_KEY, INTERNAL_EVENTS, REQUESTS
from csms_shared.contracts.orders import CommandOrder, CommandOrderBatch
from csms_shared.db import outbox_deferred, outbox_refusals
from csms_shared.db.orders import write_orders
from csms_shared.db.outbox import ROUND_ROWS, OutboxRelay, write_events


@pytest.mark.parametrize("kind", ["classic", "quorum"])
async def test_a_full_queue_keeps_no_event_from_anybody_else(stage: Stage, kind: str) -> None:
    alike = await stage.read("alike", Binding(INTERNAL_EVENTS, FOLLOWED))
    other = await stage.read("other", Binding(INTERNAL_EVENTS, FOLLOWED_TOO))
    await stage.refuse(kind, Binding(INTERNAL_EVENTS, FOLLOWED))
    stage.begin()
    total = 2 * ROUND_ROWS
    await stage.write(total, FOLLOWED, FOLLOWED_TOO)
    await until(lambda: len(alike.copies) + len(other.copies) == total, WITHIN_S)
    assert len(other.copies) == total // 2
    # Of the key that nobody refuses, no event comes twice.
    assert set(other.copies.values()) == {1}
    await stage.until_all_are_taken()
    # One message at a time is tried again, and not each time there is something new.
    assert alike.copies.total() - len(alike.copies) < len(alike.copies) / 2, alike.copies
    assert max(alike.copies.values()) < 10


async def test_what_the_suite_itself_follows_is_kept_until_it_is_taken(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox_deferred, "MOST_KEPT", 3)
    monkeypatch.setattr(outbox_deferred, "MOST_ATTEMPTS", 2)
    monkeypatch.setattr(outbox_refusals, "KEPT_FOR_S", 0.0)
    monkeypatch.setattr(outbox_deferred, "KEPT_FOR_S", 0.0)
    monkeypatch.setattr(outbox_refusals, "_FIRST_TURN_S", 0.0)
    dropped = counted("csms_public_events_dropped_total")
    internal = FakePublisher(PublishRefused("full"))
    relay = OutboxRelay(stage.engine, OUTBOX, internal)
    for _ in range(5):
        await stage.write(1, FOLLOWED)
        await relay.relay_round()
        await relay.retry_round()
    assert len(await stage.rows("SELECT 1 FROM outbox_deferred")) == 5
    assert counted("csms_public_events_dropped_total") == dropped
    internal.outcome = None
    internal.sent.clear()
    await stage.until_nothing_is_deferred(relay)
    assert sent_to(internal, INTERNAL_EVENTS) == [FOLLOWED] * 5


async def test_a_queue_that_takes_messages_again_gets_what_it_missed(stage: Stage) -> None:
    other = await stage.read("other", Binding(INTERNAL_EVENTS, FOLLOWED_TOO))
    full = await stage.refuse("classic", Binding(INTERNAL_EVENTS, FOLLOWED))
    stage.begin()
    await stage.write(12, FOLLOWED, FOLLOWED_TOO)
    await until(lambda: len(other.copies) == 6, WITHIN_S)
    await stage.until_all_are_taken()
    missed = {n for n in range(1, 13) if n not in other.copies}
    # Read from now on, it takes one at a time: each attempt may find it full again.
    late = await stage.read_too(full)
    await until(lambda: missed <= late.copies.keys(), WITHIN_S)
    async with asyncio.timeout(WITHIN_S):
        while await stage.rows("SELECT 1 FROM outbox_deferred"):
            await asyncio.sleep(0.05)
    assert set(other.copies.values()) == {1}


@pytest.mark.parametrize(
    "outcome",
    [PublishReturned("no queue"), PublishRefused("full"), PublishUnconfirmed("no leader")],
)
async def test_orders_without_a_queue_keep_no_event_and_stay_in_their_order(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch, outcome: PublishUnconfirmed
) -> None:
    monkeypatch.setattr(outbox_refusals, "_FIRST_TURN_S", 0.0)
    internal = FakePublisher(lambda one: outcome if one.exchange == REQUESTS else None)
    relay = OutboxRelay(engine, OUTBOX, internal)
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
    relay = OutboxRelay(engine, OUTBOX, internal)
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
        relay = OutboxRelay(engine, OUTBOX, internal)
        await relay.relay_round()
    async with asyncio.timeout(WITHIN_S):
        while len(_ordered(taking.sent)) < len(orders):
            await relay.retry_round()
    assert _ordered(taking.sent) == orders


def _ordered(sent: Sequence[Outgoing]) -> list[object]:
    return [
        order for one in sent for order in CommandOrderBatch.model_validate_json(one.body).items
    ]


@pytest.mark.parametrize(
    ("outcome", "answers"),
    [(PublishUnconfirmed("no confirm"), False), (PublishLost("connection reset"), True)],
)
async def test_nothing_is_blamed_on_a_queue_while_the_broker_or_the_way_to_it_is_lost(
    stage: Stage, outcome: PublishUnconfirmed, answers: bool
) -> None:
    internal = FakePublisher(outcome, answers=answers)
    relay = OutboxRelay(stage.engine, OUTBOX, internal)
    await stage.write(4, FOLLOWED, FOLLOWED_TOO)
    for _ in range(3):
        assert await relay.relay_round() is False
    assert await stage.waiting() == 4
    assert await stage.rows("SELECT * FROM outbox_deferred") == []
    assert relay.warnings() == {}
    internal.outcome = None
    await relay.relay_round()
    assert await stage.waiting() == 0
