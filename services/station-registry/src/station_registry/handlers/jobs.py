"""What moves jobs: reports of stations, ends of commands, and the clock."""

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.clock import now_ms
from csms_shared.contracts.orders import CompletedCommand
from csms_shared.db.outbox import write_events
from csms_shared.inbox import Reply, Work
from csms_shared.values.numbers import as_integer
from csms_shared.values.times import read_moment
from station_registry.domain.events import Told, fact
from station_registry.domain.jobs import (
    DEFAULT_TIMEOUT,
    KIND_OF_COMMAND,
    KIND_OF_REPORT,
    JobState,
    earliest_start,
    ended_start,
    job_state,
    location_of,
)
from station_registry.handlers.works import calls
from station_registry.store import jobs
from station_registry.store.tables import outbox


async def note_job_reports(connection: AsyncConnection, works: Sequence[Work]) -> list[Reply]:
    """Store status reports of one action, and bring the jobs of their stations up to date."""
    kind = KIND_OF_REPORT[str(works[0].envelope["action"])]
    reported = calls(works)
    stations = {call.station_id for call in reported}
    await jobs.lock_jobs_of(connection, stations)
    await jobs.save_reports(connection, [(kind, call) for call in reported])
    await settle_jobs(connection, stations)
    return []


async def note_job_commands(
    connection: AsyncConnection, commands: Sequence[CompletedCommand]
) -> None:
    """Take in how commands ended that start jobs; those of operators make jobs here."""
    stations = {command.station_id for command in commands}
    await jobs.lock_jobs_of(connection, stations)
    new = [_new_job(command) for command in commands]
    stored = await jobs.save_jobs(connection, new)
    await tell_created(connection, [job for job in new if job.job_id in stored])
    await jobs.save_ends(
        connection, [(command.command_id, ended_start(command)) for command in commands]
    )
    await settle_jobs(connection, stations)


async def time_out_jobs(connection: AsyncConnection) -> None:
    """End jobs that nothing final was heard of in time."""
    stations = await jobs.overdue_stations(connection)
    if stations:
        await jobs.lock_jobs_of(connection, stations)
        await settle_jobs(connection, stations)


async def settle_jobs(connection: AsyncConnection, stations: Collection[str]) -> None:
    """Bring the jobs of these stations up to date; their job locks are held."""
    changed: list[tuple[jobs.KnownJob, JobState]] = []
    for known in await jobs.known_jobs(connection, stations):
        state, row = job_state(known.facts), known.row
        now_known = (state.status.value, state.result, known.facts.reported_status)
        if now_known != (row.status, row.result, row.station_status):
            changed.append((known, state))
    if not changed:
        return
    await jobs.save_states(connection, changed)
    now = now_ms()
    told: list[Told] = []
    for known, state in changed:
        told.append(_told("job.status_changed", known, state, now))
        if not state.status.is_open and known.row.status != state.status.value:
            told.append(_told("job.finished", known, state, now))
    await write_events(connection, outbox, told)


async def tell_created(connection: AsyncConnection, new: Sequence[jobs.NewJob]) -> None:
    """Tell of jobs that were stored."""
    await write_events(
        connection,
        outbox,
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


def _new_job(command: CompletedCommand) -> jobs.NewJob:
    kind = KIND_OF_COMMAND[command.action]
    created_at = read_moment(command.created_at)
    timeout = DEFAULT_TIMEOUT[kind]
    return jobs.NewJob(
        job_id=command.command_id,
        station_id=command.station_id,
        kind=kind,
        action=command.action,
        request_id=as_integer(command.payload.get("requestId")),
        location=location_of(command.action, command.payload),
        rollout_id=None,
        created_by=command.created_by,
        created_at=created_at,
        not_before=earliest_start(command.action, command.payload),
        timeout=timeout,
        deadline=created_at + timeout + timedelta(days=7),
    )


def _told(key: str, known: jobs.KnownJob, state: JobState, now: int) -> Told:
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
