"""A question that the broker does not confirm."""

import asyncio
from types import SimpleNamespace

import pytest
from prometheus_client import REGISTRY

from csms_shared.broker.errors import PublishUnconfirmed
from csms_shared.broker.publisher import Publisher
from csms_shared.broker.topology import REQUESTS
from csms_shared.contracts.message_types import MessageType
from ws_gateway.amqp.own_queue import OwnQueue


def _counted(outcome: str) -> float:
    labels = {"exchange": REQUESTS, "outcome": outcome}
    return REGISTRY.get_sample_value("csms_bus_publish_total", labels) or 0.0


async def test_it_is_counted_and_costs_its_channel() -> None:
    opened: list[SimpleNamespace] = []

    async def publish(*_: object, **__: object) -> None:
        await asyncio.Event().wait()

    async def get_exchange(*_: object, **__: object) -> SimpleNamespace:
        return SimpleNamespace(publish=publish)

    async def publish_channel() -> SimpleNamespace:
        opened.append(SimpleNamespace(is_closed=False, get_exchange=get_exchange))
        return opened[-1]

    link = SimpleNamespace(
        publish_channel=publish_channel, sender="test", close_later=lambda _: None
    )
    publisher = Publisher(link, channels=1)  # type: ignore[arg-type]
    own_queue = OwnQueue("g", link, publisher)  # type: ignore[arg-type]
    before = {outcome: _counted(outcome) for outcome in ("ack", "timeout", "nack")}
    for _ in range(3):
        with pytest.raises(PublishUnconfirmed):
            await own_queue.ask("any", MessageType.REQUEST, [], 0.2)
    after = {outcome: _counted(outcome) - before[outcome] for outcome in before}
    assert (after, len(opened)) == ({"ack": 0, "timeout": 3, "nack": 0}, 3)
