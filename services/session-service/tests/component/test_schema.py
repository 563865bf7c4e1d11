"""The schema that migrations make, and what the service's role may do with it."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from session_records import Records
from sqlalchemy import Connection, text
from sqlalchemy.dialects.postgresql.base import ischema_names
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from csms_shared.db.engine import in_transaction
from csms_shared.db.migrate import migrate, missing_migrations
from csms_shared.db.upkeep import UpkeepTask
from csms_shared.service.dispatch import dispatching
from session_service.database import MIGRATIONS, SCHEMA
from session_service.database.tables import Xid8, metadata
from session_service.database.upkeep import make_partitions, upkeep_tasks
from session_service.routes import report_routes

PARTITIONS = (
    "SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid "
    "WHERE inhparent = 'meter_value'::regclass ORDER BY relname"
)


async def test_tables_in_code_and_migrations_agree(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ischema_names, "xid8", Xid8)

    def ours(name: str | None, kind: str, parent: object) -> bool:
        tables = {*metadata.tables}
        return name in tables if kind == "table" else True

    def differences(connection: Connection) -> list[object]:
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
    records: Records, database_url: str
) -> None:
    await records.token("T1")
    (partition,) = (await records.rows(PARTITIONS))[-2:-1]
    week = datetime.strptime(partition["relname"][-8:], "%Y%m%d").replace(tzinfo=UTC)
    owner = await asyncpg.connect(database_url, server_settings={"search_path": SCHEMA})
    await owner.execute(f"DROP TABLE {partition['relname']}")
    await owner.close()
    value = [
        {"timestamp": (week + timedelta(days=1)).isoformat(), "sampledValue": [{"value": "1"}]}
    ]
    await records.report(records.meter_values(1, None, meter_value=value))
    assert len(await records.rows("SELECT * FROM meter_value_default")) == 1
    await in_transaction(records.engine, make_partitions)
    assert partition in await records.rows(PARTITIONS)
    assert len(await records.rows("SELECT * FROM meter_value")) == 1
    assert await records.rows("SELECT * FROM meter_value_default") == []


def _tasks(**days: int) -> dict[str, UpkeepTask]:
    kept = {"meter_value_days": 400, "stop_days": 400, "quarantine_days": 400} | days
    return {task.name: task for task in upkeep_tasks(**kept)}


async def test_partitions_go_when_everything_in_them_is_past_retention(
    records: Records, database_url: str
) -> None:
    owner = await asyncpg.connect(database_url, server_settings={"search_path": SCHEMA})
    await owner.execute("SELECT make_meter_value_partitions(5, 8)")
    await owner.execute("SELECT make_meter_value_partitions(6, 8)")
    await owner.close()
    before = [row["relname"] for row in await records.rows(PARTITIONS)]
    now = datetime.now(UTC)
    kept = [
        {"timestamp": (now - timedelta(weeks=4)).isoformat(), "sampledValue": [{"value": "1"}]},
        {"timestamp": "1970-01-01T00:00:00Z", "sampledValue": [{"value": "1"}]},
    ]
    recent = int(now.timestamp() * 1000)
    await records.report(records.meter_values(1, None, meter_value=kept, received_ms=recent))
    await records.report(records.meter_values(2, None, meter_value=kept[1:], received_ms=1000))
    tasks = _tasks(meter_value_days=14)
    for name in ("drop_meter_value_weeks", "purge_meter_values_without_a_week"):
        while await in_transaction(records.engine, tasks[name].work):
            pass
    after = [row["relname"] for row in await records.rows(PARTITIONS)]
    assert before[0] not in after
    assert len(before) > len(after) > 10
    assert len(await records.rows("SELECT * FROM meter_value")) == 2
    await in_transaction(records.engine, make_partitions)


async def test_a_week_that_cannot_be_dropped_keeps_no_other(
    records: Records, database_url: str
) -> None:
    await in_transaction(records.engine, make_partitions)
    owner = await asyncpg.connect(database_url, server_settings={"search_path": SCHEMA})
    await owner.execute("SELECT make_meter_value_partitions(9, 8)")
    stuck = (await records.rows(PARTITIONS))[0]["relname"]
    await owner.execute(f"CREATE VIEW in_use AS SELECT * FROM {stuck}")
    drop = _tasks(meter_value_days=14)["drop_meter_value_weeks"]

    async def old() -> list[str]:
        week = datetime.now(UTC) - timedelta(days=21)
        names = [row["relname"] for row in await records.rows(PARTITIONS)]
        return [name for name in names if name < f"meter_value_{week:%Y%m%d}"]

    failures = 0
    async with asyncio.timeout(60):
        while await old() != [stuck] or not failures:
            try:
                await in_transaction(records.engine, drop.work)
            except DBAPIError:
                # As upkeep does: it is shown, and tried again.
                failures += 1
    await owner.execute("DROP VIEW in_use")
    await owner.close()
    while await in_transaction(records.engine, drop.work):
        pass
    assert await old() == []
    await in_transaction(records.engine, make_partitions)


async def test_no_row_of_a_week_is_looked_at_to_know_whether_it_may_go(records: Records) -> None:
    await in_transaction(records.engine, make_partitions)
    now = datetime.now(UTC)
    value = [
        {"timestamp": (now - timedelta(weeks=4)).isoformat(), "sampledValue": [{"value": "1"}]}
    ]
    recent = int(now.timestamp() * 1000)
    await records.report(records.meter_values(1, None, meter_value=value, received_ms=recent))
    (given,) = await records.rows("SELECT week, received_on FROM meter_value_week")
    assert given["received_on"] == now.date()
    assert given["week"].weekday() == 0
    drop = _tasks(meter_value_days=14)["drop_meter_value_weeks"]

    async def scans(connection: AsyncConnection) -> int:
        counted = text(
            "SELECT coalesce(sum(seq_scan + coalesce(idx_scan, 0)), 0) "
            "FROM pg_stat_xact_user_tables WHERE relname ~ '^meter_value_[0-9]+$'"
        )
        return int((await connection.execute(counted)).scalar_one())

    async def work(connection: AsyncConnection) -> int:
        # What this connection did before may not have been reported yet.
        before = await scans(connection)
        while await drop.work(connection):
            pass
        return await scans(connection) - before

    assert await in_transaction(records.engine, work) == 0
    assert len(await records.rows("SELECT * FROM meter_value")) == 1
    await in_transaction(records.engine, make_partitions)


async def test_the_day_of_a_value_is_known_whatever_becomes_of_others_that_came_at_the_same_time(
    records: Records,
) -> None:
    async with records.engine.connect() as connection:
        under_way = await connection.begin()
        await dispatching(report_routes())(connection, [records.meter_values(1, None)])
        async with asyncio.timeout(5):
            await records.report(records.meter_values(2, None))
        await under_way.rollback()
    await records.report(records.meter_values(3, None))
    assert len(await records.rows("SELECT * FROM meter_value_week")) == 1


async def test_of_marks_that_say_the_same_one_stays(records: Records) -> None:
    """A program of the release before makes one with each batch."""
    await records.execute(
        "INSERT INTO meter_value_week (week, received_on) "
        "SELECT CAST('2026-11-16' AS date) + 7 * (n % 2), CAST('2026-11-20' AS date) + n % 3 "
        "FROM generate_series(1, 12000) AS n"
    )
    merge = _tasks()["merge_marks_of_weeks"]
    rounds = 0
    while await in_transaction(records.engine, merge.work):
        rounds += 1
    assert rounds == 3
    marks = await records.rows("SELECT DISTINCT week, received_on FROM meter_value_week")
    assert len(marks) == 6
    assert len(await records.rows("SELECT * FROM meter_value_week")) == 6


async def test_stops_and_closed_quarantine_go_after_their_time_and_nothing_else(
    records: Records, engine: AsyncEngine
) -> None:
    async with engine.begin() as connection:
        await connection.execute(
            text(
                "INSERT INTO transaction (key, station_id, connector_id, id_token, token_key, "
                "status, authorization_status, started_at, started_raw, meter_start, epoch, seq, "
                "received_at) VALUES ('k', 'S', 1, 'T', 't', 'completed', 'Accepted', "
                "now() - interval '900 days', '', 0, 1, 1, now() - interval '900 days')"
            )
        )
        for seq, days in enumerate((500, 399, 0)):
            await connection.execute(
                text(
                    "INSERT INTO stop SELECT 'c', :seq, 1, id, now() - make_interval(days => "
                    ":days), '{}' FROM transaction"
                ),
                {"seq": seq, "days": days},
            )
            for status in ("open", "reconciled", "dismissed"):
                await connection.execute(
                    text(
                        "INSERT INTO quarantine (id, kind, station_id, connection_id, epoch, seq, "
                        "received_at, reason, status, payload) VALUES (gen_random_uuid(), 'stop', "
                        "'S', 'c', 1, :seq, now() - make_interval(days => :days), '', :status, "
                        "'{}')"
                    ),
                    {"seq": seq, "days": days, "status": status},
                )
    tasks = _tasks()
    for name in ("purge_stops", "purge_closed_quarantine"):
        while await in_transaction(engine, tasks[name].work):
            pass
    assert {row["seq"] for row in await records.rows("SELECT seq FROM stop")} == {1, 2}
    left = await records.rows("SELECT seq, status FROM quarantine ORDER BY seq, status")
    assert [(row["seq"], row["status"]) for row in left] == [
        (0, "open"),
        *((seq, status) for seq in (1, 2) for status in ("dismissed", "open", "reconciled")),
    ]
