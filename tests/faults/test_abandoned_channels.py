"""A channel that was given up while messages were on their way to it holds up no other channel."""

import asyncio

import orjson
import pytest

from csms_shared.broker import consumer as consumer_module
from csms_shared.broker.consumer import Consumer, Delivery
from csms_shared.broker.declarations import Queue
from csms_shared.broker.link import Link
from csms_shared.broker.publisher import DEFAULT_EXCHANGE, Outgoing, Publisher
from csms_shared.runtime.errors import Unavailable
from tests.faults.proxy import Proxy
from tests.integration.waiting import eventually

_QUEUE = Queue("abandoned.v1", {"x-queue-type": "quorum", "x-expires": 60_000})
_MESSAGE = Outgoing(DEFAULT_EXCHANGE, _QUEUE.name, "test.v1", orjson.dumps({"items": [1]}))
_ON_THE_WAY = 50
# Before a connection whose reader is held up is given up for its heartbeats.
_AT_ONCE_S = 20.0


async def test_a_consumer_that_could_not_pause_in_time_consumes_as_soon_as_the_path_is_mended(
    broker_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer_module, "OPERATION_TIMEOUT_S", 1.0)
    handled: list[Delivery] = []
    began, fails = asyncio.Event(), asyncio.Event()

    async def handle(deliveries: list[Delivery]) -> None:
        if not fails.is_set():
            began.set()
            await fails.wait()
            raise Unavailable("the database ended every session")
        handled.extend(deliveries)

    async with (
        Proxy.to(broker_url) as path,
        Link(path.url(broker_url), "held up") as link,
        Link(broker_url, "other") as other,
    ):
        consumer = Consumer(link, _QUEUE, handle, prefetch=2 * _ON_THE_WAY)
        running = asyncio.create_task(consumer.run())
        await eventually(lambda: _consuming(consumer), bool)
        publisher = Publisher(other)
        await publisher.publish(_MESSAGE)
        await began.wait()
        path.freeze()
        assert not any(await publisher.publish_all([_MESSAGE] * _ON_THE_WAY))
        fails.set()
        await eventually(lambda: _consuming(consumer), lambda consuming: not consuming)
        # Beyond the time that the consumer's operation has.
        await asyncio.sleep(2.0)
        path.mend()
        await eventually(lambda: _count(handled), lambda count: count > _ON_THE_WAY, _AT_ONCE_S)
        assert path.accepted == 1, "the connection was given up"
        await consumer.stop()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def _consuming(consumer: Consumer) -> bool:
    return consumer.consuming


async def _count(handled: list[Delivery]) -> int:
    return len(handled)
