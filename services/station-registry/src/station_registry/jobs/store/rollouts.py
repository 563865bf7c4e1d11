"""Rollouts and their stations, for all that are due in one statement each.

What is read grows with what may be open at once, never with how many stations a rollout has.
"""

# ruff: noqa: S608 - statements are put together from literals; every value is a parameter

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Integer, Row, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.jobs import OPEN_JOBS, JobStatus
from csms_shared.contracts.rollouts import ROLLOUT_MAX_STATIONS, RolloutStatus, StationFilter
from csms_shared.db.row_arrays import arrays, columns_of, unnest
from csms_shared.db.tenancy import of_tenant
from station_registry.database.sql import statement
from station_registry.jobs.domain.rollouts import RolloutCounts
from station_registry.jobs.store.jobs import OPEN, TRY_LOCK
from station_registry.jobs.tables import firmware_rollout, firmware_rollout_station
from station_registry.provisioning.tables import station

WAITING = "waiting"
# Started by one rollout in one turn; the next turn goes on.
STARTS_MAX = 200
# Looked at beyond those that are to start, where somebody else holds a station's job lock.
_PASSED_OVER_MAX = 100
# What neither is a failure nor will be one by itself.
NO_FAILURES = (JobStatus.SUCCEEDED, JobStatus.CANCELLED, *OPEN_JOBS)
_FAILED = ", ".join(f"'{status}'" for status in JobStatus if status not in NO_FAILURES)
FINAL = f"'{RolloutStatus.CANCELLED}', '{RolloutStatus.COMPLETED}'"
_STARTED = columns_of(firmware_rollout_station, "rollout_id", "station_id", "job_id")
_SHARE = columns_of(firmware_rollout, "rollout_id", share=Integer())
_STATUS = columns_of(firmware_rollout, "rollout_id", "status", "failures_forgiven")
_STATION = columns_of(firmware_rollout_station, "station_id")

_BY_INDEX = {
    "site_id": "station.station_id IN (SELECT l.station_id FROM station_listing AS l "
    f"WHERE {of_tenant('l')} AND l.site_id = :site_id)",
    "tag": "station.station_id IN (SELECT g.station_id FROM station_tag AS g "
    f"WHERE {of_tenant('g')} AND g.tag = :tag)",
}

# Each counted no further than a decision needs.
_STEP_COUNTS = statement(
    f"""
    SELECT r.rollout_id,
        (SELECT count(*) FROM (
            SELECT FROM firmware_rollout_station AS s
            WHERE s.rollout_id = r.rollout_id AND s.job_id IS NULL
            LIMIT {STARTS_MAX}) AS one) AS waiting,
        (SELECT count(*) FROM (
            SELECT FROM station_job AS j
            WHERE j.rollout_id = r.rollout_id AND j.status IN ({OPEN})
            LIMIT r.concurrency) AS one) AS open,
        (SELECT count(*) FROM (
            SELECT FROM station_job AS j
            WHERE j.rollout_id = r.rollout_id AND j.status IN ({_FAILED})
            LIMIT coalesce(CAST(r.failures_forgiven AS bigint) + r.stop_after_failures, 0)
            ) AS one) AS failed
    FROM firmware_rollout AS r WHERE r.rollout_id = ANY(:rollouts)
    """
)
_TAKE_WAITING = statement(
    f"""
    SELECT d.rollout_id, taken.station_id FROM {unnest(_SHARE)} CROSS JOIN LATERAL (
        SELECT station_id FROM (
            SELECT s.station_id FROM firmware_rollout_station AS s
            WHERE s.rollout_id = d.rollout_id AND s.job_id IS NULL
            ORDER BY s.station_id LIMIT d.share + {_PASSED_OVER_MAX}) AS next
        WHERE {TRY_LOCK} LIMIT d.share) AS taken
    """
)
_COUNTS = statement(
    "SELECT rollout_id, status, count(*) AS stations FROM station_job "
    "WHERE rollout_id = ANY(:rollouts) GROUP BY 1, 2 UNION ALL "
    f"SELECT rollout_id, '{WAITING}', count(*) FROM firmware_rollout_station "
    "WHERE rollout_id = ANY(:rollouts) AND job_id IS NULL GROUP BY 1"
)
_SAVE_STARTED = statement(
    f"UPDATE firmware_rollout_station AS s SET job_id = d.job_id FROM {unnest(_STARTED)} "
    "WHERE s.rollout_id = d.rollout_id AND s.station_id = d.station_id"
)
_SAVE_STATUSES = statement(
    "UPDATE firmware_rollout AS r SET status = d.status, "
    "failures_forgiven = coalesce(d.failures_forgiven, r.failures_forgiven), "
    f"finished_at = CASE WHEN d.status IN ({FINAL}) THEN now() ELSE r.finished_at END "
    f"FROM {unnest(_STATUS)} WHERE r.rollout_id = d.rollout_id RETURNING r.rollout_id, r.tenant_id"
)
_ADD_STATIONS = statement(
    "INSERT INTO firmware_rollout_station (rollout_id, station_id) "
    f"SELECT :rollout_id, station_id FROM {unnest(_STATION)}"
)


async def lock_running(connection: AsyncConnection) -> Sequence[Any]:
    """Return the rules of running rollouts, locked; those in other hands are left out."""
    table = firmware_rollout.c
    result = await connection.execute(
        select(
            table.rollout_id,
            table.concurrency,
            table.stop_after_failures,
            table.failures_forgiven,
        )
        .where(text("status = 'running'"))
        .order_by(table.rollout_id)
        .with_for_update(skip_locked=True)
    )
    return result.all()


async def read(connection: AsyncConnection, rollouts: Collection[UUID]) -> dict[UUID, Row[Any]]:
    """Return rollouts with what their stations are asked to do."""
    rows = await connection.execute(
        select(firmware_rollout).where(firmware_rollout.c.rollout_id == func.any(list(rollouts)))
    )
    return {row.rollout_id: row for row in rows}


async def lock(connection: AsyncConnection, tenant_id: str, rollout_id: UUID) -> Row[Any] | None:
    """Return one rollout of a tenant, locked."""
    table = firmware_rollout.c
    result = await connection.execute(
        select(firmware_rollout)
        .where(table.rollout_id == rollout_id, table.tenant_id == tenant_id)
        .with_for_update()
    )
    return result.first()


async def step_counts(
    connection: AsyncConnection, rollouts: Collection[UUID]
) -> dict[UUID, RolloutCounts]:
    """Return what the next steps of these rollouts depend on.

    Counted are at most `STARTS_MAX` that wait, and failures where they can stop it. The rollouts
    are locked: what is counted before that may be of before somebody else's turn.
    """
    rows = await connection.execute(_STEP_COUNTS, {"rollouts": list(rollouts)})
    return {row.rollout_id: RolloutCounts(row.waiting, row.open, row.failed) for row in rows}


async def counts(
    connection: AsyncConnection, rollouts: Collection[UUID]
) -> dict[UUID, dict[str, int]]:
    """Return how many stations of each stand where: by status of their job, or `WAITING`."""
    found: dict[UUID, dict[str, int]] = {rollout_id: {} for rollout_id in rollouts}
    for row in await connection.execute(_COUNTS, {"rollouts": list(rollouts)}):
        found[row.rollout_id][row.status] = row.stations
    return found


async def take_waiting(
    connection: AsyncConnection, shares: Mapping[UUID, int]
) -> list[tuple[UUID, str]]:
    """Return (rollout, station) of those whose turn is next, with their job locks.

    A station whose job lock somebody else has waits for another turn, and holds up nobody.
    """
    rows = await connection.execute(_TAKE_WAITING, arrays(_SHARE, sorted(shares.items())))
    return [(row.rollout_id, row.station_id) for row in rows]


async def save_started(
    connection: AsyncConnection, started: Collection[tuple[UUID, str, UUID]]
) -> None:
    """Note which jobs were started: (rollout, station, job)."""
    await connection.execute(_SAVE_STARTED, arrays(_STARTED, started))


async def save_statuses(
    connection: AsyncConnection, statuses: Collection[tuple[UUID, RolloutStatus, int | None]]
) -> dict[UUID, str]:
    """Store (rollout, status, forgiven): how many failures count no more, None: as before.

    Returns whose the rollouts are.
    """
    rows = [(rollout_id, status.value, forgiven) for rollout_id, status, forgiven in statuses]
    stored = await connection.execute(_SAVE_STATUSES, arrays(_STATUS, rows))
    return {row.rollout_id: row.tenant_id for row in stored}


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
            _ADD_STATIONS, {"rollout_id": values["rollout_id"], "station_id": sorted(stations)}
        )


async def stations_that_are(
    connection: AsyncConnection, tenant_id: str, wanted: StationFilter
) -> set[str]:
    """Return a tenant's stations that are meant, one more than a rollout may have at most."""
    found = select(station.c.station_id).where(
        station.c.tenant_id == tenant_id, station.c.deleted_at.is_(None)
    )
    for name, value in wanted.model_dump(exclude_none=True).items():
        by_index = _BY_INDEX.get(name)
        found = found.where(
            station.c[name] == value
            if by_index is None
            else text(by_index).bindparams(tenant_id=tenant_id, **{name: value})
        )
    result = await connection.execute(
        found.order_by(station.c.station_id).limit(ROLLOUT_MAX_STATIONS + 1)
    )
    return {row.station_id for row in result}
