"""Jobs: every change of a station's jobs is under its job lock."""

# ruff: noqa: S608 - statements are put together from literals; every value is a parameter

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Boolean, DateTime, Interval, Row
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.jobs import OPEN_JOBS, JobKind, JobStatus
from csms_shared.db.row_arrays import arrays, columns_of, names, unnest
from csms_shared.values.texts import fit
from station_registry.database.sql import statement
from station_registry.database.tenants import TENANT_OF_STATION
from station_registry.jobs.domain.jobs import CommandEnd, EndedStart, JobFacts, JobState
from station_registry.jobs.store.reports import SETTLING
from station_registry.jobs.tables import station_job

OPEN = ", ".join(f"'{status}'" for status in OPEN_JOBS)
# A job that timed out is superseded once its station takes a newer one.
_UNSETTLED = f"{OPEN}, '{JobStatus.TIMED_OUT}'"
OVERDUE_AT_ONCE = 500

_LOCK_KEY = "hashtextextended('job ' || station_id, 0)"
# True where the job lock of `station_id` is had; false where somebody else has it.
TRY_LOCK = f"pg_try_advisory_xact_lock({_LOCK_KEY})"
_STATION = columns_of(station_job, "station_id")
_LOCK = statement(
    f"SELECT pg_advisory_xact_lock({_LOCK_KEY}) FROM "
    f'(SELECT station_id COLLATE "C" AS station_id FROM {unnest(_STATION)} ORDER BY 1) AS s'
)
_JOB = columns_of(
    station_job,
    "job_id",
    "station_id",
    "kind",
    "action",
    "request_id",
    "location",
    "rollout_id",
    "created_by",
    "created_at",
    "not_before",
    "timeout",
    "deadline",
)
_SAVE_JOBS = statement(
    f"INSERT INTO station_job ({names(_JOB)}, status, tenant_id) "
    f"SELECT {names(_JOB)}, 'ordered', {TENANT_OF_STATION} "
    f"FROM {unnest(_JOB)} ORDER BY job_id ON CONFLICT DO NOTHING RETURNING job_id"
)
_END = columns_of(
    station_job,
    "job_id",
    "command_end",
    "command_reason",
    "file_name",
    "sent_at",
    "no_file",
    due=Interval(),
)
_SAVE_ENDS = statement(
    "UPDATE station_job AS j SET command_end = d.command_end, command_reason = d.command_reason, "
    "file_name = d.file_name, no_file = d.no_file, sent_at = coalesce(d.sent_at, j.sent_at), "
    "deadline = greatest(coalesce(d.sent_at, j.created_at), j.not_before) "
    f"+ coalesce(d.due, j.timeout) FROM {unnest(_END)} WHERE j.job_id = d.job_id AND "
    "(j.command_end IS NULL OR (j.command_end = 'unknown' AND d.command_end <> 'unknown'))"
)
_TIME_OUT = statement(
    "UPDATE station_job SET timed_out_at = now() "
    f"WHERE station_id = ANY(:stations) AND status IN ({_UNSETTLED}) "
    f"AND status IN ({OPEN}) AND deadline < now()"
)
_FACTS = statement(
    f"""
    SELECT j.*, r.status AS reported_status, r.received_at AS reported_at,
        r.connection_id AS reported_connection, r.seq AS reported_seq,
        j.command_end IN ('accepted', 'unknown') AND EXISTS (
            SELECT FROM station_job AS newer
            WHERE newer.station_id = j.station_id AND newer.kind = j.kind
              AND newer.command_end IS NOT NULL AND newer.command_end = 'accepted'
              AND coalesce(newer.sent_at, newer.created_at) > coalesce(j.sent_at, j.created_at)
        ) AS superseded
    FROM station_job AS j LEFT JOIN LATERAL (
        SELECT * FROM station_job_report AS newest
        WHERE newest.job_id = j.job_id AND newest.status <> 'Idle'
        ORDER BY newest.epoch DESC, newest.seq DESC LIMIT 1) AS r ON true
    WHERE (j.station_id = ANY(:stations) AND j.status IN ({_UNSETTLED})
        OR j.job_id = ANY(:touched))
      AND (j.status IN ({OPEN}) OR j.created_at > now() - {SETTLING})
    ORDER BY j.station_id, j.job_id FOR UPDATE OF j
    """
)
_STATE = columns_of(
    station_job,
    "job_id",
    "status",
    "result",
    "station_status",
    reported_at=DateTime(True),
    is_open=Boolean(),
)
_SAVE_STATES = statement(
    "UPDATE station_job AS j SET status = d.status, result = d.result, "
    "station_status = d.station_status, "
    "deadline = greatest(j.deadline, d.reported_at + j.timeout), "
    "finished_at = CASE WHEN d.is_open THEN NULL ELSE coalesce(j.finished_at, now()) END "
    f"FROM {unnest(_STATE)} WHERE j.job_id = d.job_id"
)
_OVERDUE = statement(
    f"SELECT station_id, jobs, {TRY_LOCK} AS locked FROM ("
    "SELECT station_id, count(*) AS jobs FROM ("
    f"SELECT station_id FROM station_job WHERE status IN ({OPEN}) AND deadline < now() "
    f"ORDER BY deadline LIMIT {OVERDUE_AT_ONCE}) AS due GROUP BY station_id) AS stations"
)
_REQUEST_IDS = statement(
    "SELECT nextval('station_job_request_id') FROM generate_series(1, CAST(:count AS integer))"
)


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job to store; `timeout` from when the station has got its command."""

    job_id: UUID
    station_id: str
    kind: JobKind
    action: str
    request_id: int | None
    location: str
    rollout_id: UUID | None
    created_by: str
    created_at: datetime
    not_before: datetime | None
    timeout: timedelta
    deadline: datetime


@dataclass(frozen=True, slots=True)
class KnownJob:
    """A job, what its state follows from, and its row as it was."""

    row: Row[Any]
    facts: JobFacts


async def lock_jobs_of(connection: AsyncConnection, stations: Collection[str]) -> None:
    """Take the job locks of these stations, in one order everywhere."""
    await connection.execute(_LOCK, {"station_id": sorted(set(stations))})


async def save_jobs(connection: AsyncConnection, jobs: Iterable[NewJob]) -> set[UUID]:
    """Store jobs; returns the ids of those that were not there yet."""
    rows = [tuple(getattr(job, name) for name, _ in _JOB) for job in jobs]
    found = await connection.execute(_SAVE_JOBS, arrays(_JOB, rows))
    return {row.job_id for row in found}


async def save_ends(connection: AsyncConnection, ends: Iterable[tuple[UUID, EndedStart]]) -> None:
    """Store how the commands of jobs ended; only an unknown end changes again."""
    rows = [
        (
            job_id,
            end.end.value,
            fit(end.reason, 255),
            fit(end.file_name, 255),
            end.sent_at,
            end.no_file,
            end.due,
        )
        for job_id, end in ends
    ]
    await connection.execute(_SAVE_ENDS, arrays(_END, rows))


async def known_jobs(
    connection: AsyncConnection, stations: Collection[str], touched: Collection[UUID]
) -> list[KnownJob]:
    """Mark the jobs of these stations that are overdue, and return what may have changed.

    That is what is open or timed out, however old, and what of the last 60 days was `touched`: by
    the end of its command, or by a report that it got or lost. The stations' job locks are held.
    """
    parameters = {"stations": sorted(set(stations))}
    await connection.execute(_TIME_OUT, parameters)
    found = await connection.execute(_FACTS, {**parameters, "touched": sorted(touched)})
    return [
        KnownJob(
            row,
            JobFacts(
                command_end=None if row.command_end is None else CommandEnd(row.command_end),
                command_reason=row.command_reason,
                reported_status=row.reported_status,
                reported_at=row.reported_at,
                superseded=bool(row.superseded),
                timed_out_at=row.timed_out_at,
                timeout=row.timeout,
                no_file=row.no_file,
                cancelled=row.cancelled_at is not None,
            ),
        )
        for row in found
    ]


async def save_states(
    connection: AsyncConnection, states: Sequence[tuple[KnownJob, JobState]]
) -> None:
    """Store where jobs stand; a report of the station gives a job its time anew."""
    rows = [
        (
            known.row.job_id,
            state.status.value,
            state.result,
            known.facts.reported_status,
            known.facts.reported_at,
            state.status.is_open,
        )
        for known, state in states
    ]
    await connection.execute(_SAVE_STATES, arrays(_STATE, rows))


async def next_request_ids(connection: AsyncConnection, count: int) -> list[int]:
    """Return numbers for requests that stations name in their reports."""
    return list((await connection.execute(_REQUEST_IDS, {"count": count})).scalars())


async def lock_overdue(connection: AsyncConnection) -> tuple[list[str], bool]:
    """Return stations with open jobs past their deadline, locked, and whether there may be more.

    The longest overdue come first. Stations whose job lock somebody else has are left out: what
    has just been heard of them may be what is overdue.
    """
    found = (await connection.execute(_OVERDUE)).all()
    more = sum(row.jobs for row in found) == OVERDUE_AT_ONCE
    return sorted(row.station_id for row in found if row.locked), more
