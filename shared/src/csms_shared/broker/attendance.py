"""Whether anybody consumes a queue: a process that died leaves its queue behind without one."""

from collections.abc import Iterable

from aio_pika.abc import AbstractChannel
from aio_pika.exceptions import ChannelNotFoundEntity

from csms_shared.broker.errors import BrokerUnavailable
from csms_shared.broker.link import (
    CONNECTION_ERRORS,
    Link,
    close_channel,
    losses_as_errors,
    within,
)

_ASK_S = 2.0


async def unattended(link: Link, names: Iterable[str]) -> set[str]:
    """Return those of these queues that have no consumer, or are gone.

    Raises:
        BrokerUnavailable: the broker did not say within `_ASK_S` seconds.
    """
    found: set[str] = set()
    channel: AbstractChannel | None = None
    try:
        async with within(_ASK_S):
            for name in names:
                # An answer of "not found" closes the channel that it comes on.
                if channel is None or channel.is_closed:
                    channel = await link.consume_channel(prefetch=1)
                if not await _has_consumer(channel, name):
                    found.add(name)
    except CONNECTION_ERRORS as error:
        raise BrokerUnavailable(f"cannot ask for consumers: {error!r}") from error
    finally:
        if channel is not None:
            await close_channel(channel, _ASK_S)
    return found


async def _has_consumer(channel: AbstractChannel, name: str) -> bool:
    try:
        # Here too: a cancellation that comes with the answer must not be taken for it.
        with losses_as_errors():
            queue = await channel.declare_queue(name, passive=True)
    except ChannelNotFoundEntity:
        return False
    return bool(queue.declaration_result.consumer_count)
