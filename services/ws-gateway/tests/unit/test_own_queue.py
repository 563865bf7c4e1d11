"""The queue of one life of a gateway: who ends its consumer, and when a new life begins."""

import asyncio

import pytest

from csms_shared.broker.link import Link
from csms_shared.broker.publisher import Publisher
from ws_gateway.amqp import own_queue
from ws_gateway.amqp.own_queue import OwnQueue


async def test_a_gateway_that_is_cancelled_while_it_renews_its_queue_begins_no_new_life(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ending = asyncio.Event()

    class SlowConsumer:
        """Never consumes, and takes its time to end."""

        consuming = False

        def __init__(self, *_: object, **__: object) -> None:
            """Look at nothing."""

        async def run(self) -> None:
            try:
                await asyncio.Event().wait()
            finally:
                ending.set()
                await asyncio.sleep(0.2)

    monkeypatch.setattr(own_queue, "Consumer", SlowConsumer)
    monkeypatch.setattr(own_queue, "INCARNATION_EXPIRES_MS", -1)
    monkeypatch.setattr(own_queue, "_WATCH_S", 0.01)
    renewed: list[str] = []

    async def handle(_: object) -> None:
        """Handle nothing: none comes."""

    link = Link("amqp://nobody", "test")
    running = asyncio.create_task(OwnQueue("g", link, Publisher(link)).run(handle, renewed.append))
    async with asyncio.timeout(10):
        await ending.wait()
    running.cancel()
    await asyncio.wait([running], timeout=3)
    ended = running.done() and running.cancelled()
    # One that has lost its cancellation waits for no further end.
    monkeypatch.setattr(own_queue, "INCARNATION_EXPIRES_MS", 1_000_000)
    while not running.done():
        running.cancel()
        await asyncio.wait([running], timeout=1)
    assert ended
    assert renewed == []
