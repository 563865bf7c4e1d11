"""What is measured of settling."""

from prometheus_client import Gauge
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.db.upkeep import UpkeepTask

OLDEST_DUE = Gauge(
    "csms_billing_oldest_due_age_seconds",
    "How long the session that waits longest for its bill has been due.",
)
HELD_BACK = Gauge(
    "csms_billing_held_back_sessions",
    "Sessions and reservations that can't be billed for a reason of their own; tried again.",
)
# A claim is ahead of what is due; those with a problem wait for their time.
_MEASURE = text(
    "SELECT coalesce(extract(epoch FROM now() - (SELECT min(due_at) FROM session "
    "WHERE due_at <= now())), 0) AS age, "
    "(SELECT count(*) FROM session WHERE problem IS NOT NULL) AS held_back"
)


async def watch_settling(connection: AsyncConnection) -> None:
    """Measure what waits, and what is held back."""
    row = (await connection.execute(_MEASURE)).one()
    OLDEST_DUE.set(float(row.age))
    HELD_BACK.set(row.held_back)


def watching() -> UpkeepTask:
    """Return the task that measures."""
    return UpkeepTask("watch_settling", 15.0, watch_settling, in_each_replica=True)
