"""Events reach the event store in the order of each subject, whatever dies or stands still."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable

import pytest
from outbox_fakes import make_orders
from outbox_stage import OUTBOX
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from store_stage import STEPS, StoreStage, told

from csms_shared.broker.declarations import Binding, Queue
from csms_shared.broker.topology import COMMAND_ORDERS_KEY, INTERNAL_EVENTS
from csms_shared.db import outbox_to_store
from csms_shared.db.orders import write_orders
from csms_shared.db.outbox import OutboxRelay
from csms_shared.runtime.errors import Unavailable

IN_ORDER = [*range(len(STEPS))]


@pytest.fixture
async def store(
    engine: AsyncEngine,
    role_url: Callable[[str], str],
    broker_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[StoreStage]:
    """Relays with a queue of the test's own, and messages of two events."""
    key = f"test-{uuid.uuid4().hex}"
    monkeypatch.setattr(outbox_to_store, "event_store_key", lambda: key)
    monkeypatch.setattr(outbox_to_store, "BATCH_MAX_ITEMS", 2)
    stage = StoreStage(engine, role_url("test_numbers"), broker_url, key)
    yield stage
    await stage.close()


async def test_relays_of_two_processes_at_once_tell_a_start_before_its_stop(
    store: StoreStage,
) -> None:
    await store.declare()
    store.read()
    relays = [store.relay(), store.relay()]
    for relay in relays:
        store.begin(relay)

    async def live(station_id: str) -> None:
        for number, key in enumerate(STEPS):
            await store.write((key, told(station_id, number)))
            for relay in relays:
                relay.wake()

    for some in range(4):
        await asyncio.gather(*(live(f"S{some}-{n}") for n in range(3)))
    await store.until(lambda: len(set(store.received)) == 12 * len(STEPS))
    assert list(store.first_copies().values()) == [IN_ORDER] * 12
    await store.until_all_are_stored()


async def test_a_relay_that_dies_before_its_mark_repeats_events_and_overtakes_none(
    store: StoreStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.declare()
    store.read()
    await store.write_lives(6)
    dying, reached = store.relay(), asyncio.Event()

    async def never(*_: object) -> None:
        reached.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(dying, "_mark", never)
    task = store.begin(dying)
    await reached.wait()
    task.cancel()
    store.begin(store.relay())
    await store.until_all_are_stored()
    await store.until(lambda: len(store.received) == 2 * 6 * len(STEPS))
    assert list(store.first_copies().values()) == [IN_ORDER] * 6


async def test_a_relay_that_is_frozen_in_its_round_holds_the_others_up_no_longer_than_its_time(
    store: StoreStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    soon = text(str(outbox_to_store._TAKE_TURN).replace("10000", "500"))
    monkeypatch.setattr(outbox_to_store, "_TAKE_TURN", soon)
    await store.declare()
    store.read()
    await store.write_lives(6)
    frozen, reached, thawed = store.relay(), asyncio.Event(), asyncio.Event()
    publish, published = frozen._publish, list[bytes]()

    async def publish_three(body: bytes) -> str | None:
        if len(published) == 3:
            reached.set()
            await thawed.wait()
        published.append(body)
        return await publish(body)

    monkeypatch.setattr(frozen, "_publish", publish_three)
    round_ = asyncio.create_task(frozen.relay_round())
    await reached.wait()
    store.begin(store.relay())
    await store.until_all_are_stored()
    thawed.set()
    # Its transaction is gone: it has to say so as one whose database was away, and go on.
    with pytest.raises(Unavailable):
        await round_
    assert await frozen.relay_round() is False
    await store.until(lambda: len(set(store.received)) == 6 * len(STEPS))
    assert list(store.first_copies().values()) == [IN_ORDER] * 6


async def test_a_full_queue_stops_the_order_where_it_is_and_loses_nothing(
    store: StoreStage,
) -> None:
    await store.declare(x_max_length=2, x_overflow="reject-publish")
    relay = store.relay()
    await store.write_lives(6)
    for number in range(len(STEPS)):
        await store.write(("number.counted", told("LATE", number)))
    async with asyncio.timeout(20):
        # A quorum queue may take some more before it knows that it is full.
        while not relay.warnings():
            await relay.relay_round()
    assert relay.warnings()["event store"].startswith("its queue does not take events")
    left = await store.unstored()
    assert left > 0
    marked = await store.rows("SELECT max(id) FROM outbox WHERE stored_at IS NOT NULL")
    unmarked = await store.rows("SELECT min(id) FROM outbox WHERE stored_at IS NULL")
    assert marked < unmarked
    store.read()
    store.begin(relay)
    await store.until_all_are_stored()
    await store.until(lambda: len(set(store.received)) == 7 * len(STEPS))
    assert list(store.first_copies().values()) == [IN_ORDER] * 7
    assert relay.warnings() == {}


async def test_events_wait_for_a_queue_that_is_not_there(store: StoreStage) -> None:
    relay = store.relay()
    await store.write_lives(2)
    assert await relay.relay_round() is False
    assert relay.warnings() == {"event store": "its queue is not there"}
    assert await store.unstored() == len(await store.rows("SELECT 1 FROM outbox"))
    await store.declare()
    store.read()
    assert await relay.relay_round() is False
    assert relay.warnings() == {}
    await store.until(lambda: len(store.received) == 2 * len(STEPS))
    assert list(store.first_copies().values()) == [IN_ORDER] * 2


async def test_a_relay_warns_no_longer_of_what_another_has_stored(store: StoreStage) -> None:
    one, other = store.relay(), store.relay()
    await store.write_lives(1)
    await one.relay_round()
    await store.declare()
    await other.relay_round()
    assert one.warnings()
    await one.relay_round()
    assert one.warnings() == {}


async def test_a_round_of_slow_confirms_ends_in_time_and_leaves_the_rest_to_the_next(
    store: StoreStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox_to_store, "LONGEST_ROUND_S", -1.0)
    await store.declare()
    store.read()
    for number in range(6):
        await store.write(("number.counted", told("S", number)))
    relay, left = store.relay(), []
    while await relay.relay_round():
        left.append(await store.unstored())
    # Messages of two events each, one in a round.
    assert left == [4, 2]
    await store.until(lambda: len(store.received) == 6)
    assert store.first_copies() == {"S": [*range(6)]}


async def test_a_key_that_nobody_of_the_suite_takes_delays_nothing_here(
    store: StoreStage, broker_url: str
) -> None:
    full = Queue(
        f"{store.queue.name}.full",
        {"x-queue-type": "classic", "x-max-length": 0, "x-overflow": "reject-publish"},
        tuple(Binding(INTERNAL_EVENTS, key) for key in STEPS),
    )
    await store.declare()
    await store.link.declare(full)
    store.read()
    relay = OutboxRelay(store.engine, OUTBOX, store.relay()._publisher)
    await store.write_lives(3)
    assert await relay.relay_round() is False
    assert await store.rows("SELECT DISTINCT routing_key FROM outbox_deferred ORDER BY 1")
    assert await relay.store_round() is False
    await store.until(lambda: len(store.received) == 3 * len(STEPS))
    assert list(store.first_copies().values()) == [IN_ORDER] * 3
    assert await store.unstored() == 0
    channel = await store.link.consume_channel(1)
    await channel.queue_delete(full.name)
    await channel.close()


async def test_orders_are_never_sent_to_the_store(store: StoreStage) -> None:
    await store.declare()
    store.read()
    async with store.engine.begin() as connection:
        await write_orders(connection, OUTBOX, make_orders(1))
    assert await store.unstored() == 0
    # A program of the release before knows no store.
    await _insert(store, COMMAND_ORDERS_KEY, '[{"order_id":"1"}]', published=False)
    await store.write((STEPS[0], told("S", 0)))
    await _insert(store, COMMAND_ORDERS_KEY, '[{"order_id":"2"}]', published=True)
    assert await store.relay().relay_round() is False
    assert await store.unstored() == 0
    await store.until(lambda: bool(store.received))
    assert store.messages == [[0]]


async def test_what_a_relay_of_the_release_before_has_published_is_stored_too(
    store: StoreStage,
) -> None:
    await store.declare()
    store.read()
    event = '[{"subject":"S","data":{"n":%d}}]'
    await _insert(store, "transaction.started", event % 0, published=True)
    await _insert(store, "command.completed.Reset", event % 1, published=False)
    await store.write((STEPS[0], told("S", 2)))
    await store.relay().relay_round()
    assert await store.unstored() == 0
    await store.until(lambda: len(store.received) == 3)
    assert store.first_copies() == {"S": [0, 1, 2]}


async def _insert(store: StoreStage, key: str, events: str, *, published: bool) -> None:
    async def insert(connection: AsyncConnection) -> None:
        await connection.execute(
            text(
                "INSERT INTO outbox (routing_key, events, event_count, published_at) "
                "VALUES (:key, :events, 1, CASE WHEN :published THEN now() END)"
            ),
            {"key": key, "events": events.encode(), "published": published},
        )

    async with store.engine.begin() as connection:
        await insert(connection)


def test_a_round_is_over_before_it_passes_for_frozen() -> None:
    longest_ms = 1000 * (outbox_to_store.LONGEST_ROUND_S + outbox_to_store.PUBLISH_S)
    assert longest_ms < outbox_to_store._LONGEST_IDLE_MS
