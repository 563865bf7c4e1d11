"""What the databases hold after a load, and how that differs from what was acknowledged."""

from dataclasses import dataclass
from datetime import datetime

import asyncpg

_ROW_SIZES = {
    "meter_value": """
        SELECT (SELECT sum(pg_total_relation_size(relid))
                FROM pg_partition_tree('session.meter_value'))
            / greatest((SELECT count(*) FROM session.meter_value), 1)
    """,
    "transaction": """
        SELECT pg_total_relation_size('session.transaction')
            / greatest((SELECT count(*) FROM session.transaction), 1)
    """,
    "stop": """
        SELECT pg_total_relation_size('session.stop')
            / greatest((SELECT count(*) FROM session.stop), 1)
    """,
    "event": """
        SELECT pg_total_relation_size('session.outbox')
            / greatest((SELECT sum(event_count) FROM session.outbox), 1)
    """,
}


@dataclass(frozen=True, slots=True)
class StoredTransaction:
    """A transaction: its energy (None while it runs) and how many meter value rows it has."""

    energy_wh: int | None
    meter_value_rows: int


@dataclass(frozen=True, slots=True)
class Queries:
    """How one system's tables are asked; every query takes a prefix of station ids."""

    transactions: str
    booted_stations: str
    """Takes a time too, since when."""
    completed_commands: str | None
    """Takes a time too, since when."""
    insert_tokens: str
    """Takes a list of id tokens."""
    insert_limited: str | None
    """Takes a list of id tokens and of their limits; None: it has none."""
    insert_passwords: str | None
    """Takes a list of station ids and the SHA-256 of a password; None: through REST."""


BASELINE = Queries(
    transactions="""
        SELECT transaction_id, meter_stop - meter_start AS energy,
            (SELECT count(*) FROM meter_value AS m
             WHERE m.transaction_id = t.transaction_id) AS rows
        FROM transaction AS t
        WHERE starts_with(station_id, $1)
    """,
    booted_stations="""
        SELECT count(*) FROM station WHERE starts_with(station_id, $1) AND last_seen_at >= $2
    """,
    completed_commands=None,
    insert_tokens="INSERT INTO id_token SELECT unnest($1::text[]), 'Accepted'",
    insert_limited=None,
    insert_passwords="INSERT INTO credential SELECT unnest($1::text[]), $2::bytea",
)

SUITE = Queries(
    transactions="""
        SELECT id AS transaction_id, meter_stop - meter_start AS energy,
            (SELECT count(*) FROM session.meter_value AS m WHERE m.transaction_id = t.id) AS rows
        FROM session.transaction AS t
        WHERE starts_with(station_id, $1)
    """,
    booted_stations="""
        SELECT count(*) FROM registry.station
        WHERE starts_with(station_id, $1) AND last_boot_at >= $2
    """,
    completed_commands="""
        SELECT count(*) FROM command.commands
        WHERE starts_with(station_id, $1) AND created_at >= $2 AND status = 'completed'
    """,
    insert_tokens="""
        INSERT INTO session.id_token (key, id_token, status)
        SELECT lower(token), token, 'accepted' FROM unnest($1::text[]) AS token
    """,
    insert_limited="""
        INSERT INTO session.id_token (key, id_token, status, max_concurrent)
        SELECT lower(token), token, 'accepted', maximum
        FROM unnest($1::text[], $2::int[]) AS new (token, maximum)
    """,
    insert_passwords=None,
)


async def stored_transactions(
    database_url: str, queries: Queries, prefix: str
) -> list[tuple[int, StoredTransaction]]:
    """Read every transaction of the stations with a prefix."""
    connection = await asyncpg.connect(database_url)
    try:
        rows = await connection.fetch(queries.transactions, prefix)
    finally:
        await connection.close()
    return [
        (
            row["transaction_id"],
            StoredTransaction(
                None if row["energy"] is None else int(row["energy"]), int(row["rows"])
            ),
        )
        for row in rows
    ]


async def stored_count(database_url: str, query: str, prefix: str, since: datetime) -> int:
    """Count rows of the stations with a prefix since a time."""
    connection = await asyncpg.connect(database_url)
    try:
        return int(await connection.fetchval(query, prefix, since))
    finally:
        await connection.close()


async def durability_settings(database_url: str) -> dict[str, str]:
    """Read whether the server waits for the disk."""
    connection = await asyncpg.connect(database_url)
    try:
        return {
            name: str(await connection.fetchval("SELECT current_setting($1)", name))
            for name in ("fsync", "synchronous_commit", "full_page_writes")
        }
    finally:
        await connection.close()


def transaction_differences(
    promised: list[tuple[int, StoredTransaction]], stored: list[tuple[int, StoredTransaction]]
) -> list[str]:
    """Name every transaction that was lost, doubled or changed."""
    differences = []
    by_id = dict(stored)
    acknowledged = dict(promised)
    if len(acknowledged) != len(promised):
        differences.append(f"{len(promised) - len(acknowledged)} transaction ids given twice")
    for transaction_id, wanted in acknowledged.items():
        found = by_id.get(transaction_id)
        if found is None:
            differences.append(f"lost: transaction {transaction_id}")
        elif found != wanted:
            differences.append(f"wrong: transaction {transaction_id}: {found} instead of {wanted}")
    differences += [
        f"doubled or unknown: transaction {transaction_id}"
        for transaction_id, _ in stored
        if transaction_id not in acknowledged
    ]
    return differences


async def wal_position(database_url: str) -> int:
    """Return how many bytes of write-ahead log the server has written so far."""
    connection = await asyncpg.connect(database_url)
    try:
        return int(
            await connection.fetchval("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint")
        )
    finally:
        await connection.close()


async def row_sizes(database_url: str) -> dict[str, float]:
    """Return the bytes on disk, indexes included, per row of the suite's growing tables.

    `event` is per event of the outbox, whose rows hold several.
    """
    connection = await asyncpg.connect(database_url)
    try:
        sizes = {table: float(await connection.fetchval(sql)) for table, sql in _ROW_SIZES.items()}
    finally:
        await connection.close()
    return sizes
