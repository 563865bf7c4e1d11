"""One client's stream: from its position on every event that it wants, once and in order."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TypeVar

from command_api.live_events.domain.events import LiveEvent, Wanted, live_event
from command_api.live_events.handlers.hub import EventHub
from command_api.live_events.handlers.stored_events import StoredEvents
from command_api.ports import ServiceAway
from csms_shared.contracts.refusals import ProblemRaised, refuse

READ_AGAIN_S = 1.0
# So many are looked at before others get their turn.
_RING_CHUNK = 500

Result = TypeVar("Result")


class StreamEnded(Exception):
    """There will be no more events; says why."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """What comes next: all that is wanted up to `position`."""

    events: list[LiveEvent]
    position: int


class Stream:
    """Has a position of its own: what the ring has not, or no longer, it reads from the store.

    So a slow client costs no memory and holds nobody up, and nothing is lost while the store or
    the broker is away.
    """

    def __init__(self, hub: EventHub, store: StoredEvents, wanted: Wanted) -> None:
        self._hub = hub
        self._store = store
        self._wanted = wanted
        self._position = 0
        self._first: Chunk | None = None
        self._wake = asyncio.Event()
        self._ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    @property
    def position(self) -> int:
        """Up to where everything that is wanted was returned."""
        return self._position

    @property
    def is_ended(self) -> bool:
        """Tell whether there will be no more."""
        return self._ended.done()

    def wake(self) -> None:
        """The store has come further."""
        self._wake.set()

    def end(self, reason: str) -> None:
        """Return nothing more, for this reason."""
        if not self._ended.done():
            self._ended.set_result(reason)
        self._wake.set()

    async def begin(self, after: int | None, given_as: str) -> None:
        """Begin after a position, which is `given_as`, or with what is stored from now on.

        Raises:
            ProblemRaised: 410, what follows the position is kept no longer; 422, it is none yet.
            ServiceAway: the store does not answer.
        """
        head = await self._store.head()
        self._hub.reach(head)
        if after is not None and after > head:
            problem = (given_as, f"the newest event has the position {head}")
            raise refuse(422, "position_unknown", "no event has this position yet", problem)
        self._position = head if after is None else after
        if self._position < head and not self._hub.ring.leads_on_from(self._position):
            self._first = await self._page()

    async def next(self) -> Chunk:
        """Return what comes next, when there is something or the position has moved.

        Raises:
            StreamEnded: there will be no more.
        """
        while True:
            self._require_open()
            chunk = await self._look()
            if chunk is not None:
                self._position = chunk.position
                return chunk

    def _require_open(self) -> None:
        if self._ended.done():
            raise StreamEnded(self._ended.result())

    async def _look(self) -> Chunk | None:
        first, self._first = self._first, None
        if first is not None:
            return first
        self._wake.clear()
        if self._position >= self._hub.head:
            await self._wake.wait()
            return None
        if self._hub.ring.leads_on_from(self._position):
            return await self._recent()
        return await self._unless_ended(self._stored())

    async def _recent(self) -> Chunk:
        found, position = self._hub.ring.after(self._position, _RING_CHUNK)
        await asyncio.sleep(0)
        return Chunk([event for event in found if self._wanted.holds(event)], position)

    async def _stored(self) -> Chunk | None:
        try:
            chunk = await self._page()
        except ServiceAway:
            chunk = None
        except ProblemRaised as refused:
            if refused.problem.status < 500:
                raise StreamEnded(refused.problem.detail) from refused
            chunk = None
        if chunk is None or chunk.position <= self._position:
            # It is away, or not as far as it was said to be.
            await asyncio.sleep(READ_AGAIN_S)
            return None
        return chunk

    async def _page(self) -> Chunk:
        page = await self._store.read_for_stream(self._wanted, self._position)
        return Chunk([live_event(item) for item in page.items], page.position)

    async def _unless_ended(self, work: Awaitable[Result]) -> Result | None:
        working = asyncio.ensure_future(work)
        try:
            await asyncio.wait((working, self._ended), return_when=asyncio.FIRST_COMPLETED)
            return working.result() if working.done() else None
        finally:
            working.cancel()
