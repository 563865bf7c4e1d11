"""Databases of the tests' own, with the service's schema and role."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg
from sqlalchemy.engine import make_url

from command_api.database import MIGRATIONS, SCHEMA
from csms_shared.contracts.event_data.checking import checked_events
from csms_shared.db.migrate import migrate


@dataclass(frozen=True, slots=True)
class Database:
    """A database, as its owner and as the service reach it."""

    owner_url: str
    service_url: str


@asynccontextmanager
async def migrated_database(server_url: str) -> AsyncIterator[Database]:
    """Make a database with the service's tables on this server, and drop it afterwards."""
    async with empty_database(server_url) as urls:
        await migrate(urls.owner_url, urls.service_url, SCHEMA, MIGRATIONS)
        yield urls
        await _check_told(urls.owner_url)


async def _check_told(owner_url: str) -> None:
    """Hold every event that is left in the outbox against its model."""
    owner = await asyncpg.connect(owner_url, server_settings={"search_path": SCHEMA})
    try:
        rows = await owner.fetch("SELECT events FROM outbox")
    finally:
        await owner.close()
    for row in rows:
        checked_events(row["events"])


@asynccontextmanager
async def empty_database(server_url: str) -> AsyncIterator[Database]:
    """Make a database on this server, and drop it afterwards."""
    name = f"command_{secrets.token_hex(6)}"
    owner = await asyncpg.connect(server_url)
    try:
        await owner.execute(f"CREATE DATABASE {name}")
        owner_url = make_url(server_url).set(database=name)
        service_url = owner_url.set(username="csms_command", password="a-password")
        yield Database(
            owner_url.render_as_string(hide_password=False),
            service_url.render_as_string(hide_password=False),
        )
        async with asyncio.timeout(60):
            await owner.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await owner.close()
