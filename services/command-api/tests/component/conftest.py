"""One command-api in this process, against a real broker and database, and fakes around it."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import httpx
import pytest
import pytest_asyncio
from command_api_fakes import (
    TOKEN_SECRET,
    FakeGateway,
    Stations,
)
from fake_billing import FakeBilling
from fake_event_store import FakeEventStore
from fake_service import FakeService
from migrated_database import Database, migrated_database
from served_api import served_api

from command_api.database import SCHEMA
from command_api.settings import CommandApiSettings
from csms_local.nodes.ports import free_port
from csms_shared.broker.link import Link
from csms_shared.broker.publisher import Publisher
from csms_shared.broker.topology import SESSION_SERVICE, STATION_REGISTRY

ADMIN_PASSWORD = "the administrator's password"
PEPPER = "pepper for the tests of this service"


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def command_database(database_url: str) -> AsyncIterator[Database]:
    """Make a database with the service's schema and role."""
    async with migrated_database(database_url) as database:
        yield database


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def stations(broker_url: str) -> AsyncIterator[Stations]:
    """Run a fake registry, fake sessions, fake bills, a fake event store and a fake gateway."""
    async with Link(broker_url, "fakes") as link, asyncio.TaskGroup() as group:
        publisher = Publisher(link)
        registry = FakeService(link, publisher, STATION_REGISTRY)
        sessions = FakeService(link, publisher, SESSION_SERVICE)
        gateway = FakeGateway(link, publisher)
        store = FakeEventStore(link, publisher)
        billing = FakeBilling(link, publisher)
        consumers = (
            registry.consumer,
            sessions.consumer,
            gateway.consumer,
            store.service.consumer,
            billing.service.consumer,
            store.taking,
        )
        tasks = [group.create_task(consumer.run()) for consumer in consumers]
        yield Stations(registry, sessions, gateway, store, billing, publisher)
        for consumer in consumers:
            await consumer.stop()
        for task in tasks:
            task.cancel()


@pytest.fixture(scope="package")
def settings(
    broker_url: str, command_database: Database, tmp_path_factory: pytest.TempPathFactory
) -> CommandApiSettings:
    """Return the settings of the service, whose ports are its own."""
    return CommandApiSettings(
        broker_url=broker_url,
        database_url=command_database.service_url,
        probe_port=free_port(),
        http_port=free_port(),
        admin_password=ADMIN_PASSWORD,
        trusted_proxies="127.0.0.2",
        token_secret=TOKEN_SECRET,
        credential_pepper=PEPPER,
        public_url="https://csms.example/",
        upload_store=tmp_path_factory.mktemp("uploads").as_uri(),
        upload_max_mb=1,
    )


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def rest_url(settings: CommandApiSettings, stations: Stations) -> AsyncIterator[str]:
    """Run the service and return where REST is."""
    async with served_api(settings) as url:
        yield url


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def admin(rest_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client of the first administrator."""
    async with httpx.AsyncClient(
        base_url=f"{rest_url}/api/v1", trust_env=False, timeout=70
    ) as client:
        answer = await client.post(
            "/auth/token", data={"username": "admin", "password": ADMIN_PASSWORD}
        )
        answer.raise_for_status()
        client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        yield client


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def database(command_database: Database) -> AsyncIterator[asyncpg.Pool]:
    """Return a pool of the database's owner, for tests that look at rows or move time."""
    async with asyncpg.create_pool(
        command_database.owner_url, min_size=1, max_size=2, server_settings={"search_path": SCHEMA}
    ) as pool:
        yield pool


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def service_url(command_database: Database) -> str:
    """Return the database URL of the service's own role."""
    return command_database.service_url


@pytest_asyncio.fixture(loop_scope="package")
async def nobody(rest_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client without credentials."""
    async with httpx.AsyncClient(base_url=rest_url, trust_env=False) as client:
        yield client
