"""What the broker tells of queues by AMQP: how many messages are ready, and who consumes."""

from collections.abc import Iterable
from dataclasses import dataclass

from aio_pika.abc import AbstractChannel
from aio_pika.exceptions import ChannelNotFoundEntity

from csms_shared.broker.errors import BrokerUnavailable
from csms_shared.broker.link import (
    CONNECTION_ERRORS,
    Link,
    losses_as_errors,
    within,
)

_ASK_S = 2.0


@dataclass(frozen=True, slots=True)
class QueueCounts:
    """`ready`: messages that no consumer has been given yet."""

    ready: int
    consumers: int


async def queue_counts(link: Link, names: Iterable[str]) -> dict[str, QueueCounts]:
    """Return what is known of those of these queues that there are.

    What the broker has not told within `_ASK_S` seconds is left out: one queue without a leader
    hides no other that was asked for before it.

    Raises:
        BrokerUnavailable: the broker told nothing at all.
    """
    found: dict[str, QueueCounts] = {}
    channel: AbstractChannel | None = None
    try:
        async with within(_ASK_S):
            for name in names:
                # An answer of "not found" closes the channel that it comes on.
                if channel is None or channel.is_closed:
                    channel = await link.consume_channel(prefetch=1)
                counts = await _counts(channel, name)
                if counts is not None:
                    found[name] = counts
    except CONNECTION_ERRORS as error:
        if not found:
            raise BrokerUnavailable(f"cannot ask for queues: {error!r}") from error
    finally:
        if channel is not None:
            link.close_later(channel)
    return found


async def _counts(channel: AbstractChannel, name: str) -> QueueCounts | None:
    try:
        # Here too: a cancellation that comes with the answer must not be taken for it.
        with losses_as_errors():
            queue = await channel.declare_queue(name, passive=True)
    except ChannelNotFoundEntity:
        return None
    told = queue.declaration_result
    return QueueCounts(told.message_count or 0, told.consumer_count or 0)
