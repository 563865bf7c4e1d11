"""What stations report of their jobs, and which job a report belongs to.

Plain 1.6 reports carry no request id. Where a report belongs follows from the jobs of its station
and kind, and from the reports of success before it. So only what comes at or after something new
is looked at again.
"""

# ruff: noqa: S608 - statements are put together from literals; every value is a parameter

from collections.abc import Collection, Iterable
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.read_calls import Call
from csms_shared.db.purging import delete_slice
from csms_shared.db.row_arrays import arrays, columns_of, names, unnest
from csms_shared.values.texts import fit
from station_registry.database.sql import at, statement
from station_registry.jobs.domain.jobs import ReportedStatus
from station_registry.jobs.tables import station_job_report

# Older reports are history: nothing about them changes any more.
SETTLING = "interval '60 days'"
_REPORTS_LOOKED_AT = 200
# Of a kind: those before have been superseded long ago.
_JOBS_LOOKED_AT = 50
_SUCCESS = "('Installed', 'Uploaded')"

_REPORT = columns_of(
    station_job_report,
    "connection_id",
    "seq",
    "station_id",
    "epoch",
    "kind",
    "request_id",
    "status",
    "received_at",
)
_SAVE = statement(
    f"INSERT INTO station_job_report ({names(_REPORT)}) "
    f"SELECT * FROM {unnest(_REPORT)} ORDER BY connection_id, seq "
    "ON CONFLICT DO NOTHING RETURNING station_id, kind, epoch, seq"
)
_MOMENT = columns_of(station_job_report, "station_id", "kind", "epoch", "seq")
# A command that has ended changes where reports belong from when its station could have got it.
_SINCE_ENDS = statement(
    f"""
    SELECT DISTINCT ON (j.station_id, j.kind) j.station_id, j.kind, r.epoch, r.seq
    FROM station_job AS j CROSS JOIN LATERAL (
        SELECT * FROM station_job_report AS newest
        WHERE newest.station_id = j.station_id AND newest.kind = j.kind
          AND newest.received_at >= least(j.created_at, j.sent_at)
          AND newest.received_at > now() - {SETTLING}
        ORDER BY newest.received_at DESC LIMIT {_REPORTS_LOOKED_AT}) AS r
    WHERE j.job_id = ANY(:ended)
    ORDER BY j.station_id, j.kind, r.epoch, r.seq
    """
)
# The second condition follows from the first, in the words of the index.
_GOT_BY_THEN = """
    CASE WHEN j.command_end IS NULL THEN j.created_at <= near.received_at
        ELSE j.command_end IN ('accepted', 'unknown')
            AND coalesce(j.sent_at, j.created_at) <= near.received_at END
    AND (j.command_end IS NULL OR j.command_end IN ('accepted', 'unknown'))
"""
_NEWEST_FIRST = (
    "(j.command_end IS NOT NULL) DESC, coalesce(j.sent_at, j.created_at) DESC, j.job_id DESC"
)
_ATTACH = statement(
    f"""
    UPDATE station_job_report AS r SET job_id = t.job_id
    FROM (
        SELECT near.connection_id, near.seq, near.job_id AS before,
            CASE WHEN near.request_id IS NOT NULL THEN (
                SELECT j.job_id FROM station_job AS j
                WHERE j.station_id = near.station_id AND j.kind = near.kind
                  AND j.request_id = near.request_id AND {_GOT_BY_THEN}
                ORDER BY {_NEWEST_FIRST} LIMIT 1)
            ELSE (
                SELECT got.job_id FROM (
                    SELECT j.job_id, (j.command_end IS NOT NULL) AS ended,
                        coalesce(j.sent_at, j.created_at) AS got_at
                    FROM station_job AS j
                    WHERE j.station_id = near.station_id AND j.kind = near.kind
                      AND {_GOT_BY_THEN}
                    ORDER BY {_NEWEST_FIRST} LIMIT {_JOBS_LOOKED_AT}) AS got
                -- What follows a success is of the next job, whose command may yet be under way.
                WHERE NOT EXISTS (
                    SELECT FROM station_job_report AS done
                    WHERE done.job_id = got.job_id AND done.status IN {_SUCCESS}
                      AND (done.epoch, done.seq) < (near.epoch, near.seq))
                ORDER BY got.ended DESC, got.got_at DESC, got.job_id DESC LIMIT 1) END AS job_id
        FROM {unnest(_MOMENT)}
        CROSS JOIN LATERAL (
            SELECT * FROM station_job_report AS newest
            WHERE newest.station_id = d.station_id AND newest.kind = d.kind
              AND (newest.epoch, newest.seq) >= (d.epoch, d.seq)
              AND newest.received_at > now() - {SETTLING}
            ORDER BY newest.epoch DESC, newest.seq DESC LIMIT {_REPORTS_LOOKED_AT}) AS near
    ) AS t
    WHERE r.connection_id = t.connection_id AND r.seq = t.seq AND r.job_id IS DISTINCT FROM t.job_id
    RETURNING t.before, r.job_id, r.status IN {_SUCCESS} AS success
    """
)
_TOO_OLD = (
    "station_job_report WHERE received_at < now() - interval '400 days' "
    "ORDER BY received_at LIMIT :slice"
)

# (station id, job kind) -> (epoch, seq)
Moments = dict[tuple[str, str], tuple[int, int]]


async def save_reports(
    connection: AsyncConnection, calls: Iterable[Call[ReportedStatus]]
) -> Moments:
    """Store status reports of stations, and return the earliest of each that was not there yet."""
    rows = {(call.connection_id, call.seq): _report(call) for call in calls}
    return _earliest(await connection.execute(_SAVE, arrays(_REPORT, rows.values())))


async def since_ends(connection: AsyncConnection, ended: Collection[UUID]) -> Moments:
    """Return from which report on the ends of these jobs' commands make a difference."""
    return _earliest(await connection.execute(_SINCE_ENDS, {"ended": sorted(ended)}))


async def attach(connection: AsyncConnection, since: Moments) -> set[UUID]:
    """Have the reports since then belong where they do now; return the jobs this concerns.

    The job locks of the stations are held.
    """
    touched: set[UUID] = set()
    parameters = arrays(_MOMENT, [(*key, *moment) for key, moment in sorted(since.items())])
    # Again, because a success that has found its job leaves what follows it to another. Each time
    # one more of them stays where it is.
    for _ in range(_REPORTS_LOOKED_AT if since else 0):
        moved = (await connection.execute(_ATTACH, parameters)).all()
        touched.update(row.before for row in moved if row.before is not None)
        touched.update(row.job_id for row in moved if row.job_id is not None)
        if not any(row.success for row in moved):
            break
    return touched


async def purge_reports(connection: AsyncConnection) -> bool:
    """Delete reports that are over a year old; true where there may be more."""
    return await delete_slice(connection, "station_job_report", _TOO_OLD)


def _report(call: Call[ReportedStatus]) -> tuple[Any, ...]:
    return (
        call.connection_id,
        call.seq,
        call.station_id,
        call.epoch,
        call.value.kind.value,
        call.value.request_id,
        fit(call.value.status, 64),
        at(call.received_ms),
    )


def _earliest(rows: Iterable[Any]) -> Moments:
    earliest: Moments = {}
    for row in rows:
        key, moment = (row.station_id, row.kind), (row.epoch, row.seq)
        earliest[key] = min(moment, earliest.get(key, moment))
    return earliest
