"""A queue that neither confirms nor refuses holds nobody up, and what it takes late comes once."""

import asyncio

import pytest
from public_stage import WITHIN_S, FakePublisher, Outcome, PublicStage, counted, until
from sqlalchemy import text

from csms_shared.broker.errors import PublishRefused, PublishUnconfirmed
from csms_shared.broker.publisher import Outgoing
from csms_shared.db import outbox_deferred, outbox_refusals
from csms_shared.runtime.errors import Unavailable


class StoppedQueue(FakePublisher):
    """Confirms nothing until it is told how what it has got ends."""

    def __init__(self) -> None:
        super().__init__(None)
        self._ended: asyncio.Future[PublishUnconfirmed | None] = asyncio.Future()

    async def publish_all(self, messages: list[Outgoing], timeout: float = 1.0) -> list[Outcome]:
        self.sent += messages
        return [await self._ended for _ in messages]

    def end(self, outcome: PublishUnconfirmed | None) -> None:
        self._ended.set_result(outcome)


async def test_a_queue_that_stands_still_holds_no_round(stage: PublicStage) -> None:
    public = StoppedQueue()
    feed = stage.another_feed(public)
    refused = counted("csms_public_events_refused_total")
    for sent in (1, 2, 3):
        await stage.write(2, "station.offline", "number.counted")
        await feed.round()
        # Nothing is confirmed there, yet the round is over.
        assert await stage.position() == 2 * sent
        assert len(public.sent) == 2 * sent
    # Nobody knows whether anything was refused, so nobody says so, and nothing is sent again.
    assert await feed.retry_round() is False
    assert len(public.sent) == 6
    assert feed.warnings() == {}
    assert counted("csms_public_events_refused_total") == refused
    public.end(None)
    await stage.until_nothing_is_deferred(feed)
    assert len(public.sent) == 6
    assert counted("csms_public_events_refused_total") == refused


async def test_a_queue_that_stood_still_and_took_nothing_is_tried_again(
    stage: PublicStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox_refusals, "_FIRST_TURN_S", 0.0)
    public = StoppedQueue()
    feed = stage.another_feed(public)
    refused = counted("csms_public_events_refused_total")
    await stage.write(1, "number.counted")
    await feed.round()
    public.end(PublishUnconfirmed("no confirm"))
    await until(lambda: counted("csms_public_events_refused_total") == refused + 1)
    assert feed.warnings()["subscribers"] == "a queue does not take number.counted"
    public.publish_all = FakePublisher(None).publish_all  # type: ignore[method-assign]
    await stage.until_nothing_is_deferred(feed)
    assert feed.warnings() == {}


async def test_a_late_confirm_speaks_of_what_was_sent_alone(stage: PublicStage) -> None:
    public = StoppedQueue()
    feed = stage.another_feed(public)
    await stage.write(1, "number.counted")
    await feed.round()
    # As when a crash took the round back, and its events left again joined with later ones.
    async with stage.books.engine.begin() as connection:
        await connection.execute(
            text("UPDATE public_deferred SET events = CAST('[1,2]' AS bytea), event_count = 2")
        )
    public.end(None)
    public.publish_all = FakePublisher(PublishRefused("full")).publish_all  # type: ignore[method-assign]
    for _ in range(3):
        await feed.retry_round()
    assert await stage.books.rows("SELECT event_count FROM public_deferred") == [(2,)]


async def test_what_was_taken_late_is_not_sent_again_after_a_round_that_failed(
    stage: PublicStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox_refusals, "_FIRST_TURN_S", 0.0)
    public = StoppedQueue()
    feed = stage.another_feed(public)
    await stage.write(1, "number.counted")
    await feed.round()
    public.end(None)

    async def goes_away(*_: object) -> None:
        raise Unavailable("the database went away")

    with monkeypatch.context() as away:
        away.setattr(outbox_deferred.DeferredMessages, "_count", goes_away)
        async with asyncio.timeout(WITHIN_S):
            while await stage.deferred():
                with pytest.raises(Unavailable):
                    await feed.retry_round()
                await asyncio.sleep(0.02)
    assert await feed.retry_round() is False
    assert len(public.sent) == 1


async def test_what_is_hardly_waited_for_is_sent_all_the_same(stage: PublicStage) -> None:
    class Slow(FakePublisher):
        async def publish_all(
            self, messages: list[Outgoing], timeout: float = 1.0
        ) -> list[Outcome]:
            # As when a new channel has to be opened first.
            await asyncio.sleep(0.3)
            return await super().publish_all(messages, timeout)

    public = Slow(PublishRefused("full"))
    feed = stage.another_feed(public)
    for sent in (1, 2, 3):
        await stage.write(1, "number.counted")
        await feed.round()
        await until(lambda sent=sent: len(public.sent) == sent)  # type: ignore[misc]
