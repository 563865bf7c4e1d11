"""Turns at what only few may do at once, and turns of those who share a name."""

import asyncio
import heapq
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Turns:
    """At most `at_once` have a turn; who waits gets it by rank, lowest first, then by arrival."""

    def __init__(self, at_once: int) -> None:
        self._free = at_once
        self._at_once = at_once
        self._arrivals = itertools.count()
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []

    @property
    def idle(self) -> bool:
        """Tell whether nobody has a turn."""
        return self._free == self._at_once

    @property
    def waiting(self) -> int:
        """How many wait for a turn."""
        return len(self._waiting)

    @asynccontextmanager
    async def take(self, rank: int = 0) -> AsyncIterator[None]:
        """Have a turn."""
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


class TurnsByName:
    """One at a time for each name; at most `max_waiting` of a name wait."""

    def __init__(self, max_waiting: int) -> None:
        self._max_waiting = max_waiting
        self._of_name: dict[str, Turns] = {}

    @asynccontextmanager
    async def take(self, name: str) -> AsyncIterator[None]:
        """Have the name's turn.

        Raises:
            TooManyOfName: too many wait for it.
        """
        turns = self._of_name.setdefault(name, Turns(1))
        if turns.waiting >= self._max_waiting:
            raise TooManyOfName
        try:
            async with turns.take():
                yield
        finally:
            if turns.idle:
                self._of_name.pop(name, None)
