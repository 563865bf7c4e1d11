"""Group commit: what arrives while a batch is under way is the next batch."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

MAX_WAITING = 5_000


class TooBusy(Exception):
    """More is waiting than could be done in reasonable time."""


class Gathering(Generic[Item, Result]):
    """Turns single calls of `submit` into batches for `flush`, without a timer.

    `flush` returns one result per item; what it raises, every caller of the batch gets.
    """

    def __init__(
        self,
        flush: Callable[[Sequence[Item]], Awaitable[Sequence[Result]]],
        *,
        max_items: int,
        lanes: int = 1,
    ) -> None:
        self._flush = flush
        self._max_items = max_items
        self._lanes = lanes
        self._waiting: deque[tuple[Item, asyncio.Future[Result]]] = deque()
        self._wake = asyncio.Event()

    async def submit(self, item: Item) -> Result:
        """Wait until a batch with `item` is done, and return its result.

        Raises:
            TooBusy: `MAX_WAITING` items wait already.
        """
        if len(self._waiting) >= MAX_WAITING:
            raise TooBusy
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        self._wake.set()
        return await future

    async def run(self) -> None:
        """Work until cancelled; at most `lanes` batches are under way."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self._lanes):
                group.create_task(self._lane())

    async def _lane(self) -> None:
        while True:
            while not self._waiting:
                self._wake.clear()
                await self._wake.wait()
            count = min(len(self._waiting), self._max_items)
            batch = [self._waiting.popleft() for _ in range(count)]
            try:
                results = await self._flush([item for item, _ in batch])
            except Exception as error:  # noqa: BLE001 - handed to every caller
                for _, future in batch:
                    if not future.done():
                        future.set_exception(error)
                continue
            except asyncio.CancelledError:
                for _, future in batch:
                    future.cancel()
                raise
            for (_, future), result in zip(batch, results, strict=True):
                if not future.done():
                    future.set_result(result)
