"""F9: a channel that first publishes to a queue whose leader has just been lost."""

import asyncio
import uuid

import pytest

from csms_shared.broker.declarations import Queue
from csms_shared.broker.errors import PublishUnconfirmed
from csms_shared.broker.link import Link
from csms_shared.broker.publisher import DEFAULT_EXCHANGE, Outgoing, Publisher
from tests.faults.cluster import Cluster
from tests.faults.scale import Scale
from tests.faults.suite_on_paths import SuiteOnPaths

# The node is found out after 12 to 19 s; each attempt until then takes its time-out.
_CONFIRMED_WITHIN_S = 50.0
_IN_A_ROW = 12


@pytest.mark.full_scale
async def test_a_publisher_does_not_stay_with_the_leader_that_is_lost(
    suite: SuiteOnPaths, cluster: Cluster, scale: Scale
) -> None:
    lost, other, _ = cluster.faults
    queue = Queue(
        f"first-use-{uuid.uuid4().hex}.v1",
        {"x-queue-type": "quorum", "x-delivery-limit": 20, "x-expires": 600_000},
    )
    message = Outgoing(DEFAULT_EXCHANGE, queue.name, "test.v1", b'{"items": []}')
    async with (
        Link(suite.nodes.brokers[lost].url, "first use") as leading,
        Link(suite.nodes.brokers[other].url, "first use") as link,
    ):
        await leading.declare(queue)
        await asyncio.sleep(2)  # a new quorum queue needs two seconds to survive
        publisher = Publisher(link)
        cluster.faults[lost].freeze()
        try:
            confirmed = 0
            async with asyncio.timeout(_CONFIRMED_WITHIN_S):
                while confirmed < _IN_A_ROW:
                    try:
                        await publisher.publish(message)
                        confirmed += 1
                    except PublishUnconfirmed:
                        confirmed = 0
        finally:
            await cluster.resume(lost)
