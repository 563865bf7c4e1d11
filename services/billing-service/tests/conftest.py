"""A migrated schema, and what the tests of billing-service share."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine

from billing_service.database import MIGRATIONS, SCHEMA
from csms_local.pytest_nodes import delete_rows
from csms_shared.db.engine import create_engine
from csms_shared.db.migrate import migrate
from csms_shared.db.tenancy import create_requests_engine

# Test files are imported one by one: what they share has to be on the path.
sys.path.insert(0, str(Path(__file__).parent))
from bill_books import Books

_TABLES = (
    "cdr",
    "cdr_head",
    "bill",
    "session",
    "tariff_assignment",
    "tariff_version",
    "tariff",
    "outbox",
    "outbox_deferred",
    "parked",
)


@pytest.fixture(scope="session")
def migrated_url(database_url: str) -> str:
    """URL of the service's role on a database with its schema."""
    role = make_url(database_url).set(username="csms_billing", password="a-password")
    url = role.render_as_string(hide_password=False)
    asyncio.run(migrate(database_url, url, SCHEMA, MIGRATIONS))
    return url


@pytest.fixture
async def billing_url(migrated_url: str, database_url: str) -> str:
    """URL of the service's role on empty tables."""
    owner = await asyncpg.connect(database_url, server_settings={"search_path": SCHEMA})
    try:
        await delete_rows(owner, _TABLES)
    finally:
        await owner.close()
    return migrated_url


@pytest.fixture
async def engine(billing_url: str) -> AsyncIterator[AsyncEngine]:
    """Engine of the service's role."""
    engine = create_engine(billing_url, SCHEMA, name="tests", pool_size=8)
    yield engine
    await engine.dispose()


@pytest.fixture
async def requests_engine(billing_url: str) -> AsyncIterator[AsyncEngine]:
    """Engine of the role that serves requests."""
    engine = create_requests_engine(billing_url, SCHEMA, name="requests of tests", pool_size=8)
    yield engine
    await engine.dispose()


@pytest.fixture
def books(engine: AsyncEngine, requests_engine: AsyncEngine) -> Books:
    """What others tell of sessions, and what is made of it."""
    return Books(engine, requests_engine)
