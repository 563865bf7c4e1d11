"""The services' SQL beside the tables that their migrations make, on a real PostgreSQL."""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import TextClause
from sqlalchemy.dialects.postgresql import asyncpg as asyncpg_dialect

from csms_shared.db.migrate import migrate


def statements_of(package: str) -> Iterator[tuple[str, str]]:
    """Yield each statement that a store keeps: its name, and its SQL as the driver gets it."""
    root = Path(str(import_module(package).__file__)).parent
    dialect = asyncpg_dialect.dialect()  # type: ignore[no-untyped-call]
    for file in sorted((*root.glob("*/store.py"), *root.glob("*/store/*.py"))):
        module = import_module(".".join((package, *file.relative_to(root).with_suffix("").parts)))
        for name, value in vars(module).items():
            if isinstance(value, TextClause):
                yield f"{module.__name__}.{name}", str(value.compile(dialect=dialect))


@pytest.mark.parametrize(
    "package",
    [
        "session_service",
        "station_registry",
        "command_api",
        "integration_service",
        "billing_service",
    ],
)
async def test_every_statement_of_a_store_fits_the_migrated_tables(
    package: str, fresh_database_url: str
) -> None:
    database = import_module(f"{package}.database")
    url = f"postgresql://of_{database.SCHEMA}:a-password@{fresh_database_url.rpartition('@')[2]}"
    await migrate(fresh_database_url, url, database.SCHEMA, database.MIGRATIONS)
    driver = await asyncpg.connect(url, server_settings={"search_path": database.SCHEMA})
    unfit = {}
    try:
        for name, sql in statements_of(package):
            try:
                await driver.prepare(sql)
            except asyncpg.PostgresError as error:
                unfit[name] = str(error)
    finally:
        await driver.close()
    assert unfit == {}
