"""A tenant's list reads its own rows, however many others have."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from migrated_database import Database, migrated_database
from sqlalchemy.event import listen
from sqlalchemy.ext.asyncio import AsyncConnection

from command_api.audit.store import AuditFilter, list_entries
from command_api.commands.store.queries import CommandFilter, list_commands
from command_api.database import SCHEMA
from csms_shared.db.engine import in_transaction
from csms_shared.db.tenancy import acting_for, create_requests_engine

_COMMANDS = (
    "INSERT INTO commands (command_id, tenant_id, station_id, action, ocpp_version, payload, "
    "status, created_by, created_at, deadline, held, attempts) "
    "SELECT gen_random_uuid(), CASE WHEN n % 1000 = 0 THEN 'north' ELSE 'south' END, 'S' || n, "
    "CASE WHEN n % 2 = 0 THEN 'Reset' ELSE 'ClearCache' END, 'ocpp1.6', '{}', 'completed', 'a', "
    "now(), now(), false, 1 FROM generate_series(1, 20000) AS n"
)
_ENTRIES = (
    "INSERT INTO audit (tenant_id, principal, role, address, method, path) "
    "SELECT CASE WHEN n % 1000 = 0 THEN 'north' ELSE 'south' END, 'user:a', 'admin', '', 'PUT', "
    "'/' FROM generate_series(1, 20000) AS n"
)
Work = Callable[[AsyncConnection], Awaitable[Any]]


async def _of_commands(connection: AsyncConnection, action: str | None) -> list[Any]:
    found: list[Any] = await list_commands(connection, CommandFilter("north", action=action), 10)
    return found


async def _of_audit(connection: AsyncConnection) -> list[Any]:
    found: list[Any] = await list_entries(connection, AuditFilter("north"), None, 10)
    return found


@pytest_asyncio.fixture
async def crowded(database_url: str) -> AsyncIterator[Database]:
    async with migrated_database(database_url) as urls:
        owner = await asyncpg.connect(urls.owner_url, server_settings={"search_path": SCHEMA})
        for statement in (_COMMANDS, _ENTRIES, "ANALYZE commands", "ANALYZE audit"):
            await owner.execute(statement)
        await owner.close()
        yield urls


@pytest.mark.parametrize(
    ("work", "index"),
    [
        (lambda connection: _of_commands(connection, None), "commands_of_tenant"),
        (lambda connection: _of_commands(connection, "Reset"), "commands_of_tenant"),
        (_of_audit, "audit_of_tenant"),
    ],
)
async def test_a_list_goes_by_an_index_of_its_tenant(
    crowded: Database, work: Work, index: str
) -> None:
    engine = create_requests_engine(crowded.service_url, SCHEMA, name="test", pool_size=1)
    statements: list[tuple[str, Any]] = []

    def keep(_1: Any, _2: Any, statement: str, parameters: Any, _3: Any, _4: Any) -> None:
        if "ORDER BY" in statement and "EXPLAIN" not in statement:
            statements.append((statement, parameters))

    listen(engine.sync_engine, "before_cursor_execute", keep)
    with acting_for("north"):
        assert len(await in_transaction(engine, work)) == 10

        async def plan(connection: AsyncConnection) -> str:
            ((statement, parameters),) = statements
            rows = await connection.exec_driver_sql(f"EXPLAIN {statement}", parameters)
            return "\n".join(row[0] for row in rows)

        assert index in await in_transaction(engine, plan)
    await engine.dispose()
