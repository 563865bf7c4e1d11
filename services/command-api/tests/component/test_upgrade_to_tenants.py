"""An installation of before tenants upgrades by the migration, beside programs of before."""

import shutil
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest_asyncio
from migrated_database import empty_database

from command_api.accounts.domain.roles import Role
from command_api.accounts.store.accounts import find_api_key, get_users, list_api_keys
from command_api.database import MIGRATIONS, SCHEMA
from csms_shared.db.engine import create_engine, in_transaction
from csms_shared.db.migrate import migrate

_LATER = ("001[5-9]*", "00[2-9]*", "requests.sql")
_ADD_KEY = (
    "INSERT INTO api_keys (id, name, role, key_hash, created_by) VALUES ($1, $2, $3, $4, 'a') "
    "ON CONFLICT (name) DO NOTHING RETURNING id"
)
_TAKE_KEY = (
    "INSERT INTO idempotency_keys AS kept (principal, key, request_hash, command_id) "
    "VALUES ('user:a', 'k', '', $1) ON CONFLICT (principal, key) DO UPDATE "
    "SET command_id = excluded.command_id RETURNING command_id"
)


@pytest_asyncio.fixture
async def before(database_url: str, tmp_path: Path) -> AsyncIterator[tuple[str, str]]:
    """Make a database as the release before tenants had it; return owner's and service's URL."""
    scripts = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, scripts, ignore=shutil.ignore_patterns(*_LATER))
    async with empty_database(database_url) as urls:
        await migrate(urls.owner_url, urls.service_url, SCHEMA, scripts)
        yield urls.owner_url, urls.service_url


async def test_administrators_of_before_are_the_platforms_and_later_ones_are_not(
    before: tuple[str, str],
) -> None:
    owner_url, service_url = before
    old = await asyncpg.connect(service_url, server_settings={"search_path": SCHEMA})
    for name, role in (("ada", "admin"), ("olaf", "operator")):
        await old.execute(
            "INSERT INTO users (username, password_hash, role) VALUES ($1, 'h', $2)", name, role
        )
        assert await old.fetchval(_ADD_KEY, uuid.uuid4(), name, role, name.encode())
    for _ in range(2):
        await migrate(owner_url, service_url, SCHEMA, MIGRATIONS)
    # A program of before goes on.
    await old.execute(
        "INSERT INTO users (username, password_hash, role) VALUES ('eve', 'h', 'admin')"
    )
    assert await old.fetchval(_ADD_KEY, uuid.uuid4(), "ada", "admin", b"taken") is None
    assert await old.fetchval(_ADD_KEY, uuid.uuid4(), "eve", "admin", b"eve")
    for command_id in (uuid.uuid4(), uuid.uuid4()):
        assert await old.fetchval(_TAKE_KEY, command_id) == command_id
    # It demotes without saying that the reach ends with the role: it does.
    await old.execute("INSERT INTO users (username, password_hash, role) VALUES ('x', '', 'admin')")
    await old.execute("UPDATE users SET is_platform = true WHERE username = 'x'")
    await old.execute("UPDATE users SET role = 'viewer' WHERE username = 'x'")
    await old.close()
    engine = create_engine(service_url, SCHEMA, name="test", pool_size=1)
    users = await in_transaction(
        engine, lambda connection: get_users(connection, ["ada", "olaf", "eve", "x"])
    )
    assert {name: user.is_platform for name, user in users.items()} == {
        "ada": True,
        "olaf": False,
        "eve": False,
        "x": False,
    }
    assert {user.tenant_id for user in users.values()} == {"default"}
    keys = await in_transaction(
        engine, lambda connection: list_api_keys(connection, "default", "", 10)
    )
    assert [(key.name, key.is_platform) for key in keys] == [
        ("ada", True),
        ("eve", False),
        ("olaf", False),
    ]
    found = await in_transaction(
        engine,
        lambda connection: find_api_key(connection, b"ada"),
    )
    assert found is not None
    assert (found.role, found.tenant_id) == (Role.ADMIN, "default")
    await engine.dispose()
