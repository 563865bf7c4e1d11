"""The transactional outbox: events and orders commit with the facts, and leave afterwards.

Every event leaves to the event store, in order (`outbox_to_store`). What the suite itself follows,
and orders, leave by the relay here, which publishes fresh rows in rounds. What a destination does
not take is kept apart and tried again there (`deferred`), so that a destination in trouble delays
nobody else (ADR 0024).
"""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any

import orjson
import structlog
from sqlalchemy import Table, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from csms_shared.broker.publisher import Publisher
from csms_shared.broker.topology import REQUESTS
from csms_shared.contracts.event_order import groups_in_order
from csms_shared.contracts.events import CloudEvent, on_the_wire
from csms_shared.db.engine import in_transaction
from csms_shared.db.outbox_deferred import DeferredMessage, DeferredMessages
from csms_shared.db.outbox_messages import Destination, is_followed, join_rows
from csms_shared.db.outbox_publishing import Attempt, OutboxPublisher
from csms_shared.db.outbox_refusals import Refusals
from csms_shared.db.outbox_to_store import OutboxToStore
from csms_shared.observability.system_notices import Tell, tell_nobody
from csms_shared.runtime.clock import monotonic
from csms_shared.runtime.errors import Unavailable
from csms_shared.runtime.retrying import until_available

log = structlog.get_logger(__name__)

ROUND_ROWS = 200
POLL_S = 1.0
# From one round's beginning to the next one's: each costs a transaction here and a message per
# routing key at every reader, and what gathers meanwhile shares them.
ROUNDS_APART_S = 0.03


# In the order of the groups, which their ids have too. What nobody in the suite follows has nowhere
# to leave to but the event store.
_WRITE = (
    "INSERT INTO {outbox} (routing_key, events, event_count, published_at) "
    "SELECT key, events, count, CASE WHEN followed THEN NULL ELSE now() END FROM unnest("
    "CAST(:keys AS text[]), CAST(:events AS bytea[]), CAST(:counts AS int[]), "
    "CAST(:followed AS boolean[])) WITH ORDINALITY AS d(key, events, count, followed, place) "
    "ORDER BY place"
)


async def write_events(
    connection: AsyncConnection, outbox: Table, events: Iterable[tuple[str, CloudEvent]]
) -> None:
    """Store events, each with its routing key, in the transaction of the facts they tell.

    A row holds events of one key. Rows are so many that the events of a subject are in the order
    given, row by row, but for those of a station that say its own order, (epoch, seq).
    """
    groups = groups_in_order((key, event.subject, event) for key, event in _as_caused([*events]))
    if not groups:
        return
    await connection.execute(
        text(_WRITE.format(outbox=outbox.name)),
        {
            "keys": [key for key, _ in groups],
            "events": [orjson.dumps([*map(on_the_wire, group)]) for _, group in groups],
            "counts": [len(group) for _, group in groups],
            "followed": [is_followed(key) for key, _ in groups],
        },
    )


def _as_caused(events: list[tuple[str, CloudEvent]]) -> list[tuple[str, CloudEvent]]:
    """Return events with those that one subject caused in its own order, where they say it.

    A batch handles its calls kind by kind, not as stations sent them. What becomes known of
    transactions is told in that order: what corrects an end was sent before it, and is told after.
    """
    places: dict[str, list[int]] = {}
    for place, (key, event) in enumerate(events):
        data = event.data
        stamped = type(data.get("seq")) is int and type(data.get("epoch")) is int
        if stamped and not key.startswith("transaction."):
            places.setdefault(event.subject, []).append(place)
    for own in places.values():
        if len(own) > 1:
            caused = sorted((events[place] for place in own), key=_cause)
            for place, told in zip(own, caused, strict=True):
                events[place] = told
    return events


def _cause(event: tuple[str, CloudEvent]) -> tuple[int, int]:
    data = event[1].data
    return data["epoch"], data["seq"]


class OutboxRelay:
    """Publishes committed events and orders to whom of the suite they concern, and to the store.

    Every replica may run one, rows are locked while they leave.
    """

    def __init__(
        self, engine: AsyncEngine, outbox: Table, publisher: Publisher, tell: Tell = tell_nobody
    ) -> None:
        self._engine = engine
        self._outbox = outbox
        self._refusals = Refusals(tell)
        self._publisher = OutboxPublisher(publisher, self._refusals)
        self._deferred = DeferredMessages(engine, self._publisher, self._refusals)
        self._to_store = OutboxToStore(engine, outbox, publisher)
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """Tell the relay that a transaction with events has committed."""
        self._wake.set()
        self._to_store.wake()

    def warnings(self) -> dict[str, str]:
        """Return why events do not reach the store now, as what makes nobody less ready."""
        return self._to_store.warnings()

    async def run(self) -> None:
        """Relay until cancelled; a poll each second finds what nobody announced."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._to_store.run())
            group.create_task(self._deferred.run())
            group.create_task(self._run_rounds())

    async def _run_rounds(self) -> None:
        retrying = until_available(Unavailable, on_failure=_log_wait)
        while True:
            began = monotonic()
            if await retrying(self.relay_round):
                continue
            await asyncio.sleep(began + ROUNDS_APART_S - monotonic())
            try:
                async with asyncio.timeout(POLL_S):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()

    async def relay_round(self) -> bool:
        """Publish up to `ROUND_ROWS` rows; true when there may be more.

        Raises:
            Unavailable: the database is away; unpublished rows stay for the next round.
        """
        try:
            return await in_transaction(self._engine, self._relay)
        finally:
            self._deferred.ended()

    async def store_round(self) -> bool:
        """Publish a round to the event store; true when there may be more.

        Raises:
            Unavailable: the database is away; unmarked rows stay for the next round.
        """
        return await self._to_store.relay_round()

    async def retry_round(self) -> bool:
        """Try what was deferred again; true when there may be more to do at once.

        Raises:
            Unavailable: the database is away.
        """
        return await self._deferred.retry_round()

    async def _relay(self, connection: AsyncConnection) -> bool:
        rows = await self._fresh(connection)
        if not rows:
            return False
        await self._deferred.learn(connection)
        joined = join_rows([(row.id, row.routing_key, row.events, row.event_count) for row in rows])
        wanted = [(one, to) for one in joined for to in one.destinations()]
        held = [pair for pair in wanted if self._has_to_wait(pair[1])]
        tried = [pair for pair in wanted if not self._has_to_wait(pair[1])]
        attempts = await self._publisher.attempt([(to, one.events) for one, to in tried])
        ended = list(zip(tried, attempts, strict=True))
        left = {
            row_id
            for (one, _), how in ended
            if how.attempt is Attempt.UNANSWERED
            for row_id in one.ids
        }
        refused = [(pair, how.going_on) for pair, how in ended if how.attempt is Attempt.REFUSED]
        await self._deferred.add(
            connection,
            [
                DeferredMessage(to, one.ids[0], one.events, one.count, going_on)
                for (one, to), going_on in (*((pair, None) for pair in held), *refused)
                if one.ids[0] not in left
            ],
        )
        await self._mark(connection, [row.id for row in rows if row.id not in left])
        if left:
            log.warning("outbox_unconfirmed", rows=len(left))
            return False
        return len(rows) == ROUND_ROWS

    def _has_to_wait(self, destination: Destination) -> bool:
        """Tell whether it follows what is deferred, in order: where one queue is all there is."""
        return destination.exchange == REQUESTS and self._deferred.holds(destination)

    async def _fresh(self, connection: AsyncConnection) -> Sequence[Any]:
        table = self._outbox
        # A mark that a crash undoes costs a repeated event with the same id, which is allowed. As
        # part of the query it costs no exchange of its own, and is evaluated once, if at all.
        without_waiting = select(func.set_config("synchronous_commit", "off", True))
        found = await connection.execute(
            select(
                table.c.id,
                table.c.routing_key,
                table.c.events,
                table.c.event_count,
                without_waiting.scalar_subquery(),
            )
            .where(table.c.published_at.is_(None))
            .order_by(table.c.id)
            .limit(ROUND_ROWS)
            .with_for_update(skip_locked=True)
        )
        return found.all()

    async def _mark(self, connection: AsyncConnection, ids: list[int]) -> None:
        if ids:
            await connection.execute(
                # One array whatever its length: each list of another length is another statement.
                update(self._outbox)
                .where(self._outbox.c.id == func.any(ids))
                .values(published_at=func.now())
            )


async def _log_wait(error: BaseException) -> None:
    log.warning("outbox_waits", error=str(error))
