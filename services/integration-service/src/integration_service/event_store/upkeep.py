"""What keeps the store small and ready: partitions ahead, and events that are kept no longer."""

from collections.abc import Awaitable, Callable

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.db.index_plans import plan_by_indexes
from csms_shared.db.purging import delete_slice
from csms_shared.db.upkeep import UpkeepTask
from integration_service.event_store.domain import FACTS, MEASUREMENTS
from integration_service.event_store.store import make_partitions, read_head
from integration_service.event_store.storing import PARTITIONS_AHEAD

log = structlog.get_logger(__name__)

_SLICE = 2_000
_DROP = text("SELECT drop_event_partition(:kept, :days)")
# The oldest segments in their order, as far as they are too old: what is left of the partition that
# is not full of them.
_LAST_DUE = text(
    "SELECT max(position) FROM (SELECT position, stored_at FROM event_segment "
    "WHERE kept = :kept AND position > (SELECT position FROM event_floor WHERE kept = :kept) "
    "ORDER BY position LIMIT :slice) AS oldest "
    "WHERE stored_at < now() - make_interval(days => :days)"
)
_DELETE = text("DELETE FROM event_segment WHERE kept = :kept AND position <= :due")
_RAISE_FLOOR = text("UPDATE event_floor SET position = greatest(position, :due) WHERE kept = :kept")
_GONE_MINUTES = (
    "event_minute WHERE greatest <= (SELECT min(position) FROM event_floor) "
    "ORDER BY minute LIMIT :slice"
)


def upkeep_tasks(*, event_days: int, measurement_days: int) -> tuple[UpkeepTask, ...]:
    """Return the periodic tasks on the store, with the days that events are kept."""
    kept = {FACTS: event_days, MEASUREMENTS: measurement_days}
    return (
        UpkeepTask("make_event_partitions", 600.0, _make_partitions),
        *(UpkeepTask(f"drop_{kind}", 600.0, _drop(kind, days)) for kind, days in kept.items()),
        *(UpkeepTask(f"purge_{kind}", 60.0, _purge(kind, days)) for kind, days in kept.items()),
        UpkeepTask("purge_event_minutes", 3600.0, _purge_minutes),
    )


async def _make_partitions(connection: AsyncConnection) -> None:
    await make_partitions(connection, await read_head(connection) + PARTITIONS_AHEAD)


def _drop(kind: str, days: int) -> Callable[[AsyncConnection], Awaitable[bool]]:
    async def drop(connection: AsyncConnection) -> bool:
        # One at a time, each in a transaction of its own: it keeps readers and writers off.
        found = await connection.execute(_DROP, {"kept": kind, "days": days})
        position = found.scalar_one()
        if position is not None:
            log.info("events_dropped_with_age", kept=kind, up_to=position)
        return position is not None

    return drop


def _purge(kind: str, days: int) -> Callable[[AsyncConnection], Awaitable[bool]]:
    async def purge(connection: AsyncConnection) -> bool:
        await plan_by_indexes(connection)
        found = await connection.execute(_LAST_DUE, {"kept": kind, "days": days, "slice": _SLICE})
        due = found.scalar_one()
        if due is None:
            return False
        # Readers learn first that it may be gone.
        await connection.execute(_RAISE_FLOOR, {"kept": kind, "due": due})
        await connection.execute(_DELETE, {"kept": kind, "due": due})
        return True

    return purge


async def _purge_minutes(connection: AsyncConnection) -> bool:
    return await delete_slice(connection, "event_minute", _GONE_MINUTES)
