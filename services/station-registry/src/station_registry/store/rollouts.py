"""Rollouts and their stations."""

# ruff: noqa: S608 - statements are put together from literals; every value is a parameter

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.rollouts import ROLLOUT_MAX_STATIONS, RolloutStatus, StationFilter
from station_registry.store.sql import arrays, statement, unnest
from station_registry.store.tables import (
    firmware_rollout,
    firmware_rollout_station,
    station,
    station_job,
)

WAITING = "waiting"
_FINAL = (RolloutStatus.CANCELLED, RolloutStatus.COMPLETED)
_STARTED = (("station_id", "text"), ("job_id", "uuid"))
_SAVE_STARTED = statement(
    f"UPDATE firmware_rollout_station AS s SET job_id = d.job_id FROM {unnest(_STARTED)} "
    "WHERE s.rollout_id = :rollout_id AND s.station_id = d.station_id"
)
_ADD_STATIONS = statement(
    "INSERT INTO firmware_rollout_station (rollout_id, station_id) "
    "SELECT :rollout_id, unnest(CAST(:stations AS text[]))"
)


async def lock_running(connection: AsyncConnection) -> Sequence[Row[Any]]:
    """Return running rollouts, locked; those in other hands are left out."""
    result = await connection.execute(
        select(firmware_rollout)
        .where(text("status = 'running'"))
        .order_by(firmware_rollout.c.rollout_id)
        .with_for_update(skip_locked=True)
    )
    return result.all()


async def lock(connection: AsyncConnection, rollout_id: UUID) -> Row[Any] | None:
    """Return one rollout, locked."""
    result = await connection.execute(
        select(firmware_rollout)
        .where(firmware_rollout.c.rollout_id == rollout_id)
        .with_for_update()
    )
    return result.first()


async def counts(connection: AsyncConnection, rollout_id: UUID) -> dict[str, int]:
    """Return how many stations stand where: by status of their job, or `WAITING`."""
    status = func.coalesce(station_job.c.status, WAITING)
    result = await connection.execute(
        select(status, func.count())
        .select_from(
            firmware_rollout_station.outerjoin(
                station_job, station_job.c.job_id == firmware_rollout_station.c.job_id
            )
        )
        .where(firmware_rollout_station.c.rollout_id == rollout_id)
        .group_by(status)
    )
    return {row[0]: row[1] for row in result}


async def waiting(connection: AsyncConnection, rollout_id: UUID, limit: int) -> list[str]:
    """Return stations whose turn is next."""
    table = firmware_rollout_station.c
    result = await connection.execute(
        select(table.station_id)
        .where(table.rollout_id == rollout_id, table.job_id.is_(None))
        .order_by(table.station_id)
        .limit(limit)
    )
    return [row.station_id for row in result]


async def save_started(
    connection: AsyncConnection, rollout_id: UUID, started: Collection[tuple[str, UUID]]
) -> None:
    """Note which jobs were started."""
    await connection.execute(_SAVE_STARTED, {"rollout_id": rollout_id, **arrays(_STARTED, started)})


async def save_status(
    connection: AsyncConnection, rollout_id: UUID, status: RolloutStatus, forgiven: int | None
) -> None:
    """Store a rollout's status, and how many failures count no more."""
    values: dict[str, Any] = {"status": status.value}
    if forgiven is not None:
        values["failures_forgiven"] = forgiven
    if status in _FINAL:
        values["finished_at"] = func.now()
    await connection.execute(
        update(firmware_rollout).where(firmware_rollout.c.rollout_id == rollout_id).values(**values)
    )


async def insert_rollout(
    connection: AsyncConnection, values: dict[str, Any], stations: Collection[str]
) -> None:
    """Store a rollout with its stations, unless it is stored already."""
    added = await connection.execute(
        insert(firmware_rollout)
        .values(**values)
        .on_conflict_do_nothing()
        .returning(firmware_rollout.c.rollout_id)
    )
    if added.first() is not None:
        await connection.execute(
            _ADD_STATIONS, {"rollout_id": values["rollout_id"], "stations": sorted(stations)}
        )


async def known_stations(connection: AsyncConnection, station_ids: Collection[str]) -> set[str]:
    """Return those of the stations that exist."""
    result = await connection.execute(
        select(station.c.station_id).where(
            station.c.station_id == func.any(list(station_ids)), station.c.deleted_at.is_(None)
        )
    )
    return {row.station_id for row in result}


async def stations_that_are(connection: AsyncConnection, wanted: StationFilter) -> set[str]:
    """Return stations by what they reported, one more than a rollout may have at most."""
    found = select(station.c.station_id).where(station.c.deleted_at.is_(None))
    for name, value in wanted.model_dump(exclude_none=True).items():
        found = found.where(station.c[name] == value)
    result = await connection.execute(
        found.order_by(station.c.station_id).limit(ROLLOUT_MAX_STATIONS + 1)
    )
    return {row.station_id for row in result}
