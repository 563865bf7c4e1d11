"""What is told after a commit: each destination by itself, so that none waits for another's.

The commit stands, whatever becomes of its replies (docs/adr/0028). A batch waits a moment for the
confirms of its replies and is acknowledged then, so that a process that dies in between answers
again. A destination that has not confirmed by then is in doubt: what comes for it next waits in
its own backlog, goes out over channels of its own, and is dropped when nobody waits for it any
more. Whoever misses a reply has another way to the truth: a station's repeated call finds the
stored answer, a gateway looks up and re-asserts.
"""

import asyncio
import random
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, NamedTuple

import structlog

from csms_shared.broker.errors import PublishReturned, PublishUnconfirmed
from csms_shared.broker.publisher import Outgoing, Publisher
from csms_shared.observability.metrics import REPLIES_UNDELIVERED
from csms_shared.runtime.clock import monotonic
from csms_shared.runtime.retrying import SHORTEST_PAUSE_S

log = structlog.get_logger(__name__)

# Nearly every confirm comes within milliseconds.
SETTLE_S = 0.25
ATTEMPT_S = 5.0
# As long as a gateway waits for a decision (`call_deadline_s`); a claim waits for less.
GIVE_UP_S = 10.0
BACKLOG_MAX_MESSAGES = 1_000
BACKLOG_MAX_BYTES = 16 * 1024 * 1024
_LONGEST_PAUSE_S = 1.0
_AT_ONCE = 50


class _Waiting(NamedTuple):
    reply: Outgoing
    give_up_at: float


class _Backlog:
    """Replies to a destination in doubt, oldest first, and the attempts that raised the doubt."""

    def __init__(self, publisher: Publisher) -> None:
        self.publisher = publisher
        self.undecided: set[asyncio.Task[None]] = set()
        self.came = asyncio.Event()
        self._waiting: deque[_Waiting] = deque()
        self._size = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, waiting: _Waiting) -> bool:
        """Take a reply; false where there is no room."""
        size = len(waiting.reply.body)
        if len(self._waiting) >= BACKLOG_MAX_MESSAGES or self._size + size > BACKLOG_MAX_BYTES:
            return False
        self._waiting.append(waiting)
        self._size += size
        self.came.set()
        return True

    def put_back(self, group: Sequence[_Waiting]) -> None:
        """Put what was taken in front again, whatever room there is."""
        self._waiting.extendleft(reversed(group))
        self._size += sum(len(waiting.reply.body) for waiting in group)

    def take(self, most: int) -> list[_Waiting]:
        """Take the oldest."""
        group = [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]
        self._size -= sum(len(waiting.reply.body) for waiting in group)
        return group


class Replies:
    """Delivers replies over `publisher`, and those to a destination in doubt over one of its own.

    `make_publisher` makes such a publisher. Undelivered replies are counted, never raised.
    """

    def __init__(self, publisher: Publisher, make_publisher: Callable[[], Publisher]) -> None:
        self._publisher = publisher
        self._make_publisher = make_publisher
        self._in_doubt: dict[str, _Backlog] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def in_doubt(self) -> frozenset[str]:
        """Return the destinations that have not confirmed lately."""
        return frozenset(self._in_doubt)

    async def deliver(self, replies: Sequence[Outgoing]) -> None:
        """Send replies; return once each is confirmed, or after `SETTLE_S` seconds."""
        give_up_at = monotonic() + GIVE_UP_S
        attempts: dict[asyncio.Task[None], str] = {}
        for reply in replies:
            destination = destination_of(reply)
            if destination in self._in_doubt:
                self._set_aside(destination, _Waiting(reply, give_up_at))
            else:
                attempt = self._start(self._attempt(destination, _Waiting(reply, give_up_at)))
                attempts[attempt] = destination
        if attempts:
            _, slow = await asyncio.wait(attempts, timeout=SETTLE_S)
            for attempt in slow:
                self._doubt(attempts[attempt]).undecided.add(attempt)

    async def finish(self, within_s: float) -> None:
        """Give what is on its way `within_s` seconds, and drop the rest."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=within_s)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _attempt(self, destination: str, waiting: _Waiting) -> None:
        try:
            await self._publisher.publish(waiting.reply, ATTEMPT_S)
        except PublishReturned:
            return  # Whoever asked has gone, and nobody waits.
        except PublishUnconfirmed:
            self._doubt(destination)
            self._set_aside(destination, waiting)

    def _doubt(self, destination: str) -> _Backlog:
        backlog = self._in_doubt.get(destination)
        if backlog is None:
            log.warning("destination_in_doubt", destination=destination)
            backlog = self._in_doubt[destination] = _Backlog(self._make_publisher())
            self._start(self._serve(destination, backlog))
        return backlog

    def _set_aside(self, destination: str, waiting: _Waiting) -> None:
        if not self._in_doubt[destination].add(waiting):
            REPLIES_UNDELIVERED.labels("no_room").inc()

    async def _serve(self, destination: str, backlog: _Backlog) -> None:
        """Send the backlog until all of it is confirmed, or too old."""
        at_once, pause_s = 1, SHORTEST_PAUSE_S
        try:
            while await self._more(backlog):
                group = _in_time(backlog.take(at_once))
                unconfirmed = await _publish(backlog.publisher, group)
                if unconfirmed:
                    backlog.put_back(unconfirmed)
                    at_once, pause_s = 1, min(2 * pause_s, _LONGEST_PAUSE_S)
                    await asyncio.sleep(pause_s * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
                elif group:
                    at_once, pause_s = _AT_ONCE, SHORTEST_PAUSE_S
        finally:
            del self._in_doubt[destination]
            backlog.publisher.close()
        log.info("destination_confirms", destination=destination)

    async def _more(self, backlog: _Backlog) -> bool:
        """Wait until there is something to send; false once no attempt is undecided either."""
        while not backlog:
            backlog.undecided = {attempt for attempt in backlog.undecided if not attempt.done()}
            if not backlog.undecided:
                return False
            backlog.came.clear()
            came = asyncio.create_task(backlog.came.wait())
            try:
                await asyncio.wait({came, *backlog.undecided}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                came.cancel()
        return True


def destination_of(reply: Outgoing) -> str:
    """Return the life of the process that a reply is for: what its routing key begins with."""
    return reply.routing_key.partition(".")[0]


def _in_time(group: Sequence[_Waiting]) -> list[_Waiting]:
    now = monotonic()
    kept = [waiting for waiting in group if waiting.give_up_at > now]
    REPLIES_UNDELIVERED.labels("unconfirmed").inc(len(group) - len(kept))
    return kept


async def _publish(publisher: Publisher, group: Sequence[_Waiting]) -> list[_Waiting]:
    """Publish replies; return those that are not confirmed."""
    outcomes = await publisher.publish_all([waiting.reply for waiting in group], ATTEMPT_S)
    return [
        waiting
        for waiting, outcome in zip(group, outcomes, strict=True)
        if isinstance(outcome, PublishUnconfirmed)
    ]
