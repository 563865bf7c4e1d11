"""Publishing stored events to the subscribers, in the order of positions.

One replica at a time publishes, in rounds: those who come while its round lasts leave it to the
next. A round that nobody confirmed is published again, by whoever comes; so events may come twice,
and the first copies come in order. A queue that does not take its events holds up nobody else
(`DeferredMessages`), and is told of them out of order when it takes some again.
"""

import asyncio
from collections.abc import Iterable, Sequence

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from csms_shared.broker.publisher import Publisher
from csms_shared.broker.topology import COMMAND_COMPLETED_KEY, EVENTS, command_completed_key
from csms_shared.contracts.envelope import BATCH_MAX_BYTES, BATCH_MAX_ITEMS
from csms_shared.contracts.event_order import groups_in_order
from csms_shared.db.engine import in_transaction
from csms_shared.db.outbox_deferred import PUBLIC_TABLE, DeferredMessage, DeferredMessages
from csms_shared.db.outbox_messages import Destination
from csms_shared.db.outbox_publishing import Attempt, OutboxPublisher
from csms_shared.db.outbox_refusals import Refusals
from csms_shared.observability.system_notices import Tell, tell_nobody
from csms_shared.runtime.clock import monotonic
from csms_shared.runtime.errors import Unavailable
from csms_shared.runtime.retrying import until_available
from integration_service.event_store.lines import Line
from integration_service.event_store.reading import Wanted, look
from integration_service.public_exchange.metrics import FEED_POSITION

log = structlog.get_logger(__name__)

ROUND_EVENTS = 1_000
POLL_S = 1.0
# From one round's beginning to the next one's: each costs a transaction, and a message per routing
# key at every subscriber, and what gathers meanwhile shares them.
ROUNDS_APART_S = 0.1
# Whoever is frozen in the middle of a round holds the others up for so long.
_LONGEST_IDLE = "10s"
_ACTION_MAX = 50
_ALL = Wanted(tenant_id=None)
# What was kept for its time while the feed stood still is gone. In one exchange: there are many
# rounds.
_TAKE_TURN = text(
    "SELECT position, (SELECT min(position) FROM event_floor) AS floor, "
    "(SELECT position FROM event_head) AS head, "
    "set_config('synchronous_commit', 'off', true), "
    "set_config('idle_in_transaction_session_timeout', :longest_idle, true) "
    "FROM public_feed FOR UPDATE SKIP LOCKED"
)
_MOVE_ON = text("UPDATE public_feed SET position = :position")

_Message = tuple[Destination, int, bytes, int]


class PublicFeed:
    """The feed of one process; every replica may run one."""

    def __init__(self, engine: AsyncEngine, publisher: Publisher, tell: Tell = tell_nobody) -> None:
        self._engine = engine
        self._refusals = Refusals(tell)
        self._publisher = OutboxPublisher(publisher, self._refusals)
        self._deferred = DeferredMessages(
            engine, self._publisher, self._refusals, table=PUBLIC_TABLE
        )
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """Tell the feed that something was stored."""
        self._wake.set()

    def warnings(self) -> dict[str, str]:
        """Return which events somebody's queue refuses now, as what makes nobody less ready."""
        keys = self._refusals.refusing(EVENTS)
        return {"subscribers": f"a queue does not take {', '.join(keys)}"} if keys else {}

    async def run(self) -> None:
        """Publish until cancelled; a poll each second finds what another replica has stored."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._deferred.run())
            group.create_task(self._run_rounds())

    async def _run_rounds(self) -> None:
        retrying = until_available(Unavailable, on_failure=_log_wait)
        while True:
            began = monotonic()
            if await retrying(self.round):
                continue
            await asyncio.sleep(began + ROUNDS_APART_S - monotonic())
            try:
                async with asyncio.timeout(POLL_S):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()

    async def round(self) -> bool:
        """Publish up to `ROUND_EVENTS` events; true when there may be more.

        Raises:
            Unavailable: the database is away; nothing is skipped.
        """
        try:
            return await in_transaction(self._engine, self._publish_next)
        finally:
            self._deferred.ended()

    async def retry_round(self) -> bool:
        """Try what was deferred again; true when there may be more to do at once.

        Raises:
            Unavailable: the database is away.
        """
        return await self._deferred.retry_round()

    async def _publish_next(self, connection: AsyncConnection) -> bool:
        turn = (await connection.execute(_TAKE_TURN, {"longest_idle": _LONGEST_IDLE})).first()
        if turn is None:
            return False
        begin = max(turn.position, turn.floor)
        found = await look(connection, _ALL, begin, turn.head, ROUND_EVENTS)
        if found.position == turn.position:
            FEED_POSITION.set(found.position)
            return False
        if found.events and not await self._publish(connection, _messages(found.events)):
            log.warning("public_feed_unconfirmed", after=turn.position)
            return False
        await connection.execute(_MOVE_ON, {"position": found.position})
        FEED_POSITION.set(found.position)
        return not found.is_end

    async def _publish(self, connection: AsyncConnection, messages: Sequence[_Message]) -> bool:
        """Publish a round; false where the broker does not answer, and all has to come again."""
        await self._deferred.learn(connection)
        ended = await self._publisher.attempt([(to, body) for to, _, body, _ in messages])
        if any(how.attempt is Attempt.UNANSWERED for how in ended):
            return False
        await self._deferred.add(
            connection,
            [
                DeferredMessage(to, first, body, count, how.going_on)
                for (to, first, body, count), how in zip(messages, ended, strict=True)
                if how.attempt is Attempt.REFUSED
            ],
        )
        return True


def _messages(events: Iterable[tuple[int, Line]]) -> list[_Message]:
    """Return messages of one routing key each; those of a subject keep their order."""
    groups = groups_in_order((_key_of(line), line.subject, (at, line)) for at, line in events)
    messages: list[_Message] = []
    for key, group in groups:
        parts: list[bytes] = []
        size, first = 0, group[0][0]
        for at, line in group:
            part = line.with_position(at)
            if parts and (len(parts) == BATCH_MAX_ITEMS or size + len(part) > BATCH_MAX_BYTES):
                messages.append(_message(key, first, parts))
                parts, size, first = [], 0, at
            parts.append(part)
            size += len(part)
        messages.append(_message(key, first, parts))
    return messages


def _message(key: str, first: int, parts: Sequence[bytes]) -> _Message:
    return Destination(EVENTS, key), first, b"[" + b",".join(parts) + b"]", len(parts)


def _key_of(line: Line) -> str:
    key = line.routing_key.decode()
    if key == COMMAND_COMPLETED_KEY:
        # Subscribers may follow the ends of some commands only.
        data = line.event().get("data")
        action = data.get("action") if isinstance(data, dict) else None
        if isinstance(action, str) and action.isalnum() and len(action) <= _ACTION_MAX:
            return command_completed_key(action)
    return key


async def _log_wait(error: BaseException) -> None:
    log.warning("public_feed_waits", error=str(error))
