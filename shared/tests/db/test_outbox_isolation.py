"""A queue that takes nothing costs its own subscriber events, and nobody else anything."""

import asyncio
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field

import orjson
import pytest
from outbox_fakes import FakePublisher, make_event, make_orders
from prometheus_client import REGISTRY
from sqlalchemy import MetaData, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from csms_shared.broker.consumer import Consumer, Delivery
from csms_shared.broker.errors import PublishRefused, PublishReturned, PublishUnconfirmed
from csms_shared.broker.link import Link
from csms_shared.broker.publisher import Outgoing, Publisher
from csms_shared.broker.topology import (
    COMMAND_ORDERS_KEY,
    EVENTS,
    INTERNAL_EVENTS,
    REQUESTS,
    Binding,
    Queue,
    incarnation_queue,
)
from csms_shared.contracts.orders import CommandOrder, CommandOrderBatch
from csms_shared.db import outbox_deferred, outbox_refusals
from csms_shared.db.orders import write_orders
from csms_shared.db.outbox import ROUND_ROWS, OutboxRelay, write_events
from csms_shared.db.outbox_messages import Destination
from csms_shared.db.outbox_publishing import public_publisher
from csms_shared.db.tables import outbox_table
from csms_shared.runtime.errors import Unavailable

OUTBOX = outbox_table(MetaData())
# Followed by the suite itself, and by nobody else here.
FOLLOWED = "station.offline"
WITHIN_S = 30.0


@dataclass
class Reader:
    """What came for one queue: how often each number of one source."""

    source: str
    copies: Counter[int] = field(default_factory=Counter)

    async def __call__(self, deliveries: list[Delivery]) -> None:
        for delivery in deliveries:
            for event in orjson.loads(delivery.body):
                if event["source"] == self.source:
                    self.copies[event["data"]["n"]] += 1


class Stage:
    """A relay on a real broker, with subscribers that read and subscribers that do not."""

    def __init__(self, engine: AsyncEngine, broker_url: str) -> None:
        self.engine = engine
        self.key = f"test-{uuid.uuid4().hex}"
        self.source = f"/csms/{self.key}"
        self.link = Link(broker_url, "test")
        self.public_link = Link(broker_url, "test public")
        self.relay = OutboxRelay(
            engine, OUTBOX, Publisher(self.link), public_publisher(self.public_link)
        )
        self._consumers: list[Consumer] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._numbers = 0

    async def read(self, name: str, *bindings: Binding) -> Reader:
        reader = Reader(self.source)
        queue = incarnation_queue(f"{self.key}.{name}", *bindings, expires_ms=60_000)
        await self.link.declare(queue)
        consumer = Consumer(self.link, queue, reader, prefetch=50)
        self._consumers.append(consumer)
        self._tasks.append(asyncio.create_task(consumer.run()))
        return reader

    async def refuse(self, kind: str, *bindings: Binding) -> Queue:
        """Bind a queue of one message that nobody reads."""
        queue = Queue(
            f"{self.key}.full.v1",
            {
                "x-queue-type": kind,
                "x-max-length": 1,
                "x-overflow": "reject-publish",
                "x-expires": 60_000,
            },
            bindings,
        )
        await self.link.declare(queue)
        return queue

    async def write(self, count: int, *keys: str) -> None:
        """Commit events, one after the other, each in a transaction of its own."""
        for _ in range(count):
            self._numbers += 1
            event = make_event(self._numbers, self.source)
            key = keys[self._numbers % len(keys)]
            async with self.engine.begin() as connection:
                await write_events(connection, OUTBOX, [(key, event)])
            self.relay.wake()

    def begin(self) -> None:
        self._tasks.append(asyncio.create_task(self.relay.run()))

    async def rows(self, statement: str) -> list[tuple[object, ...]]:
        async with self.engine.connect() as connection:
            return [tuple(row) for row in await connection.execute(text(statement))]

    async def waiting(self) -> int:
        """Count the rows that no round has taken."""
        ((count,),) = await self.rows("SELECT count(*) FROM outbox WHERE published_at IS NULL")
        return int(str(count))

    async def until_all_are_taken(self) -> None:
        """Wait for the end of the round: what is read may not be marked yet."""
        async with asyncio.timeout(WITHIN_S):
            while await self.waiting():
                await asyncio.sleep(0.02)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.link.close()
        await self.public_link.close()


@pytest.fixture
async def stage(engine: AsyncEngine, broker_url: str) -> AsyncIterator[Stage]:
    built = Stage(engine, broker_url)
    yield built
    await built.close()


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(WITHIN_S):
        while not condition():
            await asyncio.sleep(0.02)


def _value(name: str) -> float:
    return REGISTRY.get_sample_value(name) or 0.0


@pytest.mark.parametrize("kind", ["classic", "quorum"])
async def test_a_full_queue_keeps_no_event_from_anybody_else(stage: Stage, kind: str) -> None:
    followed, own = f"{stage.key}.a", f"{stage.key}.b"
    others = await stage.read("others", Binding(EVENTS, f"{stage.key}.*"))
    suite = await stage.read("suite", Binding(INTERNAL_EVENTS, FOLLOWED))
    public = await stage.read("public", Binding(EVENTS, FOLLOWED))
    await stage.refuse(kind, Binding(EVENTS, f"{stage.key}.*"), Binding(EVENTS, FOLLOWED))
    refused = _value("csms_public_events_refused_total")
    stage.begin()
    total = 3 * ROUND_ROWS
    await stage.write(total, followed, own, FOLLOWED)
    await _until(
        lambda: (
            len(others.copies) + len(suite.copies) == total
            and len(public.copies) == len(suite.copies)
        )
    )
    assert len(suite.copies) == total // 3
    # What the suite reads comes once, whatever becomes of the others' exchange.
    assert set(suite.copies.values()) == {1}
    await stage.until_all_are_taken()
    assert _value("csms_public_events_refused_total") > refused
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
    await _until(lambda: len(others.copies) == 60)
    missed = {n for n in others.copies if n % 3 != 2}
    # Read from now on, it takes one at a time: each attempt may find it full again.
    late = Reader(stage.source)
    consumer = Consumer(stage.link, full, late, prefetch=50)
    reading = asyncio.create_task(consumer.run())
    stage._tasks.append(reading)
    await _until(lambda: missed <= late.copies.keys())

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
    dropped = _value("csms_public_events_dropped_total")
    stage.begin()
    await stage.write(1, f"{stage.key}.a")
    # It is full before there is more, which one message might hold together with the first.
    await _until(lambda: len(others.copies) == 1)
    await stage.write(5, f"{stage.key}.a")
    await _until(lambda: _value("csms_public_events_dropped_total") == dropped + 5)
    await stage.write(5, f"{stage.key}.a")
    await _until(lambda: _value("csms_public_events_dropped_total") == dropped + 10)
    await _until(lambda: len(others.copies) == 11)
    assert await stage.rows("SELECT * FROM outbox_deferred") == []


async def test_more_than_the_bound_is_not_kept_for_a_subscriber(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox_deferred, "MOST_KEPT", 3)
    public = FakePublisher(PublishRefused("full"))
    relay = OutboxRelay(engine, OUTBOX, FakePublisher(None), public)
    dropped = _value("csms_public_events_dropped_total")
    for n in range(5):
        async with engine.begin() as connection:
            await write_events(connection, OUTBOX, [("number.counted", make_event(n))])
        await relay.relay_round()
    assert _value("csms_public_events_dropped_total") == dropped + 2
    assert len(public.sent) == 5


def _sent(publisher: FakePublisher, exchange: str) -> list[str]:
    return [one.routing_key for one in publisher.sent if one.exchange == exchange]


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
    assert _sent(internal, INTERNAL_EVENTS) == [FOLLOWED]
    assert _sent(internal, REQUESTS) == [COMMAND_ORDERS_KEY]
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
    assert _sent(internal, INTERNAL_EVENTS) == [FOLLOWED]
    assert await stage.rows("SELECT exchange, routing_key FROM outbox_deferred ORDER BY 2") == [
        (EVENTS, "number.counted"),
        (EVENTS, FOLLOWED),
    ]


class StoppedQueue(FakePublisher):
    """Confirms nothing until it is told how what it has got ends."""

    def __init__(self) -> None:
        super().__init__(None)
        self._ended: asyncio.Future[PublishUnconfirmed | None] = asyncio.Future()

    async def publish_all(
        self, messages: list[Outgoing], timeout: float = 1.0
    ) -> list[PublishReturned | PublishUnconfirmed | None]:
        self.sent += messages
        return [await self._ended for _ in messages]

    def end(self, outcome: PublishUnconfirmed | None) -> None:
        self._ended.set_result(outcome)


async def test_a_queue_that_stands_still_holds_no_round(stage: Stage) -> None:
    public, internal = StoppedQueue(), FakePublisher(None)
    relay = OutboxRelay(stage.engine, OUTBOX, internal, public)
    refused = _value("csms_public_events_refused_total")
    for sent in (1, 2, 3):
        await stage.write(2, FOLLOWED, "number.counted")
        await relay.relay_round()
        # Nothing is confirmed there, yet the round is over, and what the suite reads has left.
        assert await stage.waiting() == 0
        assert len(_sent(internal, INTERNAL_EVENTS)) == sent
        assert len(_sent(public, EVENTS)) == 2 * sent
    # Nobody knows whether anything was refused, so nobody says so, and nothing is sent again.
    assert await relay.retry_round() is False
    assert len(public.sent) == 6
    assert relay.warnings() == {}
    assert _value("csms_public_events_refused_total") == refused
    public.end(None)
    await _until_emptied(stage, relay)
    assert len(public.sent) == 6
    assert _value("csms_public_events_refused_total") == refused


async def test_a_queue_that_stood_still_and_took_nothing_is_tried_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox_refusals, "_FIRST_TURN_S", 0.0)
    public = StoppedQueue()
    relay = OutboxRelay(stage.engine, OUTBOX, FakePublisher(None), public)
    refused = _value("csms_public_events_refused_total")
    await stage.write(1, "number.counted")
    await relay.relay_round()
    public.end(PublishUnconfirmed("no confirm"))
    await _until(lambda: _value("csms_public_events_refused_total") == refused + 1)
    assert relay.warnings()["subscribers"] == "a queue does not take number.counted"
    public.publish_all = FakePublisher(None).publish_all  # type: ignore[method-assign]
    await _until_emptied(stage, relay)
    assert relay.warnings() == {}


async def test_a_late_confirm_speaks_of_what_was_sent_alone(stage: Stage) -> None:
    public = StoppedQueue()
    relay = OutboxRelay(stage.engine, OUTBOX, FakePublisher(None), public)
    await stage.write(1, "number.counted")
    await relay.relay_round()
    # As when a crash took the round back, and its row left again joined with a later one.
    async with stage.engine.begin() as connection:
        await connection.execute(
            text("UPDATE outbox_deferred SET events = CAST('[1,2]' AS bytea), event_count = 2")
        )
    public.end(None)
    public.publish_all = FakePublisher(PublishRefused("full")).publish_all  # type: ignore[method-assign]
    for _ in range(3):
        await relay.retry_round()
    assert await stage.rows("SELECT event_count FROM outbox_deferred") == [(2,)]


async def test_what_was_taken_late_is_not_sent_again_after_a_round_that_failed(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox_refusals, "_FIRST_TURN_S", 0.0)
    public = StoppedQueue()
    relay = OutboxRelay(stage.engine, OUTBOX, FakePublisher(None), public)
    await stage.write(1, "number.counted")
    await relay.relay_round()
    public.end(None)
    await asyncio.sleep(0.1)

    async def goes_away(*_: object) -> None:
        raise Unavailable("the database went away")

    with monkeypatch.context() as away:
        away.setattr(outbox_deferred.DeferredMessages, "_count", goes_away)
        with pytest.raises(Unavailable):
            await relay.retry_round()
    await _until_emptied(stage, relay)
    assert len(public.sent) == 1


async def _until_emptied(stage: Stage, relay: OutboxRelay) -> None:
    async with asyncio.timeout(WITHIN_S):
        while await stage.rows("SELECT 1 FROM outbox_deferred"):
            await relay.retry_round()
            await asyncio.sleep(0.02)


async def test_what_is_hardly_waited_for_is_sent_all_the_same(stage: Stage) -> None:
    class Slow(FakePublisher):
        async def publish_all(
            self, messages: list[Outgoing], timeout: float = 1.0
        ) -> list[PublishReturned | PublishUnconfirmed | None]:
            # As when a new channel has to be opened first.
            await asyncio.sleep(0.3)
            return await super().publish_all(messages, timeout)

    public = Slow(PublishRefused("full"))
    relay = OutboxRelay(stage.engine, OUTBOX, FakePublisher(None), public)
    for sent in (1, 2, 3):
        await stage.write(1, "number.counted")
        await relay.relay_round()
        await _until(lambda sent=sent: len(public.sent) == sent)  # type: ignore[misc]


def test_a_destination_that_refuses_is_tried_more_and_more_seldom_and_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [0.0]
    monkeypatch.setattr(outbox_refusals, "monotonic", lambda: now[0])
    refusals, public = outbox_refusals.Refusals(), Destination(EVENTS, "number.counted")
    turns = []
    refusals.refused(public)
    for now[0] in range(600):
        refusals.refused(public)
        if refusals.is_its_turn(public):
            turns.append(now[0])
    assert turns == [1, 3, 7, 15, 31, *range(63, 600, 60)][: len(turns)]
    assert len(turns) < 16
    assert refusals.refuses_for_good(public)
    now[0] += 121
    assert not refusals.refuses(public)
    assert not refusals.refuses_for_good(public)
    refusals.refused(public)
    assert not refusals.refuses_for_good(public)
    refusals.taken(public)
    assert refusals.refusing(EVENTS) == []
