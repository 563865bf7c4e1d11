"""Rollouts go on: jobs are started as earlier ones end."""

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.command_ids import new_command_id
from csms_shared.contracts.events import CloudEvent, event_id, event_type
from csms_shared.contracts.jobs import CreateJob
from csms_shared.contracts.rollouts import RolloutStatus
from csms_shared.db.engine import is_about_data
from csms_shared.db.isolation import apply_apart
from csms_shared.runtime.clock import now_ms, utc_now
from csms_shared.values.times import format_time_ms
from station_registry.database.telling import tell
from station_registry.events import SOURCE
from station_registry.jobs.domain.rollouts import fair_shares, next_step
from station_registry.jobs.handlers.requests import start_jobs
from station_registry.jobs.store import rollouts

log = structlog.get_logger(__name__)

# Of all rollouts in one turn: each start holds the job lock of its station until the commit.
_STARTS_AT_ONCE = 1_000

# A rollout that starts jobs, and how many.
Starting = tuple[UUID, int]


async def advance_rollouts(connection: AsyncConnection) -> None:
    """Bring every running rollout one step further, with as many statements as for one.

    One whose jobs can't be made is stopped, and delays no other. What says nothing about a
    rollout stops none: all are tried again at the next turn.
    """
    running = await rollouts.lock_running(connection)
    if not running:
        return
    counted = await rollouts.step_counts(connection, [row.rollout_id for row in running])
    steps = {
        row.rollout_id: next_step(
            counted[row.rollout_id],
            row.concurrency,
            row.stop_after_failures,
            row.failures_forgiven,
        )
        for row in running
    }
    ended = [
        (rollout_id, step.status)
        for rollout_id, step in steps.items()
        if step.status is not RolloutStatus.RUNNING
    ]
    wanted = {rollout_id: step.start for rollout_id, step in steps.items() if step.start}
    shares = fair_shares(list(wanted.values()), _STARTS_AT_ONCE)
    starting = [pair for pair in zip(wanted, shares, strict=True) if pair[1]]
    _, failed = await apply_apart(
        connection, starting, _start, lambda error: not is_about_data(error)
    )
    for failure in failed:
        rollout_id, _ = failure.work
        log.error("rollout_stopped", rollout_id=str(rollout_id), exc_info=failure.error)
        ended.append((rollout_id, RolloutStatus.STOPPED))
    await set_statuses(connection, [(rollout_id, status, None) for rollout_id, status in ended])


async def set_statuses(
    connection: AsyncConnection, statuses: Collection[tuple[UUID, RolloutStatus, int | None]]
) -> None:
    """Store new statuses and tell of them; the third: how many failures count no more."""
    if not statuses:
        return
    tenants = await rollouts.save_statuses(connection, statuses)
    now = now_ms()
    events = [
        _event(tenants[rollout_id], rollout_id, status, now)
        for rollout_id, status, _ in statuses
        if rollout_id in tenants
    ]
    await tell(connection, events)


def failures(counted: dict[str, int]) -> int:
    """Return how many stations ended without success."""
    return sum(
        count
        for status, count in counted.items()
        if status not in (rollouts.WAITING, *rollouts.NO_FAILURES)
    )


async def _start(connection: AsyncConnection, starting: Sequence[Starting]) -> list[None]:
    rows = await rollouts.read(connection, [rollout_id for rollout_id, _ in starting])
    taken = await rollouts.take_waiting(connection, dict(starting))
    now = now_ms()
    started = [(rollout_id, station, new_command_id(now)) for rollout_id, station in taken]
    if started:
        await start_jobs(
            connection,
            [
                (_job(rows[rollout_id], station, job_id), rollout_id)
                for rollout_id, station, job_id in started
            ],
        )
        await rollouts.save_started(connection, started)
    return []


def _job(row: Row[Any], station_id: str, job_id: UUID) -> CreateJob:
    send_by = utc_now() + timedelta(seconds=row.send_within_s)
    return CreateJob(
        job_id=job_id,
        station_id=station_id,
        action=row.action,
        payload=row.payload,
        deadline_ms=round(send_by.timestamp() * 1000),
        timeout_s=row.timeout_s,
        created_by=row.created_by,
    )


def _event(
    tenant_id: str, rollout_id: UUID, status: RolloutStatus, now: int
) -> tuple[str, CloudEvent]:
    key = f"rollout.{status.value}"
    return key, CloudEvent(
        id=event_id(key, str(rollout_id), now),
        source=SOURCE,
        type=event_type(key),
        subject=str(rollout_id),
        time=format_time_ms(now),
        tenantid=tenant_id,
        data={"rollout_id": str(rollout_id), "status": status.value},
    )
