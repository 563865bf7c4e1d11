"""What REST asks of rollouts: start, steer, show them."""

from typing import Any
from uuid import UUID

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.pages import Page
from csms_shared.contracts.refusals import ProblemRaised, refuse
from csms_shared.contracts.requests import Problem
from csms_shared.contracts.rollouts import (
    ROLLOUT_MAX_STATIONS,
    CreateRollout,
    ListRollouts,
    ListRolloutStations,
    RolloutName,
    RolloutStation,
    RolloutStatus,
    RolloutView,
    SteerRollout,
)
from csms_shared.db.cursors import as_text, as_uuid, decode_cursor, encode_cursor
from csms_shared.runtime.clock import utc_now
from csms_shared.values.times import format_time
from station_registry.jobs.domain.rollouts import steered
from station_registry.jobs.handlers.rollouts import failures, set_statuses
from station_registry.jobs.store import rollouts
from station_registry.jobs.tables import firmware_rollout, firmware_rollout_station, station_job
from station_registry.ocpp.orders.jobs import location_of
from station_registry.provisioning.store import known_of

_NAMED_UNKNOWN = 10


async def create_rollout(connection: AsyncConnection, wanted: CreateRollout) -> RolloutView:
    """Store a rollout; its jobs start at the next turn. The same rollout again is the same."""
    if await rollouts.lock(connection, wanted.tenant_id, wanted.rollout_id) is None:
        stations = await _stations(connection, wanted)
        values = wanted.model_dump(
            exclude={"station_ids", "filter", "selection"},
        )
        await rollouts.insert_rollout(
            connection,
            {**values, "status": RolloutStatus.RUNNING.value, "created_at": utc_now()},
            stations,
        )
    return await get_rollout(
        connection, RolloutName(tenant_id=wanted.tenant_id, rollout_id=wanted.rollout_id)
    )


async def steer_rollout(connection: AsyncConnection, wanted: SteerRollout) -> RolloutView:
    """Pause, resume or cancel a rollout; jobs that have started go on."""
    row = await rollouts.lock(connection, wanted.tenant_id, wanted.rollout_id)
    if row is None:
        raise _not_found(wanted.rollout_id)
    status = steered(RolloutStatus(row.status), wanted.wish)
    if isinstance(status, Problem):
        raise ProblemRaised(status)
    forgiven = None
    if wanted.wish == "resume":
        counted = await rollouts.counts(connection, [wanted.rollout_id])
        forgiven = failures(counted[wanted.rollout_id])
    await set_statuses(connection, [(wanted.rollout_id, status, forgiven)])
    return await get_rollout(connection, wanted)


async def get_rollout(connection: AsyncConnection, name: RolloutName) -> RolloutView:
    """Return a rollout with its report."""
    found = await connection.execute(
        select(firmware_rollout).where(
            firmware_rollout.c.rollout_id == name.rollout_id,
            firmware_rollout.c.tenant_id == name.tenant_id,
        )
    )
    row = found.first()
    if row is None:
        raise _not_found(name.rollout_id)
    return _view(row, (await rollouts.counts(connection, [row.rollout_id]))[row.rollout_id])


async def list_rollouts(connection: AsyncConnection, query: ListRollouts) -> Page[RolloutView]:
    """Return rollouts, newest first."""
    table = firmware_rollout.c
    statement = select(firmware_rollout).where(table.tenant_id == query.tenant_id)
    statement = statement.order_by(table.rollout_id.desc()).limit(query.limit + 1)
    if query.cursor is not None:
        (before,) = decode_cursor(query.cursor, as_uuid)
        statement = statement.where(table.rollout_id < before)
    rows = list(await connection.execute(statement))
    shown = rows[: query.limit]
    counted = await rollouts.counts(connection, [row.rollout_id for row in shown])
    return Page(
        items=[_view(row, counted[row.rollout_id]) for row in shown],
        next_cursor=encode_cursor(shown[-1].rollout_id) if len(rows) > query.limit else None,
    )


async def list_rollout_stations(
    connection: AsyncConnection, query: ListRolloutStations
) -> Page[RolloutStation]:
    """Return the stations of a rollout, each with where its job stands."""
    await get_rollout(connection, query)
    table = firmware_rollout_station.c
    statement = (
        select(
            table.station_id,
            table.job_id,
            station_job.c.status,
            station_job.c.station_status,
            station_job.c.result,
        )
        .select_from(
            firmware_rollout_station.outerjoin(station_job, station_job.c.job_id == table.job_id)
        )
        .where(table.rollout_id == query.rollout_id)
        .order_by(table.station_id)
        .limit(query.limit + 1)
    )
    if query.cursor is not None:
        statement = statement.where(table.station_id > decode_cursor(query.cursor, as_text)[0])
    rows = list(await connection.execute(statement))
    shown = rows[: query.limit]
    return Page(
        items=[
            RolloutStation(
                station_id=row.station_id,
                job_id=None if row.job_id is None else str(row.job_id),
                status=row.status,
                station_status=row.station_status,
                result=row.result,
            )
            for row in shown
        ],
        next_cursor=encode_cursor(shown[-1].station_id) if len(rows) > query.limit else None,
    )


async def _stations(connection: AsyncConnection, wanted: CreateRollout) -> set[str]:
    selection = wanted.selection or wanted.filter
    if (wanted.station_ids is None) == (selection is None):
        raise refuse(
            422,
            "invalid_request",
            "either station_ids or a filter",
            ("station_ids", "either these or a filter"),
            ("filter", "either this or station_ids"),
        )
    if wanted.station_ids is not None:
        stations = await known_of(connection, wanted.tenant_id, wanted.station_ids)
        unknown = sorted(set(wanted.station_ids) - stations)
        if unknown:
            raise refuse(
                422,
                "unknown_stations",
                f"{len(unknown)} of the stations do not exist",
                *(("station_ids", f"there is no {name}") for name in unknown[:_NAMED_UNKNOWN]),
            )
        return stations
    assert selection is not None
    stations = await rollouts.stations_that_are(connection, wanted.tenant_id, selection)
    if not 0 < len(stations) <= ROLLOUT_MAX_STATIONS:
        raise refuse(
            422,
            "no_stations" if not stations else "too_many_stations",
            f"the filter must find 1 to {ROLLOUT_MAX_STATIONS} stations",
            ("filter", "finds none" if not stations else "finds too many"),
        )
    return stations


def _view(row: Row[Any], stations: dict[str, int]) -> RolloutView:
    return RolloutView(
        rollout_id=str(row.rollout_id),
        name=row.name,
        status=RolloutStatus(row.status),
        action=row.action,
        location=location_of(row.action, row.payload),
        concurrency=row.concurrency,
        stop_after_failures=row.stop_after_failures,
        stations=stations,
        created_by=row.created_by,
        created_at=format_time(row.created_at),
        finished_at=None if row.finished_at is None else format_time(row.finished_at),
    )


def _not_found(rollout_id: UUID) -> ProblemRaised:
    return refuse(404, "not_found", f"there is no rollout {rollout_id}")
