"""Rows of years, put into the tables of a running suite: kept, too old, or due.

They are written past the services, in plain SQL. All of them are of stations named `BULK-...`.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeAlias

import asyncpg

from tests.faults.faulty_suite import SCHEMAS

# Longer than everything is kept by default.
_OLD = "now() - interval '500 days'"
_NAMES = "FROM generate_series($1::int, $2::int) AS n"
_FEW = "FROM generate_series(($1::int + 99) / 100, $2::int / 100) AS n"
# A statement of more keeps what is purged meanwhile readable, as nothing does that runs for years.
_AT_ONCE = 100_000
_ID = "'00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0')"
# Weeks of meter values that are older than everything is kept.
_OLDEST_WEEKS = 62
# What whoever drops weeks locks (`csms_shared.db.upkeep`).
_DROPS_WEEKS = "session.upkeep.drop_meter_value_weeks"

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


@dataclass(frozen=True, slots=True)
class Bulk:
    """Rows of one table: `insert` makes the `$1`st to `$2`nd, `left` counts those that must go."""

    table: str
    insert: str
    left: str | None = None


def _outboxes() -> Iterator[Bulk]:
    for schema in SCHEMAS:
        # The oldest have the least ids.
        yield Bulk(
            f"{schema}.outbox",
            "INSERT INTO outbox (id, routing_key, events, event_count, created_at, published_at, "
            "stored_at) OVERRIDING SYSTEM VALUE "
            f"SELECT -n, 'bulk', '[]', 0, {_OLD}, {_OLD}, {_OLD} {_NAMES}",
            "routing_key = 'bulk'",
        )


def _meter_values(sampled_at: str, received_at: str) -> str:
    return (
        "INSERT INTO meter_value (sampled_at, digest, received_at, transaction_id, connector_id, "
        f"value, station_id, raw) SELECT {sampled_at} + n % 500000 * interval '1 second', "
        f"decode(md5(n::text), 'hex'), {received_at}, n, 1, n, 'BULK-' || n % 1000, n::text "
        f"{_NAMES}"
    )


def _commands(which: str, status: str, times: str, names: str = _NAMES) -> str:
    return (
        "INSERT INTO commands (command_id, station_id, action, ocpp_version, payload, status, "
        "created_by, held, attempts, created_at, deadline, sent_at, completed_at) "
        f"SELECT (replace({_ID}, '-8000-', '-{which}-'))::uuid, 'BULK-' || n % 1000, 'ClearCache', "
        f"'ocpp16', '{{}}', '{status}', 'bulk', false, 1, {times} {names}"
    )


def _jobs(status: str, times: str, names: str = _NAMES) -> str:
    return (
        "INSERT INTO station_job (job_id, station_id, kind, action, location, created_by, "
        "timeout, command_end, status, created_at, deadline, finished_at) "
        "SELECT gen_random_uuid(), 'BULK-' || n, 'firmware', 'UpdateFirmware', 'https://a', "
        f"'bulk', interval '1 hour', 'accepted', '{status}', {times} {names}"
    )


BULK = (
    *_outboxes(),
    Bulk(
        "registry.station",
        "INSERT INTO station (station_id, registration_status, vendor) "
        f"SELECT 'BULK-' || n, 'accepted', 'Vendor ' || n % 9 {_NAMES}",
    ),
    Bulk(
        "registry.refusal",
        "INSERT INTO refusal (station_id, gateway_id, remote_address, reason, detail, http_status, "
        f"refused_at, first_at, period_at) SELECT 'BULK-' || n, 'g', 'a', 'r', '', 404, {_OLD}, "
        f"{_OLD}, {_OLD} {_NAMES}",
        "station_id LIKE 'BULK-%'",
    ),
    Bulk(
        "registry.data_transfer",
        "INSERT INTO data_transfer (connection_id, seq, station_id, epoch, vendor_id, received_at) "
        f"SELECT 'bulk', n, 'BULK-' || n % 1000, 1, 'v', {_OLD} {_NAMES}",
        "connection_id = 'bulk'",
    ),
    Bulk(
        "registry.security_event",
        "INSERT INTO security_event (event_id, station_id, source, type, critical, received_at) "
        f"SELECT gen_random_uuid(), 'BULK-' || n % 1000, 'station', 't', false, {_OLD} {_NAMES}",
        "station_id LIKE 'BULK-%'",
    ),
    Bulk(
        "registry.station_job_report",
        "INSERT INTO station_job_report (connection_id, seq, station_id, epoch, kind, status, "
        f"received_at) SELECT 'bulk', n, 'BULK-' || n, 1, 'firmware', 'Installed', {_OLD} {_NAMES}",
        "connection_id = 'bulk'",
    ),
    Bulk("registry.station_job", _jobs("succeeded", f"{_OLD}, {_OLD}, {_OLD}")),
    Bulk(
        "registry.station_job",
        _jobs("started", "now() - interval '2 days', now() - interval '1 hour', NULL", _FEW),
        "status = 'started' AND created_by = 'bulk'",
    ),
    Bulk(
        "session.transaction",
        "INSERT INTO transaction (key, station_id, connector_id, id_token, token_key, status, "
        "authorization_status, started_at, started_raw, meter_start, epoch, seq, received_at, "
        "stopped_at, meter_stop) SELECT decode(md5('bulk' || n), 'hex'), 'BULK-' || n % 1000, 1, "
        f"'BULK', 'bulk', 'completed', 'Accepted', {_OLD}, '', 0, 1, n, {_OLD}, {_OLD}, 1 {_NAMES}",
    ),
    Bulk(
        "session.stop",
        "INSERT INTO stop (connection_id, seq, epoch, transaction_id, received_at, payload) "
        f"SELECT 'bulk', row_number() OVER (ORDER BY id), 1, id, {_OLD}, '{{}}' FROM transaction "
        "WHERE token_key = 'bulk' ORDER BY id LIMIT $2::int - $1::int + 1 OFFSET $1::int - 1",
        "connection_id = 'bulk'",
    ),
    Bulk(
        "session.quarantine",
        "INSERT INTO quarantine (id, kind, station_id, connection_id, epoch, seq, received_at, "
        "reason, status, payload) SELECT gen_random_uuid(), 'stop', 'BULK-' || n % 1000, 'bulk', "
        f"1, n, {_OLD}, 'bulk', 'dismissed', '{{}}' {_NAMES}",
        "connection_id = 'bulk'",
    ),
    Bulk(
        "session.meter_value",
        _meter_values(f"date_trunc('week', now()) - interval '{_OLDEST_WEEKS - 1} weeks'", _OLD),
        "sampled_at BETWEEN '2000-01-01' AND now() - interval '410 days'",
    ),
    Bulk(
        "session.meter_value",
        _meter_values("timestamptz '1970-01-01'", _OLD),
        "sampled_at < '2000-01-01'",
    ),
    Bulk("session.meter_value", _meter_values("date_trunc('week', now())", "now()")),
    Bulk(
        "command.commands",
        _commands("8000", "completed", f"{_OLD}, {_OLD}, {_OLD}, {_OLD}"),
        "created_by = 'bulk' AND completed_at < now() - interval '450 days'",
    ),
    Bulk("command.commands", _commands("9000", "completed", "now(), now(), now(), now()")),
    Bulk(
        "command.commands",
        _commands("a000", "sent", f"{_OLD}, {_OLD}, {_OLD}, NULL", _FEW),
        "created_by = 'bulk' AND status = 'sent'",
    ),
    Bulk(
        "command.audit",
        "WITH noted AS (INSERT INTO audit (at, principal, role, address, method, path, request_id, "
        "target_type, target_id) "
        f"SELECT {_OLD}, 'bulk', 'admin', 'a', 'PUT', '/', 'bulk', 'stations', 'BULK-' || n "
        f"{_NAMES} RETURNING id) INSERT INTO audit_outcome (audit_id, status) "
        "SELECT id, 200 FROM noted",
        "principal = 'bulk'",
    ),
    Bulk(
        "command.user_session",
        "INSERT INTO user_session (id, username, user_version, created_at, expires_at, address, "
        f"user_agent) SELECT gen_random_uuid(), 'admin', 1, {_OLD}, {_OLD}, 'bulk', '' {_NAMES}",
        "address = 'bulk'",
    ),
    Bulk(
        "command.idempotency_keys",
        "INSERT INTO idempotency_keys (principal, key, request_hash, command_id, created_at) "
        f"SELECT 'bulk', n::text, '', gen_random_uuid(), {_OLD} {_NAMES}",
        "principal = 'bulk'",
    ),
    Bulk(
        "command.transaction_starts",
        "INSERT INTO transaction_starts (transaction_id, station_id, id_token, connector_id, "
        f"seen_at) SELECT -n, 'BULK-' || n % 1000, 'BULK', 1, {_OLD} {_NAMES}",
        "id_token = 'BULK'",
    ),
)
"""Everything that is put in, in order."""


@asynccontextmanager
async def old_weeks_kept(connection: Connection) -> AsyncIterator[None]:
    """Make the weeks that old meter values are of, and let none be dropped before the end."""
    await connection.execute("SELECT pg_advisory_lock(hashtextextended($1, 0))", _DROPS_WEEKS)
    async with connection.transaction():
        await connection.execute("SET LOCAL search_path = session")
        await connection.execute("SELECT make_meter_value_partitions($1::int, 8)", _OLDEST_WEEKS)
    yield
    await connection.execute("SELECT pg_advisory_unlock(hashtextextended($1, 0))", _DROPS_WEEKS)


async def put_in(connection: Connection, bulk: Bulk, rows: int) -> int:
    """Insert `rows` rows, some at once; return how many there were, for some are a share."""
    schema = bulk.table.partition(".")[0]
    count = 0
    for first in range(1, rows + 1, _AT_ONCE):
        last = min(first + _AT_ONCE - 1, rows)
        async with connection.transaction():
            await connection.execute(f"SET LOCAL search_path = {schema}")
            status = await connection.execute(bulk.insert, first, last)
        count += int(status.split()[-1])
    return count


async def left_over(connection: Connection) -> dict[str, int]:
    """Return how many rows of each kind are still there that have to go."""
    found = {
        f"{bulk.table} WHERE {bulk.left}": await connection.fetchval(
            f"SELECT count(*) FROM {bulk.table} WHERE {bulk.left}"
        )
        for bulk in BULK
        if bulk.left is not None
    }
    return {what: count for what, count in found.items() if count}
