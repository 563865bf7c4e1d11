"""The migrated schema: as the tables say, with a role that owns nothing."""

import re

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from station_registry.data_transfer.store import purge_transfers
from station_registry.database.tables import metadata
from station_registry.ownership.store import leases
from station_registry.traffic.store import refusals


def _is_of_partition(difference: object) -> bool:
    return re.search(r"(recording|station_history)_(\d{8}|default)", repr(difference)) is not None


async def test_the_migrations_make_what_the_tables_say(engine: AsyncEngine) -> None:
    def differences(connection: Connection) -> list[object]:
        options = {"compare_type": True, "version_table_schema": "registry"}
        context = MigrationContext.configure(connection, opts=options)
        return [
            difference
            for difference in compare_metadata(context, metadata)
            if "alembic_version" not in repr(difference) and not _is_of_partition(difference)
        ]

    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TABLE station",
        "CREATE TABLE registry.more (n int)",
        "UPDATE alembic_version SET version_num = 'x'",
        "CREATE SCHEMA another",
    ],
)
async def test_the_services_role_changes_no_schema(engine: AsyncEngine, statement: str) -> None:
    with pytest.raises(DBAPIError, match=r"permission denied|must be owner"):
        async with engine.begin() as connection:
            await connection.execute(text(statement))


async def test_upkeep_deletes_what_is_old_and_nothing_else(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        for age in ("0 seconds", "40 days"):
            await connection.execute(
                text(
                    "INSERT INTO refusal (station_id, gateway_id, remote_address, reason, detail, "
                    f"http_status, refused_at) VALUES ('{age}', 'g', 'a', 'r', 'd', 401, "
                    f"now() - interval '{age}')"
                )
            )
            await connection.execute(
                text(
                    "INSERT INTO data_transfer VALUES ('c', (SELECT count(*) FROM data_transfer), "
                    f"'A', 1, 'V', NULL, NULL, now() - interval '{age}')"
                )
            )
            await connection.execute(
                text(
                    f"INSERT INTO gateway (gateway_id, name, lease_expires_at) VALUES ('{age}', "
                    f"'g', now() - interval '{age}')"
                )
            )
        await refusals.purge(connection)
        await purge_transfers(connection)
        await leases.purge_ended(connection)
        for table in ("refusal", "data_transfer", "gateway"):
            count = await connection.execute(text(f"SELECT count(*) FROM {table}"))
            assert count.scalar_one() == 1
