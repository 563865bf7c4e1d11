"""A migrated schema, and a script of station calls that writes to it as the consumers do."""

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
from csms_shared.broker.publisher import Publisher
from csms_shared.broker.replies import Replies
from csms_shared.broker.topology import COMMAND_ORDERS_KEY, SESSION_SERVICE
from csms_shared.contracts.event_data.checking import checked_events
from csms_shared.db.engine import create_engine
from csms_shared.db.migrate import migrate
from csms_shared.db.tenancy import RequestEngines, create_requests_engine
from csms_shared.service.about import AboutInstance
from session_service.amqp.requests import requests_inbox
from session_service.database import MIGRATIONS, SCHEMA

# Test files are imported one by one: what they share has to be on the path.
sys.path.insert(0, str(Path(__file__).parent))
from session_asker import Asker
from session_records import Records

_TABLES = (
    "id_token",
    "connector",
    "transaction",
    "transaction_tag",
    "station_place",
    "live_figures",
    "stop",
    "meter_value",
    "meter_value_week",
    "quarantine",
    "outbox",
    "parked",
    "reservation",
    "reservation_cancellation",
    "reservation_outage",
    "local_list",
    "local_list_content",
    "charging_profile",
    "charging_clearing",
    "reported_schedule",
    "bulk_action",
)


@pytest.fixture(scope="session")
def migrated_url(database_url: str) -> str:
    """URL of the service's role on a database with its schema."""
    role = make_url(database_url).set(username="csms_session", password="a-password")
    url = role.render_as_string(hide_password=False)
    asyncio.run(migrate(database_url, url, SCHEMA, MIGRATIONS))
    return url


@pytest.fixture
def clear(database_url: str) -> Callable[[], Awaitable[None]]:
    """Empty the tables and begin with transaction 1 again."""

    async def empty() -> None:
        owner = await asyncpg.connect(database_url, server_settings={"search_path": SCHEMA})
        try:
            await delete_rows(owner, _TABLES)
            await owner.execute(
                "SELECT setval('transaction_id', 1, false), setval('reservation_id', 1, false)"
            )
        finally:
            await owner.close()

    return empty


@pytest.fixture
def analyze(database_url: str) -> Callable[[str], Awaitable[None]]:
    """Gather the statistics of a table, as the server does in time; only its owner may."""

    async def gather(table: str) -> None:
        owner = await asyncpg.connect(database_url)
        try:
            await owner.execute(f"VACUUM ANALYZE {SCHEMA}.{table}")
        finally:
            await owner.close()

    return gather


@pytest.fixture
async def session_url(
    migrated_url: str, database_url: str, clear: Callable[[], Awaitable[None]]
) -> AsyncIterator[str]:
    """URL of the service's role on empty tables."""
    await clear()
    yield migrated_url
    await _check_told(database_url)


async def _check_told(owner_url: str) -> None:
    """Hold every event that the test left in the outbox against its model."""
    owner = await asyncpg.connect(owner_url, server_settings={"search_path": SCHEMA})
    try:
        rows = await owner.fetch(
            "SELECT events FROM outbox WHERE routing_key <> $1", COMMAND_ORDERS_KEY
        )
    finally:
        await owner.close()
    for row in rows:
        checked_events(row["events"])


@pytest.fixture
async def engine(session_url: str) -> AsyncIterator[AsyncEngine]:
    """Engine of the service's role."""
    engine = create_engine(session_url, SCHEMA, name="tests", pool_size=8)
    yield engine
    await engine.dispose()


@pytest.fixture
async def requests_engine(session_url: str) -> AsyncIterator[AsyncEngine]:
    """Engine of the role that serves requests."""
    engine = create_requests_engine(session_url, SCHEMA, name="requests of tests", pool_size=8)
    yield engine
    await engine.dispose()


@pytest.fixture
def records(engine: AsyncEngine) -> Records:
    """Calls and rows of one test."""
    return Records(engine)


@pytest.fixture
def records_of() -> Callable[[AsyncEngine], Records]:
    """Make the same for an engine of one's own."""
    return Records


@pytest.fixture
async def link(broker_url: str) -> AsyncIterator[Link]:
    """Connection to the broker."""
    async with Link(broker_url, "tests") as link:
        yield link


@pytest.fixture
def ask(records: Records, requests_engine: AsyncEngine, link: Link) -> Asker:
    """Ask what REST asks."""
    publisher = Publisher(link)
    replies = Replies(publisher, lambda: publisher)
    engines = RequestEngines(requests_engine, records.engine)
    about = AboutInstance(SESSION_SERVICE, "tests", dict, ())
    return Asker(requests_inbox(engines, publisher, replies, about, lambda: None))
