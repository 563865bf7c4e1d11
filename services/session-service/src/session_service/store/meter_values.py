"""Storing meter values: one statement for all values of a batch."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.db.row_arrays import arrays, columns_of, names, unnest
from session_service.domain.metering import Sample
from session_service.store.tables.metering import meter_value

_VALUE = columns_of(
    meter_value,
    "sampled_at",
    "digest",
    "transaction_id",
    "connector_id",
    "value",
    "station_id",
    "measurand",
    "phase",
    "context",
    "location",
    "format",
    "unit",
    "raw",
)
_GIVEN = (*_VALUE, ("received_ms", "bigint"))
# The keys of what was stored come back only where something was not: the rule is all or none.
_INSERT = text(
    f"WITH stored AS (INSERT INTO meter_value ({names(_VALUE)}, received_at) "  # noqa: S608
    f"SELECT {names(_VALUE)}, to_timestamp(received_ms / 1000.0) FROM {unnest(_GIVEN, 'new')} "
    "ON CONFLICT DO NOTHING RETURNING sampled_at, digest, received_at), "
    # So a week's last receipt is known without a look at its rows. Whoever sees no mark of the day
    # makes one: those under way may be undone, and to wait for them could be to wait for somebody
    # who waits for us. So there may be a few of the same. Impossible times have no week.
    "given AS (INSERT INTO meter_value_week (week, received_on) SELECT week, received_on FROM ("
    "SELECT DISTINCT CAST(date_trunc('week', sampled_at) AS date) AS week, "
    "CAST(received_at AS date) AS received_on FROM stored "
    "WHERE sampled_at BETWEEN now() - interval '10 years' AND now() + interval '9 weeks') AS days "
    "WHERE NOT EXISTS (SELECT FROM meter_value_week AS known WHERE known.week = days.week "
    "AND known.received_on = days.received_on)) "
    "SELECT count(*) AS number, "
    "CASE WHEN count(*) < :given THEN array_agg(sampled_at) END AS times, "
    "CASE WHEN count(*) < :given THEN array_agg(digest) END AS digests FROM stored"
)

SampleKey = tuple[datetime, bytes]


class StoredSample(NamedTuple):
    """A value with where it came from and the transaction that it was found to belong to."""

    sample: Sample
    station_id: str
    connector_id: int | None
    transaction_id: int | None
    received_ms: int


async def add_meter_values(
    connection: AsyncConnection, rows: Sequence[StoredSample]
) -> Collection[SampleKey]:
    """Store the values that are not stored yet, and return the keys of those."""
    # Folded and sorted: two batches with the same values wait for each other, and never twice.
    unique = {(row.sample.sampled_at, row.sample.digest): row for row in rows}
    if not unique:
        return ()
    ordered = [unique[key] for key in sorted(unique)]
    result = await connection.execute(
        _INSERT, {"given": len(ordered), **arrays(_GIVEN, map(_row, ordered))}
    )
    stored = result.one()
    if stored.number == len(ordered):
        return unique.keys()
    return set(zip(stored.times or (), stored.digests or (), strict=True))


def _row(stored: StoredSample) -> tuple[Any, ...]:
    sample = stored.sample
    return (
        sample.sampled_at,
        sample.digest,
        stored.transaction_id,
        stored.connector_id,
        sample.value,
        stored.station_id,
        sample.measurand,
        sample.phase,
        sample.context,
        sample.location,
        sample.format,
        sample.unit,
        sample.raw,
        stored.received_ms,
    )
