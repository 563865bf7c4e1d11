"""What a queue is bound to is what its declaration says, whatever was bound before."""

import uuid
from dataclasses import replace

from csms_shared.broker.declarations import Binding, Queue
from csms_shared.broker.link import Link
from csms_shared.broker.publisher import Outgoing, Publisher
from csms_shared.broker.topology import EVENTS, INTERNAL_EVENTS


async def test_a_declaration_takes_former_bindings_away(link: Link) -> None:
    queue = Queue(
        f"test-{uuid.uuid4().hex}.v1",
        {"x-queue-type": "classic", "x-expires": 60_000},
        (Binding(INTERNAL_EVENTS, "number.counted"), Binding(EVENTS, "number.counted")),
    )
    await link.declare(queue)
    await link.declare(replace(queue, bindings=queue.bindings[:1], former=queue.bindings[1:]))
    publisher = Publisher(link)
    for exchange in (EVENTS, INTERNAL_EVENTS):
        await publisher.publish(Outgoing(exchange, "number.counted", "test.v1", b"{}"))
    assert await link.messages_waiting(queue) == {queue.name: 1}
