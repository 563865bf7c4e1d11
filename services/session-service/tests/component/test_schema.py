"""The schema that migrations make, and what the service's role may do with it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text
from sqlalchemy.dialects.postgresql.base import ischema_names
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from csms_shared.db.engine import in_transaction
from csms_shared.db.migrate import migrate, missing_migrations
from session_service.amqp.process import MIGRATIONS
from session_service.store.tables import SCHEMA, Xid8, metadata
from session_service.store.upkeep import make_partitions, upkeep_tasks

PARTITIONS = (
    "SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid "
    "WHERE inhparent = 'meter_value'::regclass ORDER BY relname"
)


async def test_tables_in_code_and_migrations_agree(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ischema_names, "xid8", Xid8)

    def ours(name: str | None, kind: str, parent: Any) -> bool:
        tables = {*metadata.tables}
        return name in tables if kind == "table" else True

    def differences(connection: Connection) -> list[Any]:
        options: dict[str, Any] = {"compare_type": True, "include_name": ours}
        return list(
            compare_metadata(MigrationContext.configure(connection, opts=options), metadata)
        )

    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []
    assert await missing_migrations(engine, SCHEMA, MIGRATIONS) is None


async def test_migrating_again_changes_nothing(database_url: str, session_url: str) -> None:
    await migrate(database_url, session_url, SCHEMA, MIGRATIONS)


async def test_role_can_neither_read_other_schemas_nor_change_its_own(
    engine: AsyncEngine, database_url: str
) -> None:
    owner = await asyncpg.connect(database_url)
    try:
        await owner.execute(
            "CREATE SCHEMA IF NOT EXISTS registry; "
            "CREATE TABLE IF NOT EXISTS registry.secret_of_another (n int)"
        )
        for statement in (
            "SELECT * FROM registry.secret_of_another",
            "DROP TABLE transaction",
            "CREATE TABLE mine (n int)",
            "UPDATE alembic_version SET version_num = '0'",
        ):
            with pytest.raises(DBAPIError, match=r"permission denied|must be owner"):
                async with engine.begin() as connection:
                    await connection.execute(text(statement))
    finally:
        await owner.execute("DROP TABLE registry.secret_of_another")
        await owner.close()


async def test_partitions_are_made_ahead_and_take_over_rows_of_the_default_one(
    records: Any, database_url: str
) -> None:
    await records.token("T1")
    (partition,) = (await records.rows(PARTITIONS))[-2:-1]
    week = datetime.strptime(partition["relname"][-8:], "%Y%m%d").replace(tzinfo=UTC)
    owner = await asyncpg.connect(database_url, server_settings={"search_path": SCHEMA})
    await owner.execute(f"DROP TABLE {partition['relname']}")
    await owner.close()
    value = [{"timestamp": (week + timedelta(days=1)).isoformat(), "sampledValue": {"value": "1"}}]
    await records.report(records.meter_values(1, None, meter_value=value))
    assert len(await records.rows("SELECT * FROM meter_value_default")) == 1
    await in_transaction(records.engine, make_partitions)
    assert partition in await records.rows(PARTITIONS)
    assert len(await records.rows("SELECT * FROM meter_value")) == 1
    assert await records.rows("SELECT * FROM meter_value_default") == []


async def test_partitions_go_when_everything_in_them_is_past_retention(
    records: Any, database_url: str
) -> None:
    owner = await asyncpg.connect(database_url, server_settings={"search_path": SCHEMA})
    await owner.execute("SELECT make_meter_value_partitions(5, 8)")
    await owner.execute("SELECT make_meter_value_partitions(6, 8)")
    await owner.close()
    before = [row["relname"] for row in await records.rows(PARTITIONS)]
    now = datetime.now(UTC)
    kept = [
        {"timestamp": (now - timedelta(weeks=4)).isoformat(), "sampledValue": {"value": "1"}},
        {"timestamp": "1970-01-01T00:00:00Z", "sampledValue": {"value": "1"}},
    ]
    recent = int(now.timestamp() * 1000)
    await records.report(records.meter_values(1, None, meter_value=kept, received_ms=recent))
    await records.report(records.meter_values(2, None, meter_value=kept[1:], received_ms=1000))
    (drop,) = [task for task in upkeep_tasks(14) if task.name == "drop_partitions"]
    await in_transaction(records.engine, drop.work)
    after = [row["relname"] for row in await records.rows(PARTITIONS)]
    assert before[0] not in after
    assert len(before) > len(after) > 10
    assert len(await records.rows("SELECT * FROM meter_value")) == 2
    await in_transaction(records.engine, make_partitions)
