"""How much waits in an outbox, and for how long: what says whether events leave."""

import asyncio
from functools import partial

import structlog
from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from csms_shared.db.engine import in_transaction
from csms_shared.observability.metrics import (
    OUTBOX_OLDEST_AGE,
    OUTBOX_PENDING,
    OUTBOX_UNSTORED,
    OUTBOX_UNSTORED_AGE,
)
from csms_shared.runtime.errors import Unavailable

log = structlog.get_logger(__name__)

MEASURED_EVERY_S = 5.0
# Counting them costs a few milliseconds; where so many wait, their number says no more.
MOST_COUNTED = 10_000
_WAITING = text(
    "SELECT count(*), extract(epoch FROM clock_timestamp() - min(created_at)) FROM ("
    "(SELECT created_at FROM outbox WHERE published_at IS NULL ORDER BY id LIMIT :most) UNION ALL "
    "(SELECT created_at FROM outbox_deferred LIMIT :most)) AS waiting"
)
_UNSTORED = text(
    "SELECT count(*), extract(epoch FROM clock_timestamp() - min(created_at)) FROM ("
    "SELECT created_at FROM outbox WHERE stored_at IS NULL ORDER BY id LIMIT :most) AS waiting"
)


async def watch_outbox(engine: AsyncEngine) -> None:
    """Measure until cancelled; while the database is away the last figures stay."""
    while True:
        try:
            await measure_outbox(engine)
        except Unavailable as error:
            log.warning("outbox_unmeasured", error=str(error))
        await asyncio.sleep(MEASURED_EVERY_S)


async def measure_outbox(engine: AsyncEngine) -> None:
    """Set the metrics.

    Raises:
        Unavailable: the database is away.
    """

    async def count(connection: AsyncConnection, waiting: TextClause) -> tuple[int, float]:
        row = (await connection.execute(waiting, {"most": MOST_COUNTED})).one()
        return int(row[0]), float(row[1] or 0)

    for waiting, rows, age in (
        (_WAITING, OUTBOX_PENDING, OUTBOX_OLDEST_AGE),
        (_UNSTORED, OUTBOX_UNSTORED, OUTBOX_UNSTORED_AGE),
    ):
        pending, oldest_s = await in_transaction(engine, partial(count, waiting=waiting))
        rows.set(pending)
        age.set(oldest_s)
