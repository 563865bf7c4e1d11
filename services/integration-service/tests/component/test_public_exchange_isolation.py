"""A queue that takes nothing costs its own subscriber events, and nobody else anything."""

import pytest
from public_stage import FakePublisher, PublicStage, counted, until
from sqlalchemy import text

from csms_shared.broker.errors import PublishLost, PublishRefused, PublishUnconfirmed
from csms_shared.broker.topology import EVENTS
from csms_shared.db import outbox_deferred, outbox_refusals


@pytest.mark.parametrize("kind", ["classic", "quorum"])
async def test_a_full_queue_keeps_no_event_from_anybody_else(stage: PublicStage, kind: str) -> None:
    refused_keys = f"{stage.key}.a", f"{stage.key}.b"
    others = await stage.read("others", f"{stage.key}.*")
    untouched = await stage.read("untouched", f"{stage.key}.c")
    await stage.refuse(kind, *refused_keys)
    refused = counted("csms_public_events_refused_total")
    stage.begin()
    await stage.write(300, *refused_keys, f"{stage.key}.c")
    await until(lambda: len(others.copies) == 300)
    await until(lambda: len(untouched.copies) == 100)
    # Of a key that nobody refuses, no event comes twice.
    assert set(untouched.copies.values()) == {1}
    await stage.until_all_is_told()
    assert counted("csms_public_events_refused_total") > refused
    # One message of a key at a time is tried again, and not each time there is something new.
    repeated = others.copies.total() - len(others.copies)
    assert repeated < len(others.copies) / 2, others.copies
    assert max(others.copies.values()) < 10
    assert stage.feed.warnings()["subscribers"].startswith("a queue does not take ")


async def test_a_queue_that_takes_messages_again_gets_what_it_missed(stage: PublicStage) -> None:
    keys = [f"{stage.key}.{name}" for name in "abc"]
    others = await stage.read("others", f"{stage.key}.*")
    full = await stage.refuse("classic", *keys[:2])
    stage.begin()
    await stage.write(18, *keys)
    await until(lambda: len(others.copies) == 18)
    await stage.until_all_is_told()
    assert await stage.deferred()
    missed = {n for n in others.copies if n % 3 != 2}
    # Read from now on, it takes one at a time: each attempt may find it full again.
    late = stage.read_too(full)
    await until(lambda: missed <= late.copies.keys())
    await stage.until_nothing_is_deferred()
    assert {others.copies[n] for n in others.copies if n % 3 == 2} == {1}


async def test_what_nobody_takes_in_time_is_dropped_counted_and_no_longer_kept(
    stage: PublicStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = await stage.read("others", f"{stage.key}.*")
    await stage.refuse("classic", f"{stage.key}.*")
    monkeypatch.setattr(outbox_refusals, "KEPT_FOR_S", 0.5)
    monkeypatch.setattr(outbox_deferred, "KEPT_FOR_S", 0.5)
    dropped = counted("csms_public_events_dropped_total")
    stage.begin()
    await stage.write(1, f"{stage.key}.a")
    # It is full before there is more, which one message might hold together with the first.
    await until(lambda: len(others.copies) == 1)
    await stage.write(5, f"{stage.key}.a")
    await until(lambda: counted("csms_public_events_dropped_total") == dropped + 5)
    await stage.write(5, f"{stage.key}.a")
    await until(lambda: counted("csms_public_events_dropped_total") == dropped + 10)
    await until(lambda: len(others.copies) == 11)
    await stage.until_all_is_told()
    assert await stage.deferred() == 0


async def test_more_than_the_bound_is_not_kept_for_a_subscriber(
    stage: PublicStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox_deferred, "MOST_KEPT", 3)
    public = FakePublisher(PublishRefused("full"))
    feed = stage.another_feed(public)
    dropped = counted("csms_public_events_dropped_total")
    for _ in range(5):
        await stage.write(1, "number.counted")
        await feed.round()
    assert counted("csms_public_events_dropped_total") == dropped + 2
    assert len(public.sent) == 5
    assert await stage.deferred() == 3
    assert await stage.position() == 5


async def test_what_is_kept_for_subscribers_is_counted_up_to_its_bound(
    stage: PublicStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox_deferred, "MOST_KEPT", 100)
    async with stage.books.engine.begin() as connection:
        for key, count in (("a.b", 40), ("station.offline", 250)):
            await connection.execute(
                text(
                    "INSERT INTO public_deferred (exchange, routing_key, outbox_id, events, "
                    "event_count) SELECT :exchange, :key, n, '[{}]', 2 "
                    "FROM generate_series(1, :count) AS n"
                ),
                {"exchange": EVENTS, "key": key, "count": count},
            )
    public = FakePublisher(PublishRefused("full"))
    await stage.another_feed(public).retry_round()
    assert counted("csms_public_events_deferred") == 2 * (40 + 100)
    # One message of each is tried, whatever their number.
    assert sorted(one.routing_key for one in public.sent) == ["a.b", "station.offline"]


async def test_what_is_tried_too_often_is_dropped(
    stage: PublicStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox_deferred, "MOST_ATTEMPTS", 3)
    monkeypatch.setattr(outbox_refusals, "_FIRST_TURN_S", 0.0)
    public = FakePublisher(PublishRefused("full"))
    feed = stage.another_feed(public)
    dropped = counted("csms_public_events_dropped_total")
    await stage.write(1, "number.counted")
    await feed.round()
    await stage.until_nothing_is_deferred(feed)
    assert len(public.sent) == 3
    assert counted("csms_public_events_dropped_total") == dropped + 1


@pytest.mark.parametrize(
    ("outcome", "answers"),
    [(PublishUnconfirmed("no confirm"), False), (PublishLost("connection reset"), True)],
)
async def test_nothing_is_blamed_on_a_queue_while_the_broker_or_the_way_to_it_is_lost(
    stage: PublicStage, outcome: PublishUnconfirmed, answers: bool
) -> None:
    public = FakePublisher(outcome, answers=answers)
    feed = stage.another_feed(public)
    await stage.write(4, "station.offline", "number.counted")
    for _ in range(3):
        assert await feed.round() is False
    assert await stage.position() == 0
    assert await stage.deferred() == 0
    assert feed.warnings() == {}
    public.outcome = None
    await feed.round()
    assert await stage.position() == 4
