"""Lanes: what arrives while a batch is being published is the next batch.

An idle lane publishes at once, a busy one gathers: while a batch is on its way, and after one of
several items for as long as `pause_s` says.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Generic, NamedTuple, Protocol, TypeVar

from csms_shared.broker.errors import PublishReturned, PublishUnconfirmed
from csms_shared.broker.publisher import Outgoing
from csms_shared.contracts.envelope import BATCH_MAX_BYTES, BATCH_MAX_ITEMS
from csms_shared.runtime.clock import monotonic
from csms_shared.runtime.retrying import until_available
from ws_gateway import metrics

PUBLISH_TIMEOUT_S = 4.0
_LONGEST_PAUSE_S = 1.0
_MAX_ITEMS = 50_000
_MAX_BYTES = 128 * 1024 * 1024

Tag = TypeVar("Tag")
Refused = PublishReturned | PublishUnconfirmed


class Publishing(Protocol):
    """What a lane needs of a publisher."""

    async def publish(self, message: Outgoing, timeout: float) -> None:
        """Publish and wait for the confirm."""


class Backlog:
    """What all lanes of the process hold that is not confirmed yet, and its bound."""

    __slots__ = ("_max_bytes", "_max_items", "_on_full", "items", "size")

    def __init__(
        self,
        max_items: int = _MAX_ITEMS,
        max_bytes: int = _MAX_BYTES,
        on_full: Callable[[], None] = lambda: None,
    ) -> None:
        self._on_full = on_full
        self._max_items = max_items
        self._max_bytes = max_bytes
        self.items = 0
        self.size = 0

    def is_full(self) -> bool:
        """Tell whether nothing more may be taken in."""
        return self.items >= self._max_items or self.size >= self._max_bytes

    def has_room(self) -> bool:
        """Tell whether one more may be taken in; that it may not is told on."""
        if self.is_full():
            self._on_full()
            return False
        return True

    def grow(self, size: int) -> None:
        """Count an item in."""
        self.items += 1
        self.size += size

    def shrink(self, items: int, size: int) -> None:
        """Count items out."""
        self.items -= items
        self.size -= size


class _Item(NamedTuple, Generic[Tag]):
    body: bytes
    give_up_at: float
    tag: Tag


class Lane(Generic[Tag]):
    """One kind of message on its way to the broker, in order of arrival.

    `seal` makes the message of comma-joined items. What is not confirmed is tried again until
    each item's time to give up: everything downstream knows duplicates.
    """

    def __init__(
        self,
        name: str,
        group: asyncio.TaskGroup,
        publisher: Publishing,
        backlog: Backlog,
        seal: Callable[[bytes], Outgoing],
        *,
        on_stored: Callable[[list[Tag]], None] | None = None,
        on_refused: Callable[[Refused], Awaitable[None]] | None = None,
        on_given_up: Callable[[list[Tag]], None] | None = None,
        pause_s: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._name = name
        self._group = group
        self._publisher = publisher
        self._backlog = backlog
        self._seal = seal
        self._on_stored = on_stored
        self._on_refused = on_refused
        self._on_given_up = on_given_up
        self._pause_s = pause_s
        self._waiting: deque[_Item[Tag]] = deque()
        self._sending = False
        self._batch_items = metrics.LANE_BATCH.labels(name)
        self._dropped = metrics.DROPPED.labels(name)

    @property
    def idle(self) -> bool:
        """Tell whether nothing waits and nothing is in flight."""
        return not self._sending

    def add(self, body: bytes, tag: Tag, patience_s: float) -> bool:
        """Take one item; False when the process holds too much already."""
        if not self._backlog.has_room():
            return False
        self._backlog.grow(len(body))
        self._waiting.append(_Item(body, monotonic() + patience_s, tag))
        if not self._sending:
            self._sending = True
            self._group.create_task(self._send(), name=f"lane {self._name}")
        return True

    async def _send(self) -> None:
        retrying = until_available(PublishReturned, PublishUnconfirmed, longest_s=_LONGEST_PAUSE_S)
        while self._waiting:
            if await retrying(self._send_batch) > 1 and (pause_s := self._pause_s()) > 0:
                await asyncio.sleep(pause_s)
        self._sending = False

    async def _send_batch(self) -> int:
        """Publish what waits, up to a batch's size; return how many items that were."""
        batch = self._take()
        if not batch:
            return 0
        message = self._seal(b",".join([item.body for item in batch]))
        try:
            await self._publisher.publish(message, PUBLISH_TIMEOUT_S)
        except (PublishReturned, PublishUnconfirmed) as error:
            # In front of what came meanwhile: the next attempt takes what is still in time.
            self._waiting.extendleft(reversed(batch))
            if self._on_refused is not None:
                await self._on_refused(error)
            raise
        self._batch_items.observe(len(batch))
        self._backlog.shrink(len(batch), sum([len(item.body) for item in batch]))
        if self._on_stored is not None:
            self._on_stored([item.tag for item in batch])
        return len(batch)

    def _take(self) -> list[_Item[Tag]]:
        now = monotonic()
        batch: list[_Item[Tag]] = []
        late: list[_Item[Tag]] = []
        size = 0
        while self._waiting and len(batch) < BATCH_MAX_ITEMS:
            item = self._waiting[0]
            if item.give_up_at <= now:
                late.append(self._waiting.popleft())
                continue
            if batch and size + len(item.body) > BATCH_MAX_BYTES:
                break
            size += len(item.body) + 1
            batch.append(self._waiting.popleft())
        if late:
            self._backlog.shrink(len(late), sum(len(item.body) for item in late))
            self._dropped.inc(len(late))
            if self._on_given_up is not None:
                self._on_given_up([item.tag for item in late])
        return batch
