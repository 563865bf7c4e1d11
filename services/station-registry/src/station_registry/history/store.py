"""Changes of stations: written a batch at a time, read newest first, dropped a week at a time."""

# ruff: noqa: S608 - statements are put together from literals; every value is a parameter

from collections.abc import Sequence
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.history import HistoryView, ListHistory
from csms_shared.contracts.pages import Page
from csms_shared.db.cursors import as_int64
from csms_shared.db.purging import delete_slice
from csms_shared.db.row_arrays import arrays, columns_of, names, unnest
from csms_shared.db.upkeep import UpkeepTask
from csms_shared.values.texts import fit
from csms_shared.values.times import format_time
from station_registry.database.pages import NewestFirst
from station_registry.database.sql import at, statement
from station_registry.database.tenants import TENANT_OF_STATION
from station_registry.history.domain import Change, told_time
from station_registry.history.tables import station_history

log = structlog.get_logger(__name__)

# Ahead for two months without upkeep; back for what waited in the queue.
WEEKS_BACK = 1
WEEKS_AHEAD = 8

_ROW = columns_of(
    station_history,
    "kind",
    "station_id",
    "received_at",
    "status",
    "connection_id",
    "epoch",
    "reason",
    "gateway_id",
    "evse_id",
    "connector_id",
    "error_code",
    "info",
    "vendor_id",
    "vendor_error_code",
    "station_time",
    "occurred_at",
    "clock_flag",
)
_SAVE = statement(
    f"INSERT INTO station_history ({names(_ROW)}, tenant_id) "
    f"SELECT d.*, {TENANT_OF_STATION} FROM {unnest(_ROW)}"
)
_HISTORY = NewestFirst(
    "station_history",
    time="received_at",
    id="id",
    id_kind=as_int64,
    id_type="bigint",
    filters={
        "station_id": "station_id = :station_id",
        "from_time": "received_at >= :from_time",
        "to_time": "received_at < :to_time",
    },
)
_MAKE_PARTITIONS = statement("SELECT make_station_history_partitions(:back, :ahead)")
_DROP_WEEK = statement("SELECT drop_station_history_week(:days)")
_WITHOUT_A_WEEK = (
    "station_history_default WHERE stored_at < now() - make_interval(days => :days) "
    "ORDER BY stored_at LIMIT :slice"
)


async def save(connection: AsyncConnection, changes: Sequence[Change]) -> None:
    """Store changes, in the order in which they happened."""
    if changes:
        await connection.execute(_SAVE, arrays(_ROW, map(_row, changes)))


def _row(change: Change) -> tuple[Any, ...]:
    told = told_time(change.station_time, change.received_ms)
    return (
        change.kind.value,
        change.station_id,
        at(change.received_ms),
        change.status,
        change.connection_id,
        change.epoch,
        # Gateways say it, in words of their own.
        fit(change.reason, 255),
        change.gateway_id,
        change.evse_id,
        change.connector_id,
        change.error_code,
        change.info,
        change.vendor_id,
        change.vendor_error_code,
        change.station_time,
        told.occurred_at,
        told.flag,
    )


async def page(connection: AsyncConnection, query: ListHistory) -> Page[HistoryView]:
    """Return a page of a station's changes, newest first."""
    return await _HISTORY.page(connection, query, _view)


def _view(row: Any) -> HistoryView:
    return HistoryView(
        kind=row.kind,
        received_at=format_time(row.received_at),
        status=row.status,
        reason=row.reason,
        evse_id=row.evse_id,
        connector_id=row.connector_id,
        error_code=row.error_code,
        info=row.info,
        vendor_id=row.vendor_id,
        vendor_error_code=row.vendor_error_code,
        station_time=row.station_time,
        occurred_at=None if row.occurred_at is None else format_time(row.occurred_at),
        flags=[] if row.clock_flag is None else [row.clock_flag],
        gateway_id=row.gateway_id,
        connection_id=row.connection_id,
        epoch=row.epoch,
    )


async def make_partitions(connection: AsyncConnection) -> None:
    """Make the partitions of the weeks around now, moving rows that came before them."""
    await connection.execute(_MAKE_PARTITIONS, {"back": WEEKS_BACK, "ahead": WEEKS_AHEAD})


def upkeep_tasks(retention_days: int) -> tuple[UpkeepTask, ...]:
    """Return the periodic tasks on the history, with the days that it is kept."""

    async def drop_week(connection: AsyncConnection) -> bool:
        # One at a time, each in a transaction of its own: what cannot be dropped undoes no other.
        week = (await connection.execute(_DROP_WEEK, {"days": retention_days})).scalar_one()
        if week is not None:
            log.info("station_history_week_dropped", week=str(week))
        return week is not None

    async def purge_without_a_week(connection: AsyncConnection) -> bool:
        return await delete_slice(
            connection, "station_history_default", _WITHOUT_A_WEEK, days=retention_days
        )

    return (
        UpkeepTask("make_station_history_partitions", 3600.0, make_partitions),
        UpkeepTask("drop_station_history_weeks", 3600.0, drop_week),
        UpkeepTask("purge_station_history_without_a_week", 3600.0, purge_without_a_week),
    )
