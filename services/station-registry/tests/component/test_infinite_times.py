"""What the migration makes of times that lie in the tables as infinities."""

import secrets
import shutil
from datetime import UTC, datetime
from pathlib import Path

import asyncpg

from csms_shared.db.migrate import migrate
from station_registry.database import MIGRATIONS, SCHEMA

_RECEIVED = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
_EARLIEST = datetime(1969, 12, 31, tzinfo=UTC)
_NEVER = datetime(9999, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC)
# asyncpg writes these two as infinities.
_MINUS, _PLUS = datetime.min, datetime.max


async def test_impossible_times_of_stations_and_certificates_are_bounded_or_unknown(
    registry_url: str, migrated_urls: tuple[str, str], tmp_path: Path
) -> None:
    scripts = tmp_path / "until_then"
    shutil.copytree(MIGRATIONS, scripts)
    for later in (scripts / "versions").glob("*.py"):
        if later.name > "0015":
            later.unlink()
    owner_url = migrated_urls[0]
    owner = await asyncpg.connect(owner_url, server_settings={"search_path": SCHEMA})
    head = await owner.fetchval("SELECT version_num FROM alembic_version")
    try:
        for check in await owner.fetch(
            "SELECT conrelid::regclass AS of, conname AS name FROM pg_constraint "
            "WHERE connamespace = current_schema()::regnamespace AND conname LIKE '%_finite' "
            "AND coninhcount = 0"
        ):
            await owner.execute(f"ALTER TABLE {check['of']} DROP CONSTRAINT {check['name']}")
        await owner.execute("UPDATE alembic_version SET version_num = '0012_exempt_stations'")
        for occurred_at in (_MINUS, _PLUS, _RECEIVED):
            await owner.execute(
                "INSERT INTO security_event (event_id, station_id, source, type, critical, "
                "occurred_at, received_at) VALUES (gen_random_uuid(), 'S', 'station', 'T', false, "
                "$1, $2)",
                occurred_at, _RECEIVED,
            )  # fmt: skip
        await owner.execute(
            "INSERT INTO certificate (fingerprint, station_id, source, serial_number, subject, "
            "issuer, not_before, not_after, pem, chain, status) VALUES ($1, 'S', 'operator', '1', "
            "'', '', $2, $3, '', '', 'installed')",
            secrets.token_hex(8), _MINUS, _PLUS,
        )  # fmt: skip
        await migrate(owner_url, registry_url, SCHEMA, scripts)
        events = await owner.fetch("SELECT occurred_at FROM security_event ORDER BY 1")
        assert [row["occurred_at"] for row in events] == [_RECEIVED, None, None]
        certificate = await owner.fetchrow("SELECT not_before, not_after FROM certificate")
        assert certificate is not None
        assert tuple(certificate) == (_EARLIEST, _NEVER)
    finally:
        await owner.execute("UPDATE alembic_version SET version_num = $1", head)
        await owner.close()
