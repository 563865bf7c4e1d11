"""A queue that neither confirms nor refuses holds nobody up, and what it takes late comes once."""

import asyncio

import pytest
from broker_fakes import until
from outbox_fakes import FakePublisher, Outcome
from outbox_stage import FOLLOWED, FOLLOWED_TOO, OUTBOX, WITHIN_S, Stage, sent_to
from sqlalchemy import text

from csms_shared.broker.errors import PublishRefused, PublishUnconfirmed
from csms_shared.broker.publisher import Outgoing
from csms_shared.broker.topology import INTERNAL_EVENTS
from csms_shared.db import outbox_deferred, outbox_refusals
from csms_shared.db.outbox import OutboxRelay
from csms_shared.runtime.errors import Unavailable


class OneStopped(FakePublisher):
    """Confirms nothing under one key until it is told how that ends, and everything else."""

    def __init__(self) -> None:
        super().__init__(None)
        self._ended: asyncio.Future[PublishUnconfirmed | None] = asyncio.Future()

    async def publish_all(self, messages: list[Outgoing], timeout: float = 1.0) -> list[Outcome]:
        self.sent += messages
        return [await self._ended if one.routing_key == FOLLOWED else None for one in messages]

    def end(self, outcome: PublishUnconfirmed | None) -> None:
        self._ended.set_result(outcome)


async def test_a_queue_that_stands_still_holds_no_round(stage: Stage) -> None:
    internal = OneStopped()
    relay = OutboxRelay(stage.engine, OUTBOX, internal)
    for sent in (1, 2, 3):
        await stage.write(2, FOLLOWED, FOLLOWED_TOO)
        await relay.relay_round()
        # Nothing is confirmed there, yet the round is over, and what others read has left.
        assert await stage.waiting() == 0
        assert sorted(sent_to(internal, INTERNAL_EVENTS)) == sorted([FOLLOWED, FOLLOWED_TOO] * sent)
    # Nobody knows whether anything was refused, so nothing is sent again.
    assert await relay.retry_round() is False
    assert len(internal.sent) == 6
    internal.end(None)
    await stage.until_nothing_is_deferred(relay)
    assert len(internal.sent) == 6


async def test_a_queue_that_stood_still_and_took_nothing_is_tried_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox_refusals, "_FIRST_TURN_S", 0.0)
    internal = OneStopped()
    relay = OutboxRelay(stage.engine, OUTBOX, internal)
    await stage.write(1, FOLLOWED)
    await relay.relay_round()
    internal.end(PublishUnconfirmed("no confirm"))
    taking = FakePublisher(None)
    internal.publish_all = taking.publish_all  # type: ignore[method-assign]
    await stage.until_nothing_is_deferred(relay)
    assert sent_to(taking, INTERNAL_EVENTS) == [FOLLOWED]


async def test_a_late_confirm_speaks_of_what_was_sent_alone(stage: Stage) -> None:
    internal = OneStopped()
    relay = OutboxRelay(stage.engine, OUTBOX, internal)
    await stage.write(1, FOLLOWED)
    await relay.relay_round()
    # As when a crash took the round back, and its row left again joined with a later one.
    async with stage.engine.begin() as connection:
        await connection.execute(
            text("UPDATE outbox_deferred SET events = CAST('[1,2]' AS bytea), event_count = 2")
        )
    internal.end(None)
    internal.publish_all = FakePublisher(PublishRefused("full")).publish_all  # type: ignore[method-assign]
    for _ in range(3):
        await relay.retry_round()
    assert await stage.rows("SELECT event_count FROM outbox_deferred") == [(2,)]


async def test_what_was_taken_late_is_not_sent_again_after_a_round_that_failed(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox_refusals, "_FIRST_TURN_S", 0.0)
    internal = OneStopped()
    relay = OutboxRelay(stage.engine, OUTBOX, internal)
    await stage.write(1, FOLLOWED)
    await relay.relay_round()
    internal.end(None)

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
    assert len(internal.sent) == 1


async def test_what_is_hardly_waited_for_is_sent_all_the_same(stage: Stage) -> None:
    class Slow(FakePublisher):
        async def publish_all(
            self, messages: list[Outgoing], timeout: float = 1.0
        ) -> list[Outcome]:
            # As when a new channel has to be opened first.
            await asyncio.sleep(1.2)
            return await super().publish_all(messages, timeout)

    internal = Slow(PublishRefused("full"))
    relay = OutboxRelay(stage.engine, OUTBOX, internal)
    for sent in (1, 2, 3):
        await stage.write(1, FOLLOWED)
        await relay.relay_round()
        await until(lambda sent=sent: len(internal.sent) == sent)  # type: ignore[misc]
