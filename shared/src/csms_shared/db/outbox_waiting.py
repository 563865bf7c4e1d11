"""How much waits in an outbox, and for how long: what says whether events leave."""

import asyncio

import structlog
from sqlalchemy import Table, func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from csms_shared.db.engine import in_transaction
from csms_shared.errors import Unavailable
from csms_shared.observability.metrics import OUTBOX_OLDEST_AGE, OUTBOX_PENDING

log = structlog.get_logger(__name__)

MEASURED_EVERY_S = 5.0
# Counting them costs a few milliseconds; where so many wait, their number says no more.
MOST_COUNTED = 10_000


async def watch_outbox(engine: AsyncEngine, outbox: Table) -> None:
    """Measure until cancelled; while the database is away the last figures stay."""
    while True:
        try:
            await measure_outbox(engine, outbox)
        except Unavailable as error:
            log.warning("outbox_unmeasured", error=str(error))
        await asyncio.sleep(MEASURED_EVERY_S)


async def measure_outbox(engine: AsyncEngine, outbox: Table) -> None:
    """Set the metrics.

    Raises:
        Unavailable: the database is away.
    """
    waiting = (
        select(outbox.c.created_at)
        .where(outbox.c.published_at.is_(None))
        .order_by(outbox.c.id)
        .limit(MOST_COUNTED)
        .subquery()
    )
    age = func.extract("epoch", func.clock_timestamp() - func.min(waiting.c.created_at))

    async def count(connection: AsyncConnection) -> tuple[int, float]:
        row = (await connection.execute(select(func.count(), age).select_from(waiting))).one()
        return int(row[0]), float(row[1] or 0)

    pending, oldest_s = await in_transaction(engine, count)
    OUTBOX_PENDING.set(pending)
    OUTBOX_OLDEST_AGE.set(oldest_s)
