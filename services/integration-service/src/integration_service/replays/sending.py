"""Sending the events of replays, a batch of one replay at a time, each replay in its turn."""

import asyncio
from datetime import timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from csms_shared.broker.errors import PublishReturned, PublishUnconfirmed
from csms_shared.broker.publisher import DEFAULT_EXCHANGE, Outgoing, Publisher
from csms_shared.contracts.event_store import REPLAY_EVENTS_MAX, EventFilter
from csms_shared.contracts.events import EVENTS_CONTENT_TYPE
from csms_shared.contracts.message_types import MessageType
from csms_shared.contracts.refusals import ProblemRaised
from csms_shared.db.engine import in_transaction
from csms_shared.db.purging import delete_slice
from csms_shared.db.upkeep import UpkeepTask
from csms_shared.runtime.clock import utc_now
from csms_shared.runtime.errors import Unavailable
from csms_shared.runtime.retrying import until_available
from integration_service.event_store.reading import (
    Wanted,
    begin_of,
    look,
    times_between,
    wanted_of,
)
from integration_service.replays import store
from integration_service.replays.store import Replay

log = structlog.get_logger(__name__)

BATCH_EVENTS = 200
POLL_S = 1.0
FULL_S = 2.0
LONGEST = timedelta(days=1)
KEPT_DAYS = 30
_PUBLISH_S = 5.0
_ENDED = (
    "replay WHERE ended_at < now() - make_interval(days => :days) ORDER BY ended_at LIMIT :slice"
)


class Replays:
    """The replays of one process; every replica may run some."""

    def __init__(self, engine: AsyncEngine, publisher: Publisher) -> None:
        self._engine = engine
        self._publisher = publisher

    async def run(self) -> None:
        """Send until cancelled."""
        retrying = until_available(Unavailable, on_failure=_log_wait)
        while True:
            if not await retrying(self.round):
                await asyncio.sleep(POLL_S)

    async def round(self) -> bool:
        """Send a batch of one replay; false where none is due.

        Raises:
            Unavailable: the database is away; what was sent then is sent again.
        """
        return await in_transaction(self._engine, self._send_next)

    async def _send_next(self, connection: AsyncConnection) -> bool:
        one = await store.take(connection)
        if one is None:
            return False
        if utc_now() - one.created_at > LONGEST:
            await store.end(connection, one, "failed", "it was not read within a day")
        elif one.events >= REPLAY_EVENTS_MAX:
            problem = f"it has {REPLAY_EVENTS_MAX} events, and more would follow"
            await store.end(connection, one, "failed", problem)
        else:
            await self._send(connection, one)
        return True

    async def _send(self, connection: AsyncConnection, one: Replay) -> None:
        asked = EventFilter(
            tenant_id=one.tenant_id,
            types=one.types,
            station_id=one.station_id,
            of_stations=one.of_stations,
        )
        wanted = await wanted_of(connection, asked, one.from_time, one.to_time)
        begin, until = await times_between(connection, wanted, one.position, one.until)
        found = await look(connection, wanted, begin, until, BATCH_EVENTS)
        gone = await _why_gone(connection, wanted, one)
        if gone is not None:
            await store.end(connection, one, "failed", gone)
            return
        if found.events:
            parts = [line.with_position(position) for position, line in found.events]
            body = b"[" + b",".join(parts) + b"]"
            if not await self._publish(connection, one, body):
                return
        await store.go_on(connection, one, found.position, len(found.events))
        if found.is_end:
            await store.end(connection, one, "completed")

    async def _publish(self, connection: AsyncConnection, one: Replay, body: bytes) -> bool:
        message = Outgoing(
            DEFAULT_EXCHANGE,
            one.queue,
            MessageType.EVENTS,
            body,
            content_type=EVENTS_CONTENT_TYPE,
        )
        try:
            await self._publisher.publish(message, _PUBLISH_S)
        except PublishReturned:
            await store.end(connection, one, "failed", "its queue is not there any more")
        except PublishUnconfirmed:
            # Full, until somebody reads it, or the broker is away.
            await store.wait(connection, one, FULL_S)
        else:
            return True
        return False


async def _why_gone(connection: AsyncConnection, wanted: Wanted, one: Replay) -> str | None:
    """Return why what follows its position can't be sent; from a time, it has what is kept."""
    if one.from_time is not None:
        return None
    try:
        await begin_of(connection, wanted, one.position, one.until)
    except ProblemRaised as gone:
        return gone.problem.detail
    return None


def purge_replays() -> UpkeepTask:
    """Return the task that forgets replays that ended long ago."""

    async def work(connection: AsyncConnection) -> bool:
        return await delete_slice(connection, "replay", _ENDED, days=KEPT_DAYS)

    return UpkeepTask("purge_replays", 3600.0, work)


async def _log_wait(error: BaseException) -> None:
    log.warning("replays_wait", error=str(error))
