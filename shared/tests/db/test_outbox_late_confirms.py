"""A queue that neither confirms nor refuses holds nobody up, and what it takes late comes once."""

import asyncio

import pytest
from broker_fakes import until
from outbox_fakes import FakePublisher
from outbox_stage import FOLLOWED, OUTBOX, WITHIN_S, Stage, counted, sent_to
from sqlalchemy import text

from csms_shared.broker.errors import PublishRefused, PublishReturned, PublishUnconfirmed
from csms_shared.broker.publisher import Outgoing
from csms_shared.broker.topology import EVENTS, INTERNAL_EVENTS
from csms_shared.db import outbox_deferred, outbox_refusals
from csms_shared.db.outbox import OutboxRelay
from csms_shared.runtime.errors import Unavailable


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
    refused = counted("csms_public_events_refused_total")
    for sent in (1, 2, 3):
        await stage.write(2, FOLLOWED, "number.counted")
        await relay.relay_round()
        # Nothing is confirmed there, yet the round is over, and what the suite reads has left.
        assert await stage.waiting() == 0
        assert len(sent_to(internal, INTERNAL_EVENTS)) == sent
        assert len(sent_to(public, EVENTS)) == 2 * sent
    # Nobody knows whether anything was refused, so nobody says so, and nothing is sent again.
    assert await relay.retry_round() is False
    assert len(public.sent) == 6
    assert relay.warnings() == {}
    assert counted("csms_public_events_refused_total") == refused
    public.end(None)
    await stage.until_nothing_is_deferred(relay)
    assert len(public.sent) == 6
    assert counted("csms_public_events_refused_total") == refused


async def test_a_queue_that_stood_still_and_took_nothing_is_tried_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox_refusals, "_FIRST_TURN_S", 0.0)
    public = StoppedQueue()
    relay = OutboxRelay(stage.engine, OUTBOX, FakePublisher(None), public)
    refused = counted("csms_public_events_refused_total")
    await stage.write(1, "number.counted")
    await relay.relay_round()
    public.end(PublishUnconfirmed("no confirm"))
    await until(lambda: counted("csms_public_events_refused_total") == refused + 1)
    assert relay.warnings()["subscribers"] == "a queue does not take number.counted"
    public.publish_all = FakePublisher(None).publish_all  # type: ignore[method-assign]
    await stage.until_nothing_is_deferred(relay)
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

    async def goes_away(*_: object) -> None:
        raise Unavailable("the database went away")

    with monkeypatch.context() as away:
        away.setattr(outbox_deferred.DeferredMessages, "_count", goes_away)
        async with asyncio.timeout(WITHIN_S):
            while await stage.rows("SELECT 1 FROM outbox_deferred"):
                with pytest.raises(Unavailable):
                    await relay.retry_round()
                await asyncio.sleep(0.02)
    assert await relay.retry_round() is False
    assert len(public.sent) == 1


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
        await until(lambda sent=sent: len(public.sent) == sent)  # type: ignore[misc]
