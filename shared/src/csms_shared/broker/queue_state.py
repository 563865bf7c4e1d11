"""What the broker knows of a queue, asked on the channel of one of its consumers."""

import asyncio
from dataclasses import dataclass

from aiormq.abc import AbstractChannel

from csms_shared.broker.link import CONNECTION_ERRORS, losses_as_errors


@dataclass(frozen=True, slots=True)
class QueueState:
    """A queue as its leader knows it.

    `messages` no consumer has been given yet. `consumers` may hold others; those that were
    cancelled with unacknowledged messages count until the broker has these back.
    """

    messages: int
    consumers: int


class StateQuestion:
    """Asks on a consumer's channel: all that was sent on it before the answer comes before it."""

    def __init__(self, channel: AbstractChannel, queue: str) -> None:
        self._channel = channel
        self._queue = queue
        self._lock = asyncio.Lock()
        self._asked: asyncio.Task[QueueState | None] | None = None

    async def ask(self) -> QueueState | None:
        """Return the state at some moment after the call, None where nothing is known of it."""
        async with self._lock:
            if self._asked is not None:
                await asyncio.wait((self._asked,))
            # A question that is cancelled costs the channel, so it is finished, whoever waits.
            self._asked = asyncio.create_task(self._answer())
            return await asyncio.shield(self._asked)

    async def _answer(self) -> QueueState | None:
        try:
            with losses_as_errors():
                found = await self._channel.queue_declare(self._queue, passive=True)
        except CONNECTION_ERRORS:
            return None
        # RabbitMQ answers so where the leader of a quorum queue says nothing.
        if not found.consumer_count:
            return None
        return QueueState(found.message_count or 0, found.consumer_count)
