"""The transactional outbox: events and orders commit with the facts, and leave afterwards."""

import asyncio
from collections.abc import Iterable, Sequence

import orjson
import structlog
from sqlalchemy import ARRAY, BigInteger, Table, any_, cast, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from csms_shared.broker.errors import PublishReturned
from csms_shared.broker.publisher import Outgoing, Publisher
from csms_shared.broker.topology import (
    COMMAND_COMPLETED_KEY,
    COMMAND_ORDERS_KEY,
    EVENTS,
    REQUESTS,
    command_completed_key,
)
from csms_shared.clock import monotonic
from csms_shared.contracts.envelope import BATCH_MAX_BYTES, BATCH_MAX_ITEMS
from csms_shared.contracts.events import EVENTS_CONTENT_TYPE, CloudEvent
from csms_shared.contracts.message_types import MessageType
from csms_shared.db.engine import in_transaction
from csms_shared.errors import Unavailable
from csms_shared.retrying import until_available

log = structlog.get_logger(__name__)

ROUND_ROWS = 200
POLL_S = 1.0
# From one round's beginning to the next one's: each costs a transaction here and a message per
# routing key at every reader, and what gathers meanwhile shares them.
ROUNDS_APART_S = 0.03


async def write_events(
    connection: AsyncConnection, outbox: Table, events: Iterable[tuple[str, CloudEvent]]
) -> None:
    """Store events, each with its routing key, in the transaction of the facts they tell."""
    by_key: dict[str, list[dict[str, object]]] = {}
    for routing_key, event in events:
        # An event holds plain JSON already: to dump it as a model would copy every value.
        by_key.setdefault(routing_key, []).append(vars(event))
    if not by_key:
        return
    await connection.execute(
        outbox.insert(),
        [
            {"routing_key": key, "events": orjson.dumps(group), "event_count": len(group)}
            for key, group in sorted(by_key.items())
        ],
    )


class OutboxRelay:
    """Publishes committed events; every replica may run one, rows are locked while they leave."""

    def __init__(self, engine: AsyncEngine, outbox: Table, publisher: Publisher) -> None:
        self._engine = engine
        self._outbox = outbox
        self._publisher = publisher
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """Tell the relay that a transaction with events has committed."""
        self._wake.set()

    async def run(self) -> None:
        """Relay until cancelled; a poll each second finds what nobody announced."""
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
            Unavailable: database or broker are away; unpublished rows stay for the next round.
        """
        return await in_transaction(self._engine, self._relay)

    async def _relay(self, connection: AsyncConnection) -> bool:
        table = self._outbox
        # A mark that a crash undoes costs a repeated event with the same id, which is allowed. As
        # part of the query it costs no exchange of its own, and is evaluated once, if at all.
        without_waiting = select(func.set_config("synchronous_commit", "off", True))
        rows = (
            await connection.execute(
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
        ).all()
        if not rows:
            return False
        groups = _messages([(row.id, row.routing_key, row.events, row.event_count) for row in rows])
        outcomes = await self._publisher.publish_all([message for _, message in groups])
        published = [
            row_id
            for (ids, message), outcome in zip(groups, outcomes, strict=True)
            if outcome is None
            # Nobody has bound a queue for such events, which is nobody's loss. An order stays.
            or (isinstance(outcome, PublishReturned) and message.exchange == EVENTS)
            for row_id in ids
        ]
        if published:
            await connection.execute(
                # One array whatever its length: each list of another length is another statement.
                update(table)
                .where(table.c.id == any_(cast(published, ARRAY(BigInteger))))
                .values(published_at=func.now())
            )
        if len(published) < len(rows):
            log.warning("outbox_unconfirmed", rows=len(rows) - len(published))
            return False
        return len(rows) == ROUND_ROWS


async def _log_wait(error: BaseException) -> None:
    log.warning("outbox_waits", error=str(error))


def _messages(rows: Sequence[tuple[int, str, bytes, int]]) -> list[tuple[list[int], Outgoing]]:
    """Join rows of one routing key into messages of a batch's size."""
    open_groups: dict[str, tuple[list[int], list[bytes], int, int]] = {}
    closed: list[tuple[list[int], Outgoing]] = []

    def close(key: str) -> None:
        ids, parts, _, _ = open_groups.pop(key)
        # Each part is a non-empty JSON array: joined without parsing them again.
        closed.append((ids, _message(key, b"[" + b",".join(part[1:-1] for part in parts) + b"]")))

    for row_id, key, events, count in rows:
        if key in open_groups:
            _, _, size, items = open_groups[key]
            if size + len(events) > BATCH_MAX_BYTES or items + count > BATCH_MAX_ITEMS:
                close(key)
        ids, parts, size, items = open_groups.get(key, ([], [], 0, 0))
        ids.append(row_id)
        parts.append(bytes(events))
        open_groups[key] = (ids, parts, size + len(events), items + count)
    for key in list(open_groups):
        close(key)
    return closed


def _message(key: str, items: bytes) -> Outgoing:
    if key == COMMAND_ORDERS_KEY:
        return Outgoing(REQUESTS, key, MessageType.COMMAND_ORDERS, b'{"items":' + items + b"}")
    also: tuple[str, ...] = ()
    if key.startswith(command_completed_key("")):
        key, also = COMMAND_COMPLETED_KEY, (key,)
    return Outgoing(
        EVENTS, key, MessageType.EVENTS, items, content_type=EVENTS_CONTENT_TYPE, also=also
    )
