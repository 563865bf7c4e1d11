"""What REST asks of jobs: start one, show them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.jobs import (
    CreateJob,
    JobDetail,
    JobKind,
    JobName,
    JobReport,
    JobStatus,
    JobView,
    ListJobs,
)
from csms_shared.contracts.orders import CommandOrder
from csms_shared.contracts.pages import Page
from csms_shared.contracts.refusals import refuse
from csms_shared.contracts.requests import WithinScope
from csms_shared.db.cursors import as_uuid, decode_cursor, encode_cursor
from csms_shared.runtime.clock import utc_now
from csms_shared.values.times import format_time
from station_registry.database.sql import at
from station_registry.database.station_locks import lock_stations
from station_registry.database.telling import place_orders
from station_registry.jobs.handlers.jobs import tell_created
from station_registry.jobs.store import jobs
from station_registry.jobs.tables import station_job, station_job_report
from station_registry.ocpp.orders.jobs import (
    KIND_OF_COMMAND,
    JobRequest,
    job_request,
    numbered,
)
from station_registry.provisioning.store import known_of
from station_registry.sites.scopes import STATIONS_IN_SCOPE, scope_parameters

_REPORTS_SHOWN = 1000


async def create_job(connection: AsyncConnection, wanted: CreateJob) -> JobDetail:
    """Store a job and order its command; the same job again is the same."""
    if wanted.action not in KIND_OF_COMMAND:
        raise refuse(422, "invalid_request", "no such job", ("action", "starts no job"))
    known = await known_of(connection, wanted.tenant_id, [wanted.station_id])
    if not known or not await lock_stations(connection, known):
        raise refuse(404, "not_found", f"there is no station {wanted.station_id}")
    await jobs.lock_jobs_of(connection, [wanted.station_id])
    await start_jobs(connection, [(wanted, None)])
    return await get_job(connection, JobName(tenant_id=wanted.tenant_id, job_id=wanted.job_id))


async def start_jobs(
    connection: AsyncConnection, wanted: Sequence[tuple[CreateJob, UUID | None]]
) -> None:
    """Store jobs, each with its rollout if it is of one, and order their commands.

    The stations' job locks are held. Jobs that are stored already stay as they are.
    """
    requests = {job.job_id: _request(job) for job, _ in wanted}
    numbered_jobs = [job_id for job_id, request in requests.items() if request.is_numbered]
    numbers = await jobs.next_request_ids(connection, len(numbered_jobs)) if numbered_jobs else []
    request_ids = dict(zip(numbered_jobs, numbers, strict=True))
    now = utc_now()
    new = [
        _new_job(job, requests[job.job_id], rollout_id, request_ids.get(job.job_id), now)
        for job, rollout_id in wanted
    ]
    stored = await jobs.save_jobs(connection, new)
    await tell_created(connection, [job for job in new if job.job_id in stored])
    await place_orders(
        connection,
        [
            CommandOrder(
                order_id=job.job_id,
                station_id=job.station_id,
                action=job.action,
                payload=_numbered(job.payload, request_ids.get(job.job_id)),
                deadline_ms=job.deadline_ms,
                created_by=job.created_by,
            )
            for job, _ in wanted
            if job.job_id in stored
        ],
    )


async def get_job(connection: AsyncConnection, name: JobName) -> JobDetail:
    """Return a job with what its station reported."""
    own = select(station_job).where(station_job.c.tenant_id == name.tenant_id, *_in_scope(name))
    found = await connection.execute(own.where(station_job.c.job_id == name.job_id))
    row = found.first()
    if row is None:
        raise refuse(404, "not_found", f"there is no job {name.job_id}")
    table = station_job_report.c
    reports = await connection.execute(
        select(station_job_report)
        .where(table.job_id == name.job_id)
        .order_by(table.epoch.desc(), table.seq.desc())
        .limit(_REPORTS_SHOWN)
    )
    shown = [JobReport(status=one.status, at=format_time(one.received_at)) for one in reports]
    return JobDetail(**_fields(row), reports=shown[::-1])


def _in_scope(asked: WithinScope) -> tuple[ColumnElement[bool], ...]:
    """Return the condition that a job's station is in the scope; none without a scope."""
    if asked.scope is None:
        return ()
    ids = text(STATIONS_IN_SCOPE).bindparams(
        tenant_id=asked.tenant_id, **scope_parameters(asked.scope)
    )
    return (station_job.c.station_id.in_(ids),)


async def list_jobs(connection: AsyncConnection, query: ListJobs) -> Page[JobView]:
    """Return jobs, newest first."""
    table = station_job.c
    statement = select(station_job).where(table.tenant_id == query.tenant_id, *_in_scope(query))
    statement = statement.order_by(table.job_id.desc()).limit(query.limit + 1)
    for column, value in (
        (table.station_id, query.station_id),
        (table.kind, query.kind and query.kind.value),
        (table.status, query.status and query.status.value),
        (table.rollout_id, query.rollout_id),
    ):
        if value is not None:
            statement = statement.where(column == value)
    if query.cursor is not None:
        (after,) = decode_cursor(query.cursor, as_uuid)
        statement = statement.where(table.job_id < after)
    rows = list(await connection.execute(statement))
    shown = rows[: query.limit]
    return Page(
        items=[JobView(**_fields(row)) for row in shown],
        next_cursor=encode_cursor(shown[-1].job_id) if len(rows) > query.limit else None,
    )


def _request(wanted: CreateJob) -> JobRequest:
    request = job_request(wanted.action, wanted.payload)
    assert request is not None, "rollouts and jobs are made of commands that start jobs"
    return request


def _new_job(
    wanted: CreateJob,
    request: JobRequest,
    rollout_id: UUID | None,
    request_id: int | None,
    now: datetime,
) -> jobs.NewJob:
    not_before = request.not_before
    timeout = timedelta(seconds=wanted.timeout_s)
    sent_by = at(wanted.deadline_ms)
    return jobs.NewJob(
        job_id=wanted.job_id,
        station_id=wanted.station_id,
        kind=request.kind,
        action=wanted.action,
        request_id=request_id,
        location=request.location,
        rollout_id=rollout_id,
        created_by=wanted.created_by,
        created_at=now,
        not_before=not_before,
        timeout=timeout,
        deadline=max(sent_by, not_before or sent_by) + timeout,
    )


def _numbered(payload: dict[str, Any], request_id: int | None) -> dict[str, Any]:
    return payload if request_id is None else numbered(payload, request_id)


def _fields(row: Row[Any]) -> dict[str, Any]:
    return {
        "job_id": str(row.job_id),
        "station_id": row.station_id,
        "kind": JobKind(row.kind),
        "action": row.action,
        "status": JobStatus(row.status),
        "station_status": row.station_status,
        "result": row.result,
        "location": row.location,
        "file_name": row.file_name,
        "request_id": row.request_id,
        "rollout_id": None if row.rollout_id is None else str(row.rollout_id),
        "created_by": row.created_by,
        "created_at": format_time(row.created_at),
        "sent_at": None if row.sent_at is None else format_time(row.sent_at),
        "finished_at": None if row.finished_at is None else format_time(row.finished_at),
        "deadline": format_time(row.deadline),
    }
