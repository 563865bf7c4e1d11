"""Many stored meter values, made by the database itself in the suite's own tables.

Sessions of an hour, spread evenly over 34 days and 1,000 stations, with four values each minute,
written in the order of their time as they would have arrived. Then VACUUM, ANALYZE and CHECKPOINT,
so that their aftermath is not part of what is measured next.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import asyncpg

STATIONS = 1000
DAYS = 34
MINUTES = 60
SAMPLES_PER_MINUTE = 4
ROWS_PER_TRANSACTION = MINUTES * SAMPLES_PER_MINUTE
TRANSACTIONS_PER_STATEMENT = 1000
STATEMENT_SECONDS = 300.0

_TRANSACTIONS = """
    INSERT INTO session.transaction (id, key, station_id, connector_id, id_token, token_key,
        status, authorization_status, started_at, started_raw, meter_start, epoch, seq,
        received_at, stop_epoch, stop_seq, stopped_at, meter_stop, stop_reason)
    SELECT $1::int + n, decode(md5($2 || n), 'hex'), $2 || lpad((n % $3)::text, 5, '0'), 1,
        'stored', 'stored', 'completed', 'Accepted', starts, starts::text, 1000, 1, n,
        starts, 1, n, starts + interval '1 hour', 12040, 'Local'
    FROM generate_series(0, $4::int - 1) AS n,
        LATERAL (SELECT $5::timestamptz + n * $6::interval AS starts) AS time
"""

_METER_VALUES = """
    INSERT INTO session.meter_value (sampled_at, digest, received_at, transaction_id,
        connector_id, value, station_id, measurand, phase, context, location, unit, raw)
    SELECT sampled_at, decode(md5(t.station_id || t.id || minute || measurand), 'hex'), sampled_at,
        t.id, 1, value, t.station_id, measurand, phase, 'Sample.Periodic', 'Outlet', unit,
        value::text
    FROM session.transaction AS t, generate_series(0, $3::int - 1) AS minute,
        LATERAL (SELECT t.started_at + minute * interval '1 minute' AS sampled_at) AS time,
        LATERAL (VALUES
            ('Energy.Active.Import.Register', NULL, 'Wh', 1000.0 + minute * 184),
            ('Power.Active.Import', NULL, 'W', 11040.0 + minute % 7),
            ('Current.Import', 'L1', 'A', 16.0 + minute % 3),
            ('Voltage', 'L1-N', 'V', 230.0 + minute % 5)
        ) AS sample (measurand, phase, unit, value)
    WHERE t.id >= $1 AND t.id < $2
    ORDER BY sampled_at
"""


@dataclass(frozen=True, slots=True)
class Stored:
    """What was stored before a load."""

    prefix: str
    first_id: int
    transactions: int
    began_at: datetime
    spacing: timedelta

    def started_at(self, number: int) -> datetime:
        """Return when the transaction of a number started."""
        return self.began_at + number * self.spacing


async def preload(database_url: str, meter_values: int) -> Stored:
    """Let the table of meter values hold exactly so many, to the next transaction.

    What it held before is dropped. Does nothing where this very preload is the last one.
    """
    transactions = max(-(-meter_values // ROWS_PER_TRANSACTION), 1)
    prefix = f"stored-{meter_values}-"
    connection = await asyncpg.connect(database_url, command_timeout=STATEMENT_SECONDS)
    try:
        row = await connection.fetchrow(
            "SELECT min(id) AS first_id, min(started_at) AS began_at FROM session.transaction"
            " WHERE starts_with(station_id, $1)",
            prefix,
        )
        assert row is not None
        first_id, began_at = row["first_id"], row["began_at"]
        spacing = timedelta(days=DAYS) / transactions
        if first_id is None:
            began_at = datetime.now(UTC) - timedelta(days=DAYS, hours=2)
            first_id = await _fill(connection, prefix, transactions, began_at, spacing)
        return Stored(prefix, first_id, transactions, began_at, spacing)
    finally:
        await connection.close()


async def _fill(
    connection: "asyncpg.Connection[asyncpg.Record]",
    prefix: str,
    transactions: int,
    began_at: datetime,
    spacing: timedelta,
) -> int:
    # Nothing else writes in the meantime, and a crash of the benchmark's own server loses nothing.
    await connection.execute("SET synchronous_commit = off; SET work_mem = '128MB'")
    await connection.execute("TRUNCATE session.meter_value")
    await connection.execute("DELETE FROM session.transaction WHERE station_id LIKE 'stored-%'")
    first_id = int(
        await connection.fetchval(
            "SELECT setval('session.transaction_id', nextval('session.transaction_id') + $1) - $1",
            transactions,
        )
    )
    await connection.execute(
        _TRANSACTIONS, first_id, prefix, STATIONS, transactions, began_at, spacing
    )
    end = first_id + transactions
    for start in range(first_id, end, TRANSACTIONS_PER_STATEMENT):
        stop = min(start + TRANSACTIONS_PER_STATEMENT, end)
        await connection.execute(_METER_VALUES, start, stop, MINUTES)
    for statement in (
        "VACUUM (ANALYZE) session.meter_value",
        "VACUUM (ANALYZE) session.transaction",
        "CHECKPOINT",
    ):
        await connection.execute(statement)
    return first_id
