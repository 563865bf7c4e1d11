"""What moves jobs: reports of stations, ends of commands, and the clock."""

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.read_calls import Call
from csms_shared.db.isolation import apply_apart
from csms_shared.runtime.clock import now_ms
from station_registry.database.telling import tell
from station_registry.events import Event, fact
from station_registry.jobs.domain.jobs import (
    DEFAULT_TIMEOUT,
    JobCommand,
    JobState,
    ReportedStatus,
    job_state,
)
from station_registry.jobs.store import jobs
from station_registry.jobs.store import reports as job_reports

log = structlog.get_logger(__name__)


async def note_job_reports(
    connection: AsyncConnection, calls: Sequence[Call[ReportedStatus]]
) -> None:
    """Store status reports, and bring the jobs of their stations up to date.

    The stations' job locks are held.
    """
    stations = {call.station_id for call in calls}
    new = await job_reports.save_reports(connection, calls)
    await settle_jobs(connection, stations, await job_reports.attach(connection, new))


async def note_job_commands(connection: AsyncConnection, commands: Sequence[JobCommand]) -> None:
    """Take in how commands ended that start jobs; those of operators make jobs here.

    The stations' job locks are held.
    """
    stations = {command.station_id for command in commands}
    new = [_new_job(command) for command in commands]
    stored = await jobs.save_jobs(connection, new)
    await tell_created(connection, [job for job in new if job.job_id in stored])
    await jobs.save_ends(connection, [(command.command_id, command.end) for command in commands])
    ended = {command.command_id for command in commands}
    moved = await job_reports.attach(connection, await job_reports.since_ends(connection, ended))
    await settle_jobs(connection, stations, ended | moved)


async def time_out_jobs(connection: AsyncConnection) -> bool:
    """End jobs that nothing final was heard of in time; true where there may be more."""
    stations, more = await jobs.lock_overdue(connection)
    _, failures = await apply_apart(connection, stations, _time_out)
    for failure in failures:
        # Looked at again the next time.
        log.error("jobs_not_settled", station_id=failure.work, exc_info=failure.error)
    return more and len(failures) < len(stations)


async def _time_out(connection: AsyncConnection, stations: Sequence[str]) -> list[None]:
    await settle_jobs(connection, stations, ())
    return []


async def settle_jobs(
    connection: AsyncConnection, stations: Collection[str], touched: Collection[UUID]
) -> None:
    """Bring the jobs of these stations up to date; their job locks are held.

    `touched`: ended jobs about which something new is known.
    """
    judged = [
        (known, job_state(known.facts))
        for known in await jobs.known_jobs(connection, stations, touched)
    ]
    changed = [(known, state) for known, state in judged if _is_other(known, state)]
    written = [pair for pair in judged if _is_other(*pair) or _has_more_time(*pair)]
    if not written:
        return
    await jobs.save_states(connection, written)
    now = now_ms()
    events: list[Event] = []
    for known, state in changed:
        events.append(_event("job.status_changed", known, state, now))
        if not state.status.is_open and known.row.status != state.status.value:
            events.append(_event("job.finished", known, state, now))
    await tell(connection, events)


def _is_other(known: jobs.KnownJob, state: JobState) -> bool:
    stored = (known.row.status, known.row.result, known.row.station_status)
    return (state.status.value, state.result, known.facts.reported_status) != stored


def _has_more_time(known: jobs.KnownJob, state: JobState) -> bool:
    """Tell whether the station was heard of since the job's deadline was set."""
    reported_at = known.facts.reported_at
    if reported_at is None or not state.status.is_open:
        return False
    return bool(reported_at + known.row.timeout > known.row.deadline)


async def tell_created(connection: AsyncConnection, new: Sequence[jobs.NewJob]) -> None:
    """Tell of jobs that were stored."""
    await tell(
        connection,
        [
            fact(
                "job.created",
                job.station_id,
                (str(job.job_id),),
                now_ms(),
                job_id=str(job.job_id),
                kind=job.kind.value,
                action=job.action,
                rollout_id=None if job.rollout_id is None else str(job.rollout_id),
                created_by=job.created_by,
            )
            for job in new
        ],
    )


def _new_job(command: JobCommand) -> jobs.NewJob:
    timeout = DEFAULT_TIMEOUT[command.kind]
    return jobs.NewJob(
        job_id=command.command_id,
        station_id=command.station_id,
        kind=command.kind,
        action=command.action,
        request_id=command.request_id,
        location=command.location,
        rollout_id=None,
        created_by=command.created_by,
        created_at=command.created_at,
        not_before=command.not_before,
        timeout=timeout,
        deadline=command.created_at + timeout + timedelta(days=7),
    )


def _event(key: str, known: jobs.KnownJob, state: JobState, now: int) -> Event:
    row: Row[Any] = known.row
    cause = (
        str(row.job_id),
        state.status.value,
        row.command_end or "",
        row.reported_connection or "",
        row.reported_seq or 0,
        "" if row.timed_out_at is None else row.timed_out_at.isoformat(),
    )
    return fact(
        key,
        row.station_id,
        cause,
        now,
        job_id=str(row.job_id),
        kind=row.kind,
        action=row.action,
        status=state.status.value,
        station_status=known.facts.reported_status,
        result=state.result,
        rollout_id=None if row.rollout_id is None else str(row.rollout_id),
    )
