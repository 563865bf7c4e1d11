"""Storing meter values: one statement for all values of a batch."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from session_service.metering.domain import Sample

# The keys of what was stored come back only where something was not: the rule is all or none.
_INSERT = text(
    "WITH stored AS (INSERT INTO meter_value (sampled_at, digest, received_at, transaction_id, "
    "connector_id, value, station_id, measurand, phase, context, location, format, unit, raw) "
    "SELECT sampled_at, digest, to_timestamp(received_ms / 1000.0), transaction_id, "
    "connector_id, value, station_id, measurand, phase, context, location, format, unit, raw "
    "FROM unnest(CAST(:sampled_at AS timestamptz[]), CAST(:digest AS bytea[]), "
    "CAST(:received_ms AS bigint[]), CAST(:transaction_id AS integer[]), "
    "CAST(:connector_id AS bigint[]), CAST(:value AS double precision[]), "
    "CAST(:station_id AS text[]), CAST(:measurand AS text[]), CAST(:phase AS text[]), "
    "CAST(:context AS text[]), CAST(:location AS text[]), CAST(:format AS text[]), "
    "CAST(:unit AS text[]), CAST(:raw AS text[])) AS new (sampled_at, digest, received_ms, "
    "transaction_id, connector_id, value, station_id, measurand, phase, context, location, "
    "format, unit, raw) ON CONFLICT DO NOTHING RETURNING sampled_at, digest, received_at), "
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
    samples = [row.sample for row in ordered]
    result = await connection.execute(
        _INSERT,
        {
            "given": len(ordered),
            "sampled_at": [sample.sampled_at for sample in samples],
            "digest": [sample.digest for sample in samples],
            "received_ms": [row.received_ms for row in ordered],
            "transaction_id": [row.transaction_id for row in ordered],
            "connector_id": [row.connector_id for row in ordered],
            "value": [sample.value for sample in samples],
            "station_id": [row.station_id for row in ordered],
            "measurand": [sample.measurand for sample in samples],
            "phase": [sample.phase for sample in samples],
            "context": [sample.context for sample in samples],
            "location": [sample.location for sample in samples],
            "format": [sample.format for sample in samples],
            "unit": [sample.unit for sample in samples],
            "raw": [sample.raw for sample in samples],
        },
    )
    stored = result.one()
    if stored.number == len(ordered):
        return unique.keys()
    return set(zip(stored.times or (), stored.digests or (), strict=True))
