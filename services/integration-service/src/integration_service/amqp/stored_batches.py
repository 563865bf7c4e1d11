"""Telling what was stored, to those who show it while it happens.

Nothing rests on it: whoever misses a batch sees that by the positions, and reads the store.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterator

import structlog

from csms_shared.broker.errors import PublishReturned, PublishUnconfirmed
from csms_shared.broker.publisher import Outgoing, Publisher
from csms_shared.broker.topology import STORED_EVENTS
from csms_shared.contracts.envelope import BATCH_MAX_BYTES, BATCH_MAX_ITEMS
from csms_shared.contracts.message_types import MessageType
from csms_shared.runtime.clock import monotonic
from csms_shared.runtime.errors import Unavailable
from integration_service.event_store.storing import StoredBatch

log = structlog.get_logger(__name__)

ROUTING_KEY = "stored"
# How far the store is, is told so often where nothing is stored, or nobody listens.
TOLD_EVERY_S = 1.0
MOST_WAITING = 200
_PUBLISH_S = 3.0


class StoredBatches:
    """Publishes the batches of one process, in their order."""

    def __init__(self, publisher: Publisher, head: Callable[[], Awaitable[int]]) -> None:
        self._publisher = publisher
        self._head = head
        self._waiting: deque[StoredBatch] = deque(maxlen=MOST_WAITING)
        self._wake = asyncio.Event()
        self._is_heard = True

    def __call__(self, batch: StoredBatch) -> None:
        """Tell of a batch; while nobody listens, or too much waits, of none."""
        if self._is_heard:
            self._waiting.append(batch)
            self._wake.set()

    async def run(self) -> None:
        """Publish until cancelled."""
        told_at = monotonic()
        while True:
            while self._waiting:
                for body in _messages(self._waiting.popleft()):
                    await self._publish(body)
                told_at = monotonic()
            if monotonic() - told_at >= TOLD_EVERY_S:
                await self._tell_head()
                told_at = monotonic()
            try:
                async with asyncio.timeout(TOLD_EVERY_S):
                    await self._wake.wait()
            except TimeoutError:
                continue
            self._wake.clear()

    async def _tell_head(self) -> None:
        try:
            head = await self._head()
        except Unavailable as error:
            log.warning("head_unknown", error=str(error))
            return
        self._is_heard = await self._publish(_message(head, head, b""))

    async def _publish(self, body: bytes) -> bool:
        """Publish a message; false where nobody listens."""
        message = Outgoing(
            STORED_EVENTS, ROUTING_KEY, MessageType.STORED_EVENTS, body, persistent=False
        )
        try:
            await self._publisher.publish(message, _PUBLISH_S)
        except PublishReturned:
            self._is_heard = False
            return False
        except PublishUnconfirmed as error:
            log.warning("stored_events_untold", error=str(error))
        return True


def _messages(batch: StoredBatch) -> Iterator[bytes]:
    """Return a batch as messages of a batch's size, without a gap between them."""
    after = position = batch.after
    parts: list[bytes] = []
    size = 0
    for position, line in enumerate(batch.lines, batch.after + 1):
        part = b'{"position":%d,"event":%b}' % (position, line.json)
        if parts and (len(parts) == BATCH_MAX_ITEMS or size + len(part) > BATCH_MAX_BYTES):
            yield _message(after, position - 1, b",".join(parts))
            after, parts, size = position - 1, [], 0
        parts.append(part)
        size += len(part)
    yield _message(after, position, b",".join(parts))


def _message(after: int, position: int, items: bytes) -> bytes:
    return b'{"after":%d,"position":%d,"items":[%b]}' % (after, position, items)
