"""The schema that migrations make."""

from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from billing_service.database import MIGRATIONS, SCHEMA
from billing_service.database.tables import metadata
from csms_shared.db.migrate import migrate, missing_migrations


async def test_tables_in_code_and_migrations_agree(engine: AsyncEngine) -> None:
    def ours(name: str | None, kind: str, parent: object) -> bool:
        return name in {*metadata.tables} if kind == "table" else True

    def differences(connection: Connection) -> list[object]:
        options: dict[str, Any] = {"compare_type": True, "include_name": ours}
        return list(
            compare_metadata(MigrationContext.configure(connection, opts=options), metadata)
        )

    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []
    assert await missing_migrations(engine, SCHEMA, MIGRATIONS) is None


async def test_migrating_again_changes_nothing(database_url: str, billing_url: str) -> None:
    await migrate(database_url, billing_url, SCHEMA, MIGRATIONS)


async def test_the_role_changes_nothing_of_the_schema(engine: AsyncEngine) -> None:
    for statement in (
        "DROP TABLE bill",
        "CREATE TABLE mine (n int)",
        "UPDATE alembic_version SET version_num = '0'",
    ):
        with pytest.raises(DBAPIError, match=r"permission denied|must be owner"):
            async with engine.begin() as connection:
                await connection.execute(text(statement))
