"""A migrated schema, and what stores events in it and reads them as the service does."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine

from csms_local.pytest_nodes import delete_rows
from csms_shared.broker.link import Link
from csms_shared.db.engine import create_engine
from csms_shared.db.migrate import migrate
from csms_shared.db.tenancy import create_requests_engine
from csms_shared.service.owning_service import OwningService
from integration_service.database import MIGRATIONS, SCHEMA

# Test files are imported one by one: what they share has to be on the path.
sys.path.insert(0, str(Path(__file__).parent))
from event_books import Books
from integration_fakes import Outside, running_outside, running_replica
from public_stage import PublicStage

_TABLES = (
    "event_segment",
    "event_minute",
    "event_type",
    "station_site",
    "public_deferred",
    "replay",
    "outbox",
    "outbox_deferred",
    "parked",
)


@pytest.fixture(scope="session")
def migrated_url(database_url: str) -> str:
    """URL of the service's role on a database with its schema."""
    role = make_url(database_url).set(username="csms_integration", password="a-password")
    url = role.render_as_string(hide_password=False)
    asyncio.run(migrate(database_url, url, SCHEMA, MIGRATIONS))
    return url


@pytest.fixture
def own(database_url: str) -> Callable[[str], Awaitable[list[asyncpg.Record]]]:
    """Run a statement as the owner of the schema."""

    async def run(statement: str) -> list[asyncpg.Record]:
        owner = await asyncpg.connect(database_url, server_settings={"search_path": SCHEMA})
        try:
            return list(await owner.fetch(statement))
        finally:
            await owner.close()

    return run


@pytest.fixture
async def integration_url(
    migrated_url: str,
    database_url: str,
    own: Callable[[str], Awaitable[list[asyncpg.Record]]],
) -> str:
    """URL of the service's role on an empty store."""
    owner = await asyncpg.connect(database_url, server_settings={"search_path": SCHEMA})
    try:
        await delete_rows(owner, _TABLES)
    finally:
        await owner.close()
    for table in ("event_head", "event_floor", "public_feed"):
        await own(f"UPDATE {table} SET position = 0")
    await own("SELECT make_event_partitions(2000000)")
    return migrated_url


@pytest.fixture
async def engine(integration_url: str) -> AsyncIterator[AsyncEngine]:
    """Engine of the service's role."""
    engine = create_engine(integration_url, SCHEMA, name="tests", pool_size=8)
    yield engine
    await engine.dispose()


@pytest.fixture
async def requests_engine(integration_url: str) -> AsyncIterator[AsyncEngine]:
    """Engine of the role that serves requests."""
    engine = create_requests_engine(integration_url, SCHEMA, name="requests", pool_size=8)
    yield engine
    await engine.dispose()


@pytest.fixture
async def link(broker_url: str) -> AsyncIterator[Link]:
    """Connection to the broker."""
    async with Link(broker_url, "tests") as link:
        yield link


@pytest.fixture
def books(engine: AsyncEngine, requests_engine: AsyncEngine) -> Books:
    """Events to store, and the pages that requests see."""
    return Books(engine, requests_engine)


@pytest.fixture
async def stage(books: Books, broker_url: str) -> AsyncIterator[PublicStage]:
    """The feed of the public exchange, and its subscribers."""
    built = PublicStage(books, broker_url)
    yield built
    await built.close()


@pytest.fixture
async def service(broker_url: str, integration_url: str) -> AsyncIterator[OwningService]:
    """One process of the service, ready."""
    async with running_replica(broker_url, integration_url) as service:
        yield service


@pytest.fixture
async def outside(broker_url: str) -> AsyncIterator[Outside]:
    """Who tells events, and follows them."""
    async with running_outside(broker_url) as outside:
        yield outside
