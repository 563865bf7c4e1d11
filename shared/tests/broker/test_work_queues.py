"""The probe of work queues against a real RabbitMQ."""

import asyncio

import pytest
from broker_fakes import new_queue

from csms_shared.broker import work_queues
from csms_shared.broker.link import Link
from csms_shared.broker.publisher import Publisher
from csms_shared.broker.work_queues import WorkQueueProbe


async def _until_well(link: Link, probe: WorkQueueProbe) -> None:
    async with asyncio.timeout(10):
        while probe.missing() or not link.is_open():
            await asyncio.sleep(0.02)


async def test_a_connection_that_nobody_publishes_on_is_opened_again(
    broker_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work_queues, "SETTLE_S", 0.05)
    monkeypatch.setattr(work_queues, "WATCH_S", 0.05)
    queue = new_queue()
    async with Link(broker_url, "test") as link:
        probe = WorkQueueProbe(link, Publisher(link), [queue])
        running = asyncio.create_task(probe.run())
        await _until_well(link, probe)
        channel = await link.publish_channel()
        underlay = await channel.get_underlay_channel()
        # As when the node dies that this one of the two connections led to.
        await underlay.connection.close()
        assert not link.is_open()
        await _until_well(link, probe)
        running.cancel()
