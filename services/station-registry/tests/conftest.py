"""A migrated schema of one test's own, and the handlers against it."""

import asyncio
import secrets
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy.ext.asyncio import AsyncEngine

# Test files are imported one by one: what they share has to be on the path.
sys.path.insert(0, str(Path(__file__).parent))
from asking_station import PROOF, Ordering
from driven_registry import Registry

from csms_local.pytest_nodes import delete_rows
from csms_shared.broker.topology import COMMAND_ORDERS_KEY
from csms_shared.contracts.event_data.checking import checked_events
from csms_shared.db.engine import create_engine
from csms_shared.db.migrate import migrate
from csms_shared.db.tenancy import create_requests_engine
from station_registry.database import MIGRATIONS, SCHEMA
from station_registry.database.tables import metadata


def service_url(owner_url: str) -> str:
    """Return the URL of the service's own role."""
    return f"postgresql://csms_registry:secret-of-registry@{owner_url.rpartition('@')[2]}"


@pytest.fixture(scope="session")
def migrated_urls(database_url: str) -> Iterator[tuple[str, str]]:
    """URLs of the owner and of the service's role in a migrated database of this run's own."""
    name = f"registry_{secrets.token_hex(6)}"
    owner_url = f"{database_url.rpartition('/')[0]}/{name}"
    url = service_url(owner_url)

    async def administer(statement: str) -> None:
        owner = await asyncpg.connect(database_url)
        try:
            await owner.execute(statement)
        finally:
            await owner.close()

    asyncio.run(administer(f"CREATE DATABASE {name}"))
    asyncio.run(migrate(owner_url, url, SCHEMA, MIGRATIONS))
    yield owner_url, url
    asyncio.run(administer(f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
async def registry_url(migrated_urls: tuple[str, str]) -> AsyncIterator[str]:
    """URL of the service's role on empty tables."""
    owner_url, url = migrated_urls
    owner = await asyncpg.connect(owner_url, server_settings={"search_path": SCHEMA})
    try:
        await delete_rows(owner, metadata.tables)
        await owner.execute("INSERT INTO tenant (tenant_id, name) VALUES ('default', 'Default')")
    finally:
        await owner.close()
    yield url
    await _check_told(owner_url)


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
async def engine(registry_url: str) -> AsyncIterator[AsyncEngine]:
    created = create_engine(registry_url, SCHEMA, name="test", pool_size=6)
    yield created
    await created.dispose()


@pytest.fixture
async def requests_engine(registry_url: str) -> AsyncIterator[AsyncEngine]:
    """Engine of the role that serves requests."""
    created = create_requests_engine(registry_url, SCHEMA, name="requests of tests", pool_size=6)
    yield created
    await created.dispose()


@pytest.fixture
def registry(engine: AsyncEngine, requests_engine: AsyncEngine) -> Registry:
    return Registry(engine, requests_engine)


@pytest.fixture
def key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@pytest.fixture
async def ordering(registry: Registry, tmp_path: Path) -> Ordering:
    await registry.request("stations.create", station_id="A", credential_proofs=(PROOF,))
    await registry.send([registry.claim("A", "c1", credential_proofs=[PROOF], security_profile=1)])
    return Ordering(registry, tmp_path / "ca")
