"""Rollouts go on: jobs are started as earlier ones end."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.clock import now_ms, utc_now
from csms_shared.contracts.command_ids import new_command_id
from csms_shared.contracts.events import CloudEvent, event_id, event_type
from csms_shared.contracts.jobs import OPEN_JOBS, CreateJob, JobStatus
from csms_shared.contracts.rollouts import RolloutStatus
from csms_shared.db.outbox import write_events
from csms_shared.values.times import format_time_ms
from station_registry.domain.events import SOURCE
from station_registry.domain.rollouts import RolloutCounts, next_step
from station_registry.handlers.job_requests import start_job
from station_registry.store import jobs, rollouts
from station_registry.store.tables import outbox

# In one turn; the next turn goes on.
_STARTS_MAX = 200


async def advance_rollouts(connection: AsyncConnection) -> None:
    """Bring every running rollout one step further."""
    for row in await rollouts.lock_running(connection):
        counted = await rollouts.counts(connection, row.rollout_id)
        step = next_step(
            _counts(counted), row.concurrency, row.stop_after_failures, row.failures_forgiven
        )
        if step.start:
            await _start(connection, row, min(step.start, _STARTS_MAX))
        if step.status is not RolloutStatus.RUNNING:
            await set_status(connection, row.rollout_id, step.status, None)


async def set_status(
    connection: AsyncConnection, rollout_id: UUID, status: RolloutStatus, forgiven: int | None
) -> None:
    """Store a rollout's new status and tell of it."""
    await rollouts.save_status(connection, rollout_id, status, forgiven)
    key, now = f"rollout.{status.value}", now_ms()
    event = CloudEvent(
        id=event_id(key, str(rollout_id), now),
        source=SOURCE,
        type=event_type(key),
        subject=str(rollout_id),
        time=format_time_ms(now),
        data={"rollout_id": str(rollout_id), "status": status.value},
    )
    await write_events(connection, outbox, [(key, event)])


def failures(counted: dict[str, int]) -> int:
    """Return how many stations ended without success."""
    return sum(
        count
        for status, count in counted.items()
        if status not in (rollouts.WAITING, JobStatus.SUCCEEDED, *OPEN_JOBS)
    )


def _counts(counted: dict[str, int]) -> RolloutCounts:
    return RolloutCounts(
        waiting=counted.get(rollouts.WAITING, 0),
        open=sum(counted.get(status, 0) for status in OPEN_JOBS),
        failed=failures(counted),
    )


async def _start(connection: AsyncConnection, row: Row[Any], count: int) -> None:
    stations = await rollouts.waiting(connection, row.rollout_id, count)
    await jobs.lock_jobs_of(connection, stations)
    send_by = utc_now() + timedelta(seconds=row.send_within_s)
    started: list[tuple[str, UUID]] = []
    for station_id in stations:
        job_id = new_command_id(now_ms())
        await start_job(
            connection,
            CreateJob(
                job_id=job_id,
                station_id=station_id,
                action=row.action,
                payload=row.payload,
                deadline_ms=round(send_by.timestamp() * 1000),
                timeout_s=row.timeout_s,
                created_by=row.created_by,
            ),
            row.rollout_id,
        )
        started.append((station_id, job_id))
    await rollouts.save_started(connection, row.rollout_id, started)
