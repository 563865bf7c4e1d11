"""A lost own queue ends the process; a broker that is away does not."""

import asyncio
from dataclasses import dataclass

import pytest

from command_api.amqp.own_queue import OwnQueueLost, watch_own_queues


@dataclass
class FakeConsumer:
    consuming: bool


async def test_an_own_queue_that_cannot_be_had_ends_the_process() -> None:
    with pytest.raises(OwnQueueLost):
        async with asyncio.timeout(5):
            await watch_own_queues(
                lambda: True, [FakeConsumer(True), FakeConsumer(False)], 0.05, 0.01
            )


@pytest.mark.parametrize(("connected", "consuming"), [(False, False), (True, True)])
async def test_a_broker_that_is_away_or_a_queue_that_is_consumed_does_not(
    connected: bool, consuming: bool
) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await watch_own_queues(lambda: connected, [FakeConsumer(consuming)], 0.05, 0.01)
