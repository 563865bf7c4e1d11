"""Jobs and what stations report of them; every change of a station's jobs is under its job lock."""

# ruff: noqa: S608 - statements are put together from literals; every value is a parameter

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.calls import StationCall
from csms_shared.contracts.jobs import OPEN_JOBS, JobKind
from csms_shared.db.purging import delete_slice
from csms_shared.values.numbers import as_integer
from csms_shared.values.texts import fit
from station_registry.domain.jobs import CommandEnd, EndedStart, JobFacts, JobState
from station_registry.store.sql import arrays, at, statement, unnest

# Older jobs and reports are history: nothing about them changes any more.
_SETTLING = "interval '60 days'"
_REPORTS_LOOKED_AT = 200
_ATTACH_ROUNDS = 3
_OPEN = ", ".join(f"'{status}'" for status in OPEN_JOBS)

_LOCK = statement(
    "SELECT pg_advisory_xact_lock(hashtextextended('job ' || station_id, 0)) FROM "
    '(SELECT unnest(CAST(:stations AS text[])) COLLATE "C" AS station_id ORDER BY 1) AS s'
)
_REPORT = (
    ("connection_id", "text"),
    ("seq", "bigint"),
    ("station_id", "text"),
    ("epoch", "bigint"),
    ("kind", "text"),
    ("request_id", "bigint"),
    ("status", "text"),
    ("received_at", "timestamptz"),
)
_SAVE_REPORTS = statement(
    "INSERT INTO station_job_report (connection_id, seq, station_id, epoch, kind, request_id, "
    f"status, received_at) SELECT * FROM {unnest(_REPORT)} ORDER BY connection_id, seq "
    "ON CONFLICT DO NOTHING"
)
_JOB = (
    ("job_id", "uuid"),
    ("station_id", "text"),
    ("kind", "text"),
    ("action", "text"),
    ("request_id", "bigint"),
    ("location", "text"),
    ("rollout_id", "uuid"),
    ("created_by", "text"),
    ("created_at", "timestamptz"),
    ("not_before", "timestamptz"),
    ("timeout", "interval"),
    ("deadline", "timestamptz"),
)
_JOB_NAMES = ", ".join(name for name, _ in _JOB)
_SAVE_JOBS = statement(
    f"INSERT INTO station_job ({_JOB_NAMES}, status) SELECT {_JOB_NAMES}, 'ordered' "
    f"FROM {unnest(_JOB)} ORDER BY job_id ON CONFLICT DO NOTHING RETURNING job_id"
)
_END = (
    ("job_id", "uuid"),
    ("command_end", "text"),
    ("command_reason", "text"),
    ("file_name", "text"),
    ("sent_at", "timestamptz"),
    ("due", "interval"),
    ("no_file", "boolean"),
)
_SAVE_ENDS = statement(
    "UPDATE station_job AS j SET command_end = d.command_end, command_reason = d.command_reason, "
    "file_name = d.file_name, no_file = d.no_file, sent_at = coalesce(d.sent_at, j.sent_at), "
    "deadline = greatest(coalesce(d.sent_at, j.created_at), j.not_before) "
    f"+ coalesce(d.due, j.timeout) FROM {unnest(_END)} WHERE j.job_id = d.job_id AND "
    "(j.command_end IS NULL OR (j.command_end = 'unknown' AND d.command_end <> 'unknown'))"
)
_ATTACH = statement(
    f"""
    UPDATE station_job_report AS r SET job_id = t.job_id
    FROM (
        SELECT near.connection_id, near.seq, (
            SELECT j.job_id FROM station_job AS j
            WHERE j.station_id = near.station_id AND j.kind = near.kind
              AND CASE WHEN near.request_id IS NOT NULL THEN j.request_id = near.request_id
                  -- What follows a success is of the next job, whose command may yet be under way.
                  ELSE NOT EXISTS (
                      SELECT FROM station_job_report AS done
                      WHERE done.job_id = j.job_id AND done.status IN ('Installed', 'Uploaded')
                        AND (done.epoch, done.seq) < (near.epoch, near.seq)) END
              AND CASE WHEN j.command_end IS NULL THEN j.created_at <= near.received_at
                  ELSE j.command_end IN ('accepted', 'unknown')
                      AND coalesce(j.sent_at, j.created_at) <= near.received_at END
            ORDER BY (j.command_end IS NOT NULL) DESC,
                coalesce(j.sent_at, j.created_at) DESC, j.job_id DESC
            LIMIT 1) AS job_id
        FROM unnest(CAST(:stations AS text[])) AS s (station_id)
        CROSS JOIN LATERAL (
            SELECT * FROM station_job_report AS newest
            WHERE newest.station_id = s.station_id
              AND newest.received_at > now() - {_SETTLING}
            ORDER BY newest.received_at DESC LIMIT {_REPORTS_LOOKED_AT}) AS near
    ) AS t
    WHERE r.connection_id = t.connection_id AND r.seq = t.seq AND r.job_id IS DISTINCT FROM t.job_id
    """
)
_TIME_OUT = statement(
    "UPDATE station_job SET timed_out_at = now() "
    f"WHERE station_id = ANY(CAST(:stations AS text[])) AND status IN ({_OPEN}) "
    "AND deadline < now()"
)
_FACTS = statement(
    f"""
    SELECT j.*, r.status AS reported_status, r.received_at AS reported_at,
        r.connection_id AS reported_connection, r.seq AS reported_seq,
        j.command_end IN ('accepted', 'unknown') AND EXISTS (
            SELECT FROM station_job AS newer
            WHERE newer.station_id = j.station_id AND newer.kind = j.kind
              AND newer.command_end = 'accepted'
              AND coalesce(newer.sent_at, newer.created_at) > coalesce(j.sent_at, j.created_at)
        ) AS superseded
    FROM station_job AS j LEFT JOIN LATERAL (
        SELECT * FROM station_job_report AS newest
        WHERE newest.job_id = j.job_id AND newest.status <> 'Idle'
        ORDER BY newest.epoch DESC, newest.seq DESC LIMIT 1) AS r ON true
    WHERE j.station_id = ANY(CAST(:stations AS text[])) AND j.created_at > now() - {_SETTLING}
    ORDER BY j.station_id, j.job_id FOR UPDATE OF j
    """
)
_STATE = (
    ("job_id", "uuid"),
    ("status", "text"),
    ("result", "text"),
    ("station_status", "text"),
    ("reported_at", "timestamptz"),
    ("is_open", "boolean"),
)
_SAVE_STATES = statement(
    "UPDATE station_job AS j SET status = d.status, result = d.result, "
    "station_status = d.station_status, "
    "deadline = greatest(j.deadline, d.reported_at + j.timeout), "
    "finished_at = CASE WHEN d.is_open THEN NULL ELSE coalesce(j.finished_at, now()) END "
    f"FROM {unnest(_STATE)} WHERE j.job_id = d.job_id"
)
_OVERDUE = statement(
    f"SELECT DISTINCT station_id FROM station_job WHERE status IN ({_OPEN}) "
    "AND deadline < now() LIMIT 500"
)
_TOO_OLD = (
    "station_job_report WHERE received_at < now() - interval '400 days' "
    "ORDER BY received_at LIMIT :slice"
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
    await connection.execute(_LOCK, {"stations": sorted(set(stations))})


async def save_reports(
    connection: AsyncConnection, calls: Iterable[tuple[JobKind, StationCall]]
) -> None:
    """Store status reports of stations; those that are known already are left alone."""
    rows = {(call.connection_id, call.seq): _report(kind, call) for kind, call in calls}
    await connection.execute(_SAVE_REPORTS, arrays(_REPORT, rows.values()))


def _report(kind: JobKind, call: StationCall) -> tuple[Any, ...]:
    request_id = call.payload.get("requestId")
    return (
        call.connection_id,
        call.seq,
        call.station_id,
        call.epoch,
        kind.value,
        as_integer(request_id),
        fit(call.payload["status"], 64),
        at(call.received_ms),
    )


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
            end.due,
            end.no_file,
        )
        for job_id, end in ends
    ]
    await connection.execute(_SAVE_ENDS, arrays(_END, rows))


async def known_jobs(connection: AsyncConnection, stations: Collection[str]) -> list[KnownJob]:
    """Attach reports to jobs, mark those that are overdue, and return the jobs of these stations.

    Their job locks are held.
    """
    parameters = {"stations": sorted(set(stations))}
    # Again, because a report that has just found its job may take another one from it.
    for _ in range(_ATTACH_ROUNDS):
        if (await connection.execute(_ATTACH, parameters)).rowcount == 0:
            break
    await connection.execute(_TIME_OUT, parameters)
    found = await connection.execute(_FACTS, parameters)
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
                no_file=row.no_file,
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


async def next_request_id(connection: AsyncConnection) -> int:
    """Return a number for a request that stations name in their reports."""
    result = await connection.execute(statement("SELECT nextval('station_job_request_id')"))
    return int(result.scalar_one())


async def overdue_stations(connection: AsyncConnection) -> list[str]:
    """Return stations with open jobs whose deadline has passed."""
    return [row.station_id for row in await connection.execute(_OVERDUE)]


async def purge_reports(connection: AsyncConnection) -> bool:
    """Delete reports that are over a year old; true where there may be more."""
    return await delete_slice(connection, "station_job_report", _TOO_OLD)
