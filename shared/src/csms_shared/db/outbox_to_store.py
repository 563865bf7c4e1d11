"""Every event of an outbox on its way to the event store, in the order of its rows.

One message after the other, each confirmed before the next: so what was told of a subject first is
stored first, whatever dies in between. Two relays that publish the same rows, as after one was
frozen, repeat events and overtake none: each begins with the oldest row that is not marked.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

import structlog
from sqlalchemy import Table, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from csms_shared.broker.errors import PublishReturned, PublishUnconfirmed
from csms_shared.broker.publisher import Outgoing, Publisher
from csms_shared.broker.topology import COMMAND_ORDERS_KEY, REQUESTS, event_store_key
from csms_shared.contracts.envelope import BATCH_MAX_BYTES, BATCH_MAX_ITEMS
from csms_shared.contracts.events import EVENTS_CONTENT_TYPE
from csms_shared.contracts.message_types import MessageType
from csms_shared.db.engine import in_transaction
from csms_shared.runtime.clock import monotonic
from csms_shared.runtime.errors import Unavailable
from csms_shared.runtime.retrying import until_available

log = structlog.get_logger(__name__)

ROUND_ROWS = 500
POLL_S = 1.0
ROUNDS_APART_S = 0.04
PUBLISH_S = 3.0
# Between messages a round does nothing in the database: it is over before it would pass for frozen.
LONGEST_ROUND_S = 5.0
# Whoever is frozen in the middle of a round holds the others up for so long.
_LONGEST_IDLE_MS = 10_000
# One relay at a time publishes: the others would only repeat it. They wait for their turn, because
# what they were woken for may have come after the rows that it has read.
_TAKE_TURN = text(
    "SELECT set_config('synchronous_commit', 'off', true), "
    f"set_config('idle_in_transaction_session_timeout', '{_LONGEST_IDLE_MS}', true), "
    "pg_advisory_xact_lock(hashtextextended(current_schema() || '.outbox_to_store', 0))"
)


class OutboxToStore:
    """The relay of one process."""

    def __init__(self, engine: AsyncEngine, outbox: Table, publisher: Publisher) -> None:
        self._engine = engine
        self._outbox = outbox
        self._publisher = publisher
        self._wake = asyncio.Event()
        self._problem: str | None = None

    def wake(self) -> None:
        """Tell the relay that a transaction with events has committed."""
        self._wake.set()

    def warnings(self) -> dict[str, str]:
        """Return why events do not reach the store now, as what makes nobody less ready."""
        return {} if self._problem is None else {"event store": self._problem}

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
            Unavailable: the database is away; unmarked rows stay for the next round.
        """
        return await in_transaction(self._engine, self._relay)

    async def _relay(self, connection: AsyncConnection) -> bool:
        await connection.execute(_TAKE_TURN)
        rows = await self._unstored(connection)
        # Where there are none, another relay has stored what this one could not.
        stored, self._problem = await self._publish_all(_messages(rows))
        await self._mark(connection, stored)
        if self._problem is not None:
            return False
        return len(stored) < len(rows) or len(rows) == ROUND_ROWS

    async def _publish_all(
        self, messages: Sequence[tuple[list[int], bytes]]
    ) -> tuple[list[int], str | None]:
        """Publish one after the other; return the ids of what was taken, and what was wrong."""
        stored: list[int] = []
        ends_at = monotonic() + LONGEST_ROUND_S
        for ids, body in messages:
            problem = await self._publish(body) if body else None
            if problem is not None:
                return stored, problem
            stored += ids
            if monotonic() > ends_at:
                break
        return stored, None

    async def _unstored(self, connection: AsyncConnection) -> Sequence[Any]:
        table = self._outbox
        found = await connection.execute(
            select(table.c.id, table.c.routing_key, table.c.events, table.c.event_count)
            .where(table.c.stored_at.is_(None))
            .order_by(table.c.id)
            .limit(ROUND_ROWS)
        )
        return found.all()

    async def _publish(self, body: bytes) -> str | None:
        """Publish a message; return what was wrong."""
        message = Outgoing(
            REQUESTS,
            event_store_key(),
            MessageType.EVENTS,
            body,
            content_type=EVENTS_CONTENT_TYPE,
        )
        try:
            await self._publisher.publish(message, PUBLISH_S)
        except PublishReturned:
            return "its queue is not there"
        except PublishUnconfirmed as error:
            return f"its queue does not take events: {error}"[:200]
        return None

    async def _mark(self, connection: AsyncConnection, ids: list[int]) -> None:
        if ids:
            await connection.execute(
                update(self._outbox)
                .where(self._outbox.c.id == func.any(ids))
                .values(stored_at=func.now())
            )


def _messages(rows: Sequence[Any]) -> list[tuple[list[int], bytes]]:
    """Join rows into messages of a batch's size, in their order; empty where they hold no event."""
    messages: list[tuple[list[int], bytes]] = []
    ids: list[int] = []
    parts: list[bytes] = []
    size = items = 0

    def close() -> None:
        nonlocal ids, parts, size, items
        messages.append((ids, b"[" + b",".join(parts) + b"]" if parts else b""))
        ids, parts, size, items = [], [], 0, 0

    for row in rows:
        events = bytes(row.events)
        if parts and (
            size + len(events) > BATCH_MAX_BYTES or items + row.event_count > BATCH_MAX_ITEMS
        ):
            close()
        ids.append(row.id)
        # Orders of a program of the release before are no events; they are marked all the same.
        if row.routing_key != COMMAND_ORDERS_KEY:
            # A non-empty JSON array: joined without parsing it again.
            parts.append(events[1:-1])
            size += len(events)
            items += row.event_count
    if ids:
        close()
    return messages


async def _log_wait(error: BaseException) -> None:
    log.warning("outbox_waits", error=str(error))
