"""Replies after a commit: a destination that does not confirm costs nobody else anything."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable

import pytest
from prometheus_client import REGISTRY

from csms_shared.broker import replies as replies_module
from csms_shared.broker.consumer import Consumer, Delivery
from csms_shared.broker.declarations import Arguments, Binding, Queue
from csms_shared.broker.errors import PublishReturned, PublishUnconfirmed
from csms_shared.broker.link import Link
from csms_shared.broker.publisher import Outgoing, Publisher
from csms_shared.broker.replies import Replies
from csms_shared.broker.topology import REPLIES

BATCHES = 300


def reply(destination: str, number: int = 0, size: int = 1) -> Outgoing:
    return Outgoing(REPLIES, f"{destination}.calls", "test.v1", f"{number}".encode().rjust(size))


class Paths(Publisher):
    """What was published, and which destinations do not confirm, or are gone."""

    def __init__(self) -> None:
        self.deaf: set[str] = set()
        self.gone: set[str] = set()
        self.stored: list[tuple[str, int]] = []
        self.attempts = 0

    async def publish(self, message: Outgoing, timeout: float = 5.0) -> None:
        self.attempts += 1
        name = message.routing_key.partition(".")[0]
        if name in self.gone:
            raise PublishReturned(name)
        if name in self.deaf:
            await asyncio.sleep(timeout)
            raise PublishUnconfirmed("no confirm")
        self.stored.append((name, int(message.body)))

    def close(self) -> None:
        pass


def undelivered(reason: str) -> float:
    value = REGISTRY.get_sample_value("csms_replies_undelivered_total", {"reason": reason})
    assert value is not None
    return value


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.01)


@pytest.fixture
def paths() -> Paths:
    return Paths()


@pytest.fixture
async def replies(paths: Paths) -> AsyncIterator[Replies]:
    made = Replies(paths, lambda: paths)
    yield made
    await made.finish(0)


async def test_whoever_confirms_is_told_beside_one_who_never_does(
    paths: Paths, replies: Replies
) -> None:
    paths.deaf = {"deaf"}
    await replies.deliver([reply("deaf"), reply("sound")])
    assert replies.in_doubt == {"deaf"}
    before = paths.attempts
    for number in range(BATCHES):
        await replies.deliver([reply("deaf", number), reply("sound", number)])
    assert [stored for stored in paths.stored if stored[0] == "sound"] == [
        ("sound", 0),
        *(("sound", number) for number in range(BATCHES)),
    ]
    # One attempt at a time for the destination in doubt, whatever the number of batches.
    assert paths.attempts - before - BATCHES <= 2


async def test_what_waited_is_delivered_once_the_destination_confirms_again(
    paths: Paths, replies: Replies, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replies_module, "ATTEMPT_S", 0.3)
    paths.deaf = {"deaf"}
    for number in range(100):
        await replies.deliver([reply("deaf", number)])
    paths.deaf = set()
    await until(lambda: not replies.in_doubt)
    assert sorted(paths.stored) == [("deaf", number) for number in range(100)]


async def test_what_nobody_waits_for_any_more_is_dropped_and_counted(
    paths: Paths, replies: Replies, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replies_module, "ATTEMPT_S", 0.3)
    monkeypatch.setattr(replies_module, "GIVE_UP_S", 0.5)
    before = undelivered("unconfirmed")
    paths.deaf = {"deaf"}
    for number in range(20):
        await replies.deliver([reply("deaf", number)])
    await until(lambda: not replies.in_doubt)
    assert undelivered("unconfirmed") - before == 20
    assert paths.stored == []


async def test_what_waits_for_a_destination_is_bounded(
    paths: Paths, replies: Replies, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replies_module, "BACKLOG_MAX_MESSAGES", 10)
    monkeypatch.setattr(replies_module, "BACKLOG_MAX_BYTES", 1000)
    before = undelivered("no_room")
    paths.deaf = {"many", "large"}
    await replies.deliver([reply("many"), reply("large")])
    for number in range(20):
        await replies.deliver([reply("many", number)])
    for number in range(5):
        await replies.deliver([reply("large", number, size=400)])
    # One of each is being tried, which makes room for another.
    assert 9 + 2 <= undelivered("no_room") - before <= 10 + 3


async def test_whoever_has_gone_raises_no_doubt(paths: Paths, replies: Replies) -> None:
    paths.gone = {"gone"}
    await replies.deliver([reply("gone")])
    assert replies.in_doubt == set()


async def test_a_queue_that_refuses_at_a_real_broker_keeps_nobody_from_being_told(
    broker_url: str,
) -> None:
    names = [f"{kind}-{uuid.uuid4().hex}" for kind in ("sound", "full")]
    arguments: Arguments = {"x-queue-type": "classic", "x-expires": 60_000}
    refusing: Arguments = {"x-max-length": 0, "x-overflow": "reject-publish"}
    sound, full = (
        Queue(f"{name}.v1", {**arguments, **more}, (Binding(REPLIES, f"{name}.#"),))
        for name, more in zip(names, ({}, refusing), strict=True)
    )
    received: list[bytes] = []

    async def take(deliveries: list[Delivery]) -> None:
        received.extend(delivery.body for delivery in deliveries)

    async with Link(broker_url, "replies") as link:
        await link.declare(sound, full)
        consumer = Consumer(link, sound, take, prefetch=100)
        running = asyncio.create_task(consumer.run())
        replies = Replies(Publisher(link), lambda: Publisher(link))
        for number in range(BATCHES):
            await replies.deliver([reply(name, number) for name in names])
        await until(lambda: len(received) == BATCHES)
        assert replies.in_doubt == {names[1]}
        await replies.finish(0)
        await consumer.stop()
        await running
