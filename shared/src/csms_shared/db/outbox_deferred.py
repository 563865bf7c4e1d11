"""Messages that a destination did not take: kept apart, tried again there, in bounded numbers.

For the suite's own queues they are kept until they are taken (`outbox_deferred`). For the queues of
subscribers (`public_deferred`, of the service that feeds the public exchange) they are kept for
`KEPT_FOR_S` after the destination has begun to refuse, `MOST_KEPT` at most, and each is published
`MOST_ATTEMPTS` times at most. While a destination refuses, one message at a time is tried there;
once it takes one, the others follow, twice as many each time.
"""

# ruff: noqa: S608 - put together from literals; every value is a parameter

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile

import structlog
from sqlalchemy import MetaData, TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from csms_shared.broker.topology import EVENTS
from csms_shared.db.engine import in_transaction
from csms_shared.db.index_plans import plan_by_indexes
from csms_shared.db.outbox_late import LateConfirms, Sent, was_taken
from csms_shared.db.outbox_messages import Destination
from csms_shared.db.outbox_publishing import Attempt, Ended, OutboxPublisher
from csms_shared.db.outbox_refusals import KEPT_FOR_S, Refusals
from csms_shared.db.row_arrays import arrays, columns_of, unnest
from csms_shared.db.tables import outbox_deferred_table
from csms_shared.observability.metrics import (
    PUBLIC_EVENTS_DEFERRED,
    PUBLIC_EVENTS_DROPPED,
    PUBLIC_EVENTS_REFUSED,
    PUBLIC_KEYS_REFUSED,
)
from csms_shared.runtime.errors import Unavailable

log = structlog.get_logger(__name__)

OWN_TABLE = "outbox_deferred"
PUBLIC_TABLE = "public_deferred"
MOST_KEPT = 5_000
# More than there are turns in `KEPT_FOR_S`: only a queue that takes some and refuses others
# makes a message come so often.
MOST_ATTEMPTS = 12
RETRIED_EVERY_S = 1.0
_MOST_AT_ONCE = 50
# The destinations one by one, each found behind the one before it, so that what waits for the
# suite's own queues, without a bound, is neither read nor counted. Of what is kept for subscribers
# `MOST_KEPT` are counted.
_DESTINATIONS = (
    "WITH RECURSIVE known AS ("
    "(SELECT exchange, routing_key FROM {table} ORDER BY exchange, routing_key LIMIT 1) "
    "UNION ALL SELECT following.* FROM known CROSS JOIN LATERAL ("
    "SELECT exchange, routing_key FROM {table} AS later "
    "WHERE (later.exchange, later.routing_key) > (known.exchange, known.routing_key) "
    "ORDER BY exchange, routing_key LIMIT 1) AS following) "
    "SELECT exchange, routing_key, messages, events FROM known CROSS JOIN LATERAL ("
    "SELECT count(*) AS messages, coalesce(sum(event_count), 0) AS events FROM ("
    "SELECT event_count FROM {table} AS own "
    "WHERE own.exchange = known.exchange AND own.routing_key = known.routing_key "
    "LIMIT :most_counted"
    ") AS counted) AS kept"
)
_KEEP = (
    "INSERT INTO {table} (exchange, routing_key, outbox_id, events, event_count) "
    "VALUES (:exchange, :routing_key, :outbox_id, :events, :event_count)"
)
_OLDEST = (
    "SELECT outbox_id, events, event_count FROM {table} "
    "WHERE exchange = :exchange AND routing_key = :routing_key "
    "ORDER BY outbox_id LIMIT :limit FOR UPDATE SKIP LOCKED"
)
_GIVEN = columns_of(
    outbox_deferred_table(MetaData()), "exchange", "routing_key", "outbox_id", "events"
)
_AMONG_GIVEN = (
    f"{unnest(_GIVEN, 'given')} "
    "WHERE kept.exchange = given.exchange "
    "AND kept.routing_key = given.routing_key "
    "AND kept.outbox_id = given.outbox_id "
    "AND kept.events = given.events"
)
_REMOVE = (
    f"DELETE FROM {{table}} AS kept USING {_AMONG_GIVEN} "
    "RETURNING kept.exchange, kept.routing_key, kept.outbox_id, kept.events"
)
_COUNT_ATTEMPT = f"UPDATE {{table}} AS kept SET attempts = attempts + 1 FROM {_AMONG_GIVEN}"
_DROP = (
    "WITH dropped AS (DELETE FROM {table} WHERE exchange = :exchange "
    "AND routing_key = :routing_key AND {condition} RETURNING event_count) "
    "SELECT coalesce(sum(event_count), 0) FROM dropped"
)
_OLD = "created_at < now() - make_interval(secs => :kept)"
_TRIED = "attempts >= :attempts"


@dataclass(frozen=True, slots=True)
class DeferredMessage:
    """A message by the first of its outbox rows; `events` is a JSON array of `count`.

    `going_on` may still bring the confirm of the attempt that it is deferred after.
    """

    destination: Destination
    outbox_id: int
    events: bytes
    count: int
    going_on: asyncio.Task[bool] | None = None

    @property
    def sent(self) -> Sent:
        """What is known of it elsewhere."""
        return Sent(self.destination, self.outbox_id, self.events)


class DeferredMessages:
    """The table of what was not taken, and the relay that empties it."""

    def __init__(
        self,
        engine: AsyncEngine,
        publisher: OutboxPublisher,
        refusals: Refusals,
        *,
        table: str = OWN_TABLE,
    ) -> None:
        self._engine = engine
        self._publisher = publisher
        self._refusals = refusals
        self._table = table
        self._is_public = table == PUBLIC_TABLE
        self._kept: Counter[Destination] = Counter()
        self._is_counted = False
        # What was added by a transaction that has not ended, and by those that have since the last
        # count began, which may not have seen it.
        self._being_added: Counter[Destination] = Counter()
        self._added: Counter[Destination] = Counter()
        self._at_once: dict[Destination, int] = {}
        self._late = LateConfirms()

    async def learn(self, connection: AsyncConnection) -> None:
        """Count what is kept from before, once: nothing that is told now may leave before it."""
        if not self._is_counted:
            await plan_by_indexes(connection)
            await self._count(connection)

    def holds(self, destination: Destination) -> bool:
        """Tell whether messages to it are kept here, or had better be."""
        return self._kept[destination] > 0 or self._refusals.refuses(destination)

    async def add(self, connection: AsyncConnection, messages: Sequence[DeferredMessage]) -> None:
        """Keep messages that were not taken, in the transaction that marks their rows."""
        kept = []
        for message in messages:
            keeps = not self._is_public or self._may_be_kept(message.destination)
            if self._is_public:
                _count_refused(message, keeps)
            if keeps:
                self._kept[message.destination] += 1
                self._being_added[message.destination] += 1
                kept.append(message)
                self._watch(message.sent, message.going_on)
        if kept:
            await connection.execute(
                self._sql(_KEEP),
                [
                    {
                        "exchange": message.destination.exchange,
                        "routing_key": message.destination.routing_key,
                        "outbox_id": message.outbox_id,
                        "events": message.events,
                        "event_count": message.count,
                    }
                    for message in kept
                ],
            )

    def ended(self) -> None:
        """Tell that the transaction of `add` has ended, however it did."""
        self._added += self._being_added
        self._being_added.clear()

    def _watch(self, sent: Sent, going_on: asyncio.Task[bool] | None) -> None:
        if going_on is not None:
            self._late.watch(sent, going_on)

    def _may_be_kept(self, destination: Destination) -> bool:
        kept = self._kept.total()
        return kept < MOST_KEPT and not self._refusals.refuses_for_good(destination)

    def _sql(self, statement: str, **parts: str) -> TextClause:
        return text(statement.format(table=self._table, **parts))

    async def run(self) -> None:
        """Try again until cancelled."""
        while True:
            try:
                more = await self.retry_round()
            except Unavailable as error:
                log.warning("deferred_events_wait", error=str(error))
                more = False
            if self._is_public:
                PUBLIC_KEYS_REFUSED.set(len(self._refusals.refusing(EVENTS)))
            await asyncio.sleep(0 if more else RETRIED_EVERY_S)

    async def retry_round(self) -> bool:
        """Try some again; true when a destination takes them and has more.

        Raises:
            Unavailable: the database is away.
        """
        await self._remove_taken()
        return await in_transaction(self._engine, self._retry)

    async def _remove_taken(self) -> None:
        """Delete what was taken late; by itself, for an attempt that fails brings no row back."""
        taken = self._late.taken()
        if not taken:
            return

        async def work(connection: AsyncConnection) -> list[Sent]:
            await plan_by_indexes(connection)
            return await self._remove(connection, taken)

        for sent in await in_transaction(self._engine, work):
            self._late.gone(sent)

    async def _retry(self, connection: AsyncConnection) -> bool:
        await plan_by_indexes(connection)
        await self._count(connection)
        messages: list[DeferredMessage] = []
        for destination in list(self._kept):
            if self._is_public and self._refusals.refuses_for_good(destination):
                await self._drop(connection, _OLD, destination)
            messages += await self._next(connection, destination)
        if not messages:
            return False
        attempts = await self._publisher.attempt(
            [(message.destination, message.events) for message in messages]
        )
        return await self._note(connection, messages, attempts)

    async def _next(
        self, connection: AsyncConnection, destination: Destination
    ) -> list[DeferredMessage]:
        """Return what to try there now: in order, and nothing that is still under way."""
        oldest = await self._oldest(connection, destination, self._how_many(destination))
        return list(takewhile(lambda one: not self._late.is_under_way(one.sent), oldest))

    async def _note(
        self,
        connection: AsyncConnection,
        messages: Sequence[DeferredMessage],
        attempts: Sequence[Ended],
    ) -> bool:
        ended: dict[Attempt, list[DeferredMessage]] = {attempt: [] for attempt in Attempt}
        for message, how in zip(messages, attempts, strict=True):
            ended[how.attempt].append(message)
            self._watch(message.sent, how.going_on)
        await self._remove(connection, [message.sent for message in ended[Attempt.TAKEN]])
        await self._count_attempt(connection, ended[Attempt.REFUSED])
        return self._go_on(ended)

    def _go_on(self, ended: Mapping[Attempt, Sequence[DeferredMessage]]) -> bool:
        """Learn how many to send next; true when there are some for one that takes them."""
        for message in ended[Attempt.TAKEN]:
            self._kept[message.destination] -= 1
        taking = {one.destination for one in ended[Attempt.TAKEN]}
        taking -= {one.destination for one in ended[Attempt.REFUSED]}
        taking -= {one.destination for one in ended[Attempt.UNANSWERED]}
        self._at_once = {one: min(self._at_once.get(one, 1) * 2, _MOST_AT_ONCE) for one in taking}
        return any(self._kept[destination] > 0 for destination in taking)

    async def _count(self, connection: AsyncConnection) -> None:
        """Learn where something is kept, and how much of it, as far as that matters."""
        self._added.clear()
        most = MOST_KEPT if self._is_public else _MOST_AT_ONCE + 1
        found = await connection.execute(self._sql(_DESTINATIONS), {"most_counted": most})
        rows = found.all()
        self._kept = Counter(
            {Destination(row.exchange, row.routing_key): row.messages for row in rows}
        )
        # Without them, an order that is told next would leave before one that is deferred just now.
        self._kept += self._added + self._being_added
        self._is_counted = True
        if self._is_public:
            PUBLIC_EVENTS_DEFERRED.set(sum(row.events for row in rows))

    def _how_many(self, destination: Destination) -> int:
        if not self._refusals.refuses(destination):
            return self._at_once.get(destination, 1)
        return 1 if self._refusals.is_its_turn(destination) else 0

    async def _oldest(
        self, connection: AsyncConnection, destination: Destination, limit: int
    ) -> list[DeferredMessage]:
        if not limit:
            return []
        found = await connection.execute(
            self._sql(_OLDEST), {**destination._asdict(), "limit": limit}
        )
        return [
            DeferredMessage(destination, row.outbox_id, bytes(row.events), row.event_count)
            for row in found
        ]

    async def _remove(self, connection: AsyncConnection, messages: Sequence[Sent]) -> list[Sent]:
        """Delete messages; return those that were there."""
        if not messages:
            return []
        found = await connection.execute(self._sql(_REMOVE), _given(messages))
        return [Sent(Destination(row[0], row[1]), row[2], bytes(row[3])) for row in found]

    async def _count_attempt(
        self, connection: AsyncConnection, messages: Sequence[DeferredMessage]
    ) -> None:
        if not messages:
            return
        await connection.execute(
            self._sql(_COUNT_ATTEMPT), _given([message.sent for message in messages])
        )
        if self._is_public:
            for destination in {one.destination for one in messages}:
                await self._drop(connection, _TRIED, destination)

    async def _drop(
        self, connection: AsyncConnection, condition: str, destination: Destination
    ) -> None:
        dropped = await connection.execute(
            self._sql(_DROP, condition=condition),
            {**destination._asdict(), "kept": KEPT_FOR_S, "attempts": MOST_ATTEMPTS},
        )
        if events := int(dropped.scalar_one()):
            PUBLIC_EVENTS_DROPPED.inc(events)
            log.error("events_dropped", key=destination.routing_key, events=events)


def _given(messages: Sequence[Sent]) -> dict[str, list[object]]:
    return arrays(_GIVEN, [(*one.destination, one.outbox_id, one.events) for one in messages])


def _count_refused(message: DeferredMessage, keeps: bool) -> None:
    """Count what a subscriber's queue did not take, and what it will miss, once that is certain."""

    def count(going_on: asyncio.Task[bool] | None) -> None:
        if going_on is not None and was_taken(going_on):
            return
        PUBLIC_EVENTS_REFUSED.inc(message.count)
        if not keeps:
            PUBLIC_EVENTS_DROPPED.inc(message.count)

    if message.going_on is None:
        count(None)
    else:
        message.going_on.add_done_callback(count)
