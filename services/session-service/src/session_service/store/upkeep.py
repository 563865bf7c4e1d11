"""What keeps the schema small and ready: partitions, outbox, the share of ids given out."""

import structlog
from prometheus_client import Gauge
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.db.upkeep import UpkeepTask
from csms_shared.values.numbers import INT32_MAX

log = structlog.get_logger(__name__)

WEEKS_BACK = 5
WEEKS_AHEAD = 8
_ID_ALARM = 0.8
TRANSACTION_IDS_USED = Gauge(
    "csms_transaction_ids_used_ratio", "Share of the int32 transaction ids given out; alarm at 0.8."
)


async def make_partitions(connection: AsyncConnection) -> None:
    """Make the partitions of the weeks around now, moving rows that came before them."""
    await connection.execute(
        text("SELECT make_meter_value_partitions(:back, :ahead)"),
        {"back": WEEKS_BACK, "ahead": WEEKS_AHEAD},
    )


async def watch_transaction_ids(connection: AsyncConnection) -> None:
    """Measure how many transaction ids are left."""
    last = (await connection.execute(text("SELECT last_value FROM transaction_id"))).scalar_one()
    used = last / INT32_MAX
    TRANSACTION_IDS_USED.set(used)
    if used >= _ID_ALARM:
        log.error("transaction_ids_running_out", last=last, share=round(used, 3))


def upkeep_tasks(retention_days: int) -> tuple[UpkeepTask, ...]:
    """Return the periodic tasks on the schema."""

    async def drop_partitions(connection: AsyncConnection) -> None:
        dropped = await connection.execute(
            text("SELECT drop_meter_value_partitions(:days)"), {"days": retention_days}
        )
        if count := dropped.scalar_one():
            log.info("meter_value_partitions_dropped", count=count)

    return (
        UpkeepTask("make_partitions", 3600.0, make_partitions),
        UpkeepTask("drop_partitions", 3600.0, drop_partitions),
        UpkeepTask("watch_transaction_ids", 300.0, watch_transaction_ids, in_each_replica=True),
    )
