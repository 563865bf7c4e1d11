"""What the migration makes of times that lie in the tables as infinities."""

import shutil
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest
from asyncpg.exceptions import CheckViolationError

from csms_shared.db.migrate import migrate
from session_service.database import MIGRATIONS, SCHEMA

_RECEIVED = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
_EARLIEST = datetime(1969, 12, 31, tzinfo=UTC)
_NEVER = datetime(9999, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC)
# asyncpg writes these two as infinities.
_MINUS, _PLUS = datetime.min, datetime.max


@pytest.fixture
async def owner(
    database_url: str, session_url: str
) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """The owner of a schema whose times are not checked."""
    connection = await asyncpg.connect(database_url, server_settings={"search_path": SCHEMA})
    checks = await connection.fetch(
        "SELECT conrelid::regclass AS of, conname AS name FROM pg_constraint "
        "WHERE connamespace = current_schema()::regnamespace AND conname LIKE '%_finite' "
        "AND coninhcount = 0"
    )
    for check in checks:
        await connection.execute(f"ALTER TABLE {check['of']} DROP CONSTRAINT {check['name']}")
    head = await connection.fetchval("SELECT version_num FROM alembic_version")
    await connection.execute("UPDATE alembic_version SET version_num = '0004_reservation_outages'")
    yield connection
    await connection.execute("UPDATE alembic_version SET version_num = $1", head)
    await connection.close()


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    """The migrations of then, and no later ones: their tables and columns are there already."""
    copy = tmp_path / "until_then"
    shutil.copytree(MIGRATIONS, copy, ignore=shutil.ignore_patterns("requests.sql"))
    for later in (copy / "versions").glob("*.py"):
        if later.name > "0007":
            later.unlink()
    return copy


async def _transaction(
    owner: "asyncpg.Connection[asyncpg.Record]",
    key: bytes,
    started: datetime,
    stopped: datetime | None,
    flags: list[str],
) -> None:
    transaction_id = await owner.fetchval(
        "INSERT INTO transaction (key, station_id, connector_id, id_token, token_key, status, "
        "authorization_status, token_expires_at, started_at, started_raw, meter_start, epoch, "
        "seq, received_at, stop_epoch, stop_seq, stopped_at, flags) VALUES ($1, 'S', 1, 'T', 't', "
        "'completed', 'accepted', $2, $3, '', 0, 1, 1, $4, 1, 2, $5, $6) RETURNING id",
        key, _PLUS, started, _RECEIVED, stopped, flags,
    )  # fmt: skip
    await owner.execute(
        "INSERT INTO stop VALUES ($1, 2, 1, $2, $3, '{}')",
        key.hex(), transaction_id, _RECEIVED + timedelta(hours=1),
    )  # fmt: skip


async def test_sessions_of_impossible_times_are_those_that_they_would_be_today(
    owner: "asyncpg.Connection[asyncpg.Record]", database_url: str, session_url: str, scripts: Path
) -> None:
    normal = _RECEIVED - timedelta(minutes=1)
    await _transaction(owner, b"1", _MINUS, None, ["clock_not_set"])
    await _transaction(owner, b"2", normal, _MINUS, ["clock_not_set", "stop_before_start"])
    await _transaction(owner, b"3", _PLUS, _PLUS, ["clock_ahead"])
    await _transaction(owner, b"4", normal, None, ["stop_before_start"])
    await migrate(database_url, session_url, SCHEMA, scripts)
    rows = await owner.fetch("SELECT * FROM transaction ORDER BY key")
    ended = _RECEIVED + timedelta(hours=1)
    assert [(row["started_at"], row["stopped_at"], row["flags"]) for row in rows] == [
        (_RECEIVED, None, ["clock_not_set"]),
        (normal, ended, ["clock_not_set"]),
        (_RECEIVED, ended, ["clock_ahead", "unreadable_time"]),
        (normal, None, ["stop_before_start"]),
    ]
    assert {row["token_expires_at"] for row in rows} == {_NEVER}


async def test_values_and_expiries_of_impossible_times_are_kept_where_they_can_be_read(
    owner: "asyncpg.Connection[asyncpg.Record]", database_url: str, session_url: str, scripts: Path
) -> None:
    value = "INSERT INTO meter_value (sampled_at, digest, received_at, station_id, raw) "
    for sampled_at, digest in (
        (_MINUS, b"1"), (_PLUS, b"2"), (_MINUS, b"3"), (_PLUS, b"3"), (_RECEIVED, b"4"),
        (_MINUS, b"4"),
    ):  # fmt: skip
        await owner.execute(value + "VALUES ($1, $2, $3, 'S', '1')", sampled_at, digest, _RECEIVED)
    for key, expires_at in (("a", _MINUS), ("b", _PLUS), ("c", None), ("d", _RECEIVED)):
        await owner.execute("INSERT INTO id_token VALUES ($1, $1, 'accepted', $2)", key, expires_at)
    await migrate(database_url, session_url, SCHEMA, scripts)
    values = await owner.fetch("SELECT sampled_at, digest FROM meter_value ORDER BY digest")
    assert [tuple(row) for row in values] == [
        (_RECEIVED, digest) for digest in (b"1", b"2", b"3", b"4")
    ]
    tokens = await owner.fetch("SELECT expires_at FROM id_token ORDER BY key")
    assert [row["expires_at"] for row in tokens] == [_EARLIEST, _NEVER, None, _RECEIVED]
    with pytest.raises(CheckViolationError):
        await owner.execute("UPDATE id_token SET expires_at = 'infinity' WHERE key = 'a'")


async def test_what_another_release_writes_before_the_checks_are_there_is_mended_as_well(
    owner: "asyncpg.Connection[asyncpg.Record]", database_url: str, session_url: str, scripts: Path
) -> None:
    await _transaction(owner, b"1", _MINUS, None, ["clock_not_set"])
    await owner.execute(
        "INSERT INTO parked VALUES (gen_random_uuid(), '', '', '', NULL, '', 'infinity', "
        "'-infinity')"
    )
    # As the first step leaves it, had these rows come just before its checks.
    for table, column in (("transaction", "started_at"), ("transaction", "token_expires_at"),
                          ("parked", "parked_at"), ("parked", "replayed_at")):  # fmt: skip
        await owner.execute(
            f"ALTER TABLE {table} ADD CONSTRAINT {table}_{column}_finite "
            f"CHECK (isfinite({column})) NOT VALID"
        )
    await owner.execute("UPDATE alembic_version SET version_num = '0005_finite_times'")
    await migrate(database_url, session_url, SCHEMA, scripts)
    assert await owner.fetchval("SELECT started_at FROM transaction") == _RECEIVED
    parked = await owner.fetchrow("SELECT parked_at, replayed_at FROM parked")
    assert parked is not None
    assert parked["parked_at"] <= datetime.now(UTC)
    assert parked["replayed_at"] is None
