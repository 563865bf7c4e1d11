"""Publishers and consumers outlive a connection that went half-open under them."""

import asyncio
from collections.abc import AsyncIterator

import orjson
import pytest

from csms_shared.broker import link as link_module
from csms_shared.broker.consumer import Consumer, Delivery
from csms_shared.broker.declarations import Queue
from csms_shared.broker.errors import BrokerError, PublishUnconfirmed
from csms_shared.broker.link import Link
from csms_shared.broker.publisher import DEFAULT_EXCHANGE, Outgoing, Publisher
from tests.faults.proxy import Proxy
from tests.integration.waiting import eventually

_QUEUE = Queue("half-open.v1", {"x-queue-type": "quorum", "x-expires": 60_000})
_MESSAGE = Outgoing(DEFAULT_EXCHANGE, _QUEUE.name, "test.v1", orjson.dumps({"items": [1]}))
_PUBLISH_S = 2.0


@pytest.fixture
async def path(broker_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Proxy]:
    # Given up after three times as long, instead of 45 s.
    monkeypatch.setattr(link_module, "HEARTBEAT_S", 1)
    async with Proxy.to(broker_url) as path:
        yield path


async def _publish(publisher: Publisher) -> bool:
    try:
        await publisher.publish(_MESSAGE, _PUBLISH_S)
    except PublishUnconfirmed:
        return False
    return True


async def test_whoever_publishes_while_a_connection_is_given_up_gets_an_error_not_an_end(
    path: Proxy, broker_url: str
) -> None:
    async with Link(path.url(broker_url), "half-open") as link:
        await link.declare(_QUEUE)
        publisher = Publisher(link)
        assert await _publish(publisher)
        path.freeze()
        # One of these waits at the moment when the connection is given up.
        known = path.accepted
        while path.accepted == known:
            assert not await _publish(publisher)
        path.mend()
        await eventually(lambda: _publish(publisher), bool)


async def test_a_consumer_whose_connection_is_given_up_consumes_again(
    path: Proxy, broker_url: str
) -> None:
    received: list[Delivery] = []

    async def receive(deliveries: list[Delivery]) -> None:
        received.extend(deliveries)

    async with Link(path.url(broker_url), "half-open") as link, Link(broker_url, "other") as other:
        consumer = Consumer(link, _QUEUE, receive, prefetch=10)
        running = asyncio.create_task(consumer.run())
        await eventually(lambda: _value(consumer.consuming), bool)
        path.freeze()
        await eventually(lambda: _value(consumer.consuming), lambda consuming: not consuming)
        with pytest.raises(BrokerError):
            await link.declare(_QUEUE)
        path.mend()
        await eventually(lambda: _value(consumer.consuming), bool, 30)
        await Publisher(other).publish(_MESSAGE)
        await eventually(lambda: _value(len(received)), bool)
        assert not running.done()
        await consumer.stop()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def _value(value: object) -> object:
    return value
