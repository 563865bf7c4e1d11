"""What keeps the schema small and ready: weeks of meter values, retention, the ids given out."""

from collections.abc import Awaitable, Callable

import structlog
from prometheus_client import Gauge
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.db.purging import delete_slice
from csms_shared.db.upkeep import UpkeepTask
from csms_shared.values.numbers import INT32_MAX

log = structlog.get_logger(__name__)

WEEKS_BACK = 5
WEEKS_AHEAD = 8
_ID_ALARM = 0.8
_OLD = "received_at < now() - make_interval(days => :days)"
# All but the first mark of each week and day, in the order of their index.
_REPEATED_MARKS = (
    "(SELECT ctid, row_number() OVER (PARTITION BY week, received_on) AS nth "
    "FROM meter_value_week) AS marks WHERE nth > 1 LIMIT :slice"
)
TRANSACTION_IDS_USED = Gauge(
    "csms_transaction_ids_used_ratio", "Share of the int32 transaction ids given out; alarm at 0.8."
)


async def make_partitions(connection: AsyncConnection, back: int = WEEKS_BACK) -> None:
    """Make the partitions of `back` weeks and those to come, moving rows that came before them."""
    await connection.execute(
        text("SELECT make_meter_value_partitions(:back, :ahead)"),
        {"back": back, "ahead": WEEKS_AHEAD},
    )


async def watch_transaction_ids(connection: AsyncConnection) -> None:
    """Measure how many transaction ids are left."""
    last = (await connection.execute(text("SELECT last_value FROM transaction_id"))).scalar_one()
    used = last / INT32_MAX
    TRANSACTION_IDS_USED.set(used)
    if used >= _ID_ALARM:
        log.error("transaction_ids_running_out", last=last, share=round(used, 3))


def upkeep_tasks(
    *, meter_value_days: int, stop_days: int, quarantine_days: int
) -> tuple[UpkeepTask, ...]:
    """Return the periodic tasks on the schema, with the days that records are kept."""

    # No week that is dropped: made again, it would look like one whose values are kept.
    weeks_back = min(WEEKS_BACK, (meter_value_days + 1) // 7)

    async def drop_week(connection: AsyncConnection) -> bool:
        # One at a time, each in a transaction of its own: what cannot be dropped undoes no other.
        found = await connection.execute(
            text("SELECT drop_meter_value_week(:days)"), {"days": meter_value_days}
        )
        week = found.scalar_one()
        if week is not None:
            log.info("meter_value_week_dropped", week=str(week))
        return week is not None

    async def merge_marks(connection: AsyncConnection) -> bool:
        # Whoever sees no mark of a day makes one: a few at the day's first values, and one with
        # each batch in a program of the release before, which knows a key that is gone.
        return await delete_slice(connection, "meter_value_week", _REPEATED_MARKS)

    async def purge_live_figures(connection: AsyncConnection) -> bool:
        due = "live_figures WHERE kept_until < now() ORDER BY kept_until LIMIT :slice"
        return await delete_slice(connection, "live_figures", due)

    def purge(due: str, days: int) -> Callable[[AsyncConnection], Awaitable[bool]]:
        table = due.split()[0]
        return lambda connection: delete_slice(connection, table, due, days=days)

    return (
        UpkeepTask("make_partitions", 3600.0, lambda one: make_partitions(one, weeks_back)),
        UpkeepTask("drop_meter_value_weeks", 3600.0, drop_week),
        UpkeepTask("merge_marks_of_weeks", 600.0, merge_marks),
        UpkeepTask(
            "purge_meter_values_without_a_week",
            3600.0,
            purge(
                f"meter_value_default WHERE {_OLD} ORDER BY received_at LIMIT :slice",
                meter_value_days,
            ),
        ),
        UpkeepTask(
            "purge_stops",
            3600.0,
            purge(f"stop WHERE {_OLD} ORDER BY received_at LIMIT :slice", stop_days),
        ),
        UpkeepTask(
            "purge_closed_quarantine",
            3600.0,
            purge(
                f"quarantine WHERE status <> 'open' AND {_OLD} ORDER BY received_at LIMIT :slice",
                quarantine_days,
            ),
        ),
        UpkeepTask("purge_live_figures", 600.0, purge_live_figures),
        UpkeepTask("watch_transaction_ids", 300.0, watch_transaction_ids, in_each_replica=True),
    )
