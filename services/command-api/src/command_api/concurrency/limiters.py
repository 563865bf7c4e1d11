"""Limits on how much is done at once: of one kind, and under one name."""

import asyncio
import heapq
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Limiter:
    """At most `at_once` slots are taken; waiters get one by rank, lowest first, then by arrival."""

    def __init__(self, at_once: int) -> None:
        self._free = at_once
        self._at_once = at_once
        self._arrivals = itertools.count()
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []

    @property
    def idle(self) -> bool:
        """Tell whether no slot is taken."""
        return self._free == self._at_once

    @property
    def waiting(self) -> int:
        """How many wait for a slot."""
        return len(self._waiting)

    @asynccontextmanager
    async def slot(self, rank: int = 0) -> AsyncIterator[None]:
        """Take a slot, and give it back at the end."""
        if self._free:
            self._free -= 1
        else:
            await self._wait(rank)
        try:
            yield
        finally:
            self._pass_on()

    async def _wait(self, rank: int) -> None:
        granted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (rank, next(self._arrivals), granted))
        try:
            await granted
        except asyncio.CancelledError:
            if granted.done() and not granted.cancelled():
                self._pass_on()
            raise

    def _pass_on(self) -> None:
        while self._waiting:
            _, _, granted = heapq.heappop(self._waiting)
            if not granted.done():
                granted.set_result(None)
                return
        self._free += 1


class TooManyOfName(Exception):
    """More of this name wait than is reasonable."""


class LimiterByName:
    """One at a time for each name; at most `max_waiting` of a name wait."""

    def __init__(self, max_waiting: int) -> None:
        self._max_waiting = max_waiting
        self._of_name: dict[str, Limiter] = {}

    @asynccontextmanager
    async def slot(self, name: str) -> AsyncIterator[None]:
        """Take the name's slot, and give it back at the end.

        Raises:
            TooManyOfName: too many wait for it.
        """
        limiter = self._of_name.setdefault(name, Limiter(1))
        if limiter.waiting >= self._max_waiting:
            raise TooManyOfName
        try:
            async with limiter.slot():
                yield
        finally:
            if limiter.idle:
                self._of_name.pop(name, None)
