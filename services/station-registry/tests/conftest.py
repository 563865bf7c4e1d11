"""A migrated schema of one test's own, and the handlers against it."""

import asyncio
import secrets
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any

import asyncpg
import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

# Test files are imported one by one: what they share has to be on the path.
sys.path.insert(0, str(Path(__file__).parent))

from asking_station import PROOF, Ordering

from csms_local.pytest_nodes import delete_rows
from csms_shared.broker.errors import PublishReturned, PublishUnconfirmed
from csms_shared.broker.link import Link
from csms_shared.broker.publisher import Outgoing, Publisher
from csms_shared.broker.replies import Replies
from csms_shared.contracts.stations import STATION_OPERATIONS
from csms_shared.db.engine import create_engine
from csms_shared.db.isolation import apply_isolated
from csms_shared.db.migrate import migrate
from csms_shared.runtime.clock import now_ms
from csms_shared.service.inbox import Reply, Work
from station_registry.amqp.requests import station_operations
from station_registry.certificates.domain.requests import SigningPolicy
from station_registry.certificates.handlers.built_in_authority import BuiltInAuthority, signing_now
from station_registry.database import MIGRATIONS, SCHEMA
from station_registry.database.tables import metadata
from station_registry.provisioning.domain.registration import Policies
from station_registry.routes import apply_by, decision_routes, report_routes


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
async def registry_url(migrated_urls: tuple[str, str]) -> str:
    """URL of the service's role on empty tables."""
    owner_url, url = migrated_urls
    owner = await asyncpg.connect(owner_url, server_settings={"search_path": SCHEMA})
    try:
        await delete_rows(owner, metadata.tables)
    finally:
        await owner.close()
    return url


@pytest.fixture
async def engine(registry_url: str) -> AsyncIterator[AsyncEngine]:
    created = create_engine(registry_url, SCHEMA, name="test", pool_size=6)
    yield created
    await created.dispose()


class RecordedPublisher(Publisher):
    """Keeps what would be published."""

    def __init__(self, link: Link) -> None:
        super().__init__(link)
        self.sent: list[Outgoing] = []

    async def publish(self, message: Outgoing, timeout: float = 1.0) -> None:
        self.sent.append(message)

    async def publish_all(
        self, messages: list[Outgoing], timeout: float = 1.0
    ) -> list[PublishReturned | PublishUnconfirmed | None]:
        self.sent += messages
        return [None] * len(messages)


class Registry:
    """Sends batches to the registry's routes as its inboxes do, and reads what is stored."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self.policies = Policies(unknown_stations="accept")
        self.signing = SigningPolicy("Operator", ready=True)
        self.authority: BuiltInAuthority | None = None
        self.parked: list[Exception] = []
        self.publisher = RecordedPublisher(Link("amqp://nobody", "test"))

    async def send(self, works: Sequence[Work]) -> list[Reply]:
        routes = {
            **decision_routes(self.policies, signing_now(self.signing, self.authority)),
            **report_routes(),
        }
        replies, failures = await apply_isolated(self.engine, works, apply_by(routes))
        self.parked += [failure.error for failure in failures]
        return replies

    def unknown(self, policy: Any, most: int = 1000) -> None:
        self.policies = Policies(unknown_stations=policy, max_unknown_stations=most)

    async def request(self, operation: str, **parameters: Any) -> Any:
        replies = Replies(self.publisher, lambda: self.publisher)
        handlers = station_operations(
            self.engine, self.publisher, replies, self.policies, self.authority
        )
        return await handlers[operation](STATION_OPERATIONS[operation](**parameters))

    async def query(self, sql: str, **parameters: Any) -> list[Any]:
        async with self.engine.begin() as connection:
            result = await connection.execute(text(sql), parameters)
            return list(result.all()) if result.returns_rows else []

    async def events(self, key: str | None = None) -> list[dict[str, Any]]:
        rows = await self.query("SELECT routing_key, events FROM outbox ORDER BY id")
        return [
            event
            for row in rows
            if key is None or row.routing_key == key
            for event in orjson.loads(bytes(row.events))
        ]

    async def event_types(self) -> list[str]:
        """Return the types of all events, without what all have in common."""
        return [event["type"].split(".", 1)[1].rsplit(".", 1)[0] for event in await self.events()]

    async def owner(self, station_id: str) -> tuple[str, str, int] | None:
        rows = await self.query(
            "SELECT gateway_id, connection_id, epoch FROM station_connection "
            "WHERE station_id = :id",
            id=station_id,
        )
        return tuple(rows[0]) if rows else None

    async def end_lease(self, gateway_id: str) -> None:
        await self.query(
            "UPDATE gateway SET lease_expires_at = now() - interval '1 second' "
            "WHERE gateway_id = :id",
            id=gateway_id,
        )

    @staticmethod
    def claim(station_id: str, connection_id: str, gateway: str = "gw-1", **more: Any) -> Work:
        envelope = {
            "gateway_id": gateway,
            "gateway_name": gateway,
            "reply_key": f"{gateway}.claims",
            "deadline_ms": more.pop("deadline_ms", now_ms() + 10_000),
        }
        item = {
            "station_id": station_id,
            "connection_id": connection_id,
            "ocpp_version": "ocpp16",
            "remote_address": "192.0.2.1",
            "connected_ms": now_ms(),
            **more,
        }
        return Work("claims.v1", envelope, item)

    @staticmethod
    def release(station_id: str, connection_id: str, epoch: int, gateway: str = "gw-1") -> Work:
        item = {
            "station_id": station_id,
            "connection_id": connection_id,
            "epoch": epoch,
            "reason": "closed",
            "released_ms": now_ms(),
        }
        return Work("releases.v1", {"gateway_id": gateway}, item)

    @staticmethod
    def reassertion(
        station_id: str,
        connection_id: str,
        epoch: int,
        gateway: str = "gw-1",
        *,
        deadline_ms: int | None = None,
        **more: Any,
    ) -> Work:
        envelope = {
            "gateway_id": gateway,
            "gateway_name": gateway,
            "reply_key": f"{gateway}.reply.1",
            "correlation_id": "1",
            "deadline_ms": deadline_ms,
        }
        item = {
            "station_id": station_id,
            "connection_id": connection_id,
            "epoch": epoch,
            "ocpp_version": "ocpp16",
            "remote_address": "192.0.2.1",
            "connected_ms": now_ms(),
            **more,
        }
        return Work("reassertions.v1", envelope, item)

    @staticmethod
    def lease(gateway: str = "gw-1", *, deadline_ms: int | None = None, **more: Any) -> Work:
        envelope = {
            "reply_key": f"{gateway}.reply.2",
            "correlation_id": "2",
            "deadline_ms": deadline_ms,
        }
        item = {
            "gateway_id": gateway,
            "gateway_name": gateway,
            "connections": 1,
            "version": "1",
            "started_ms": now_ms(),
            **more,
        }
        return Work("lease.v1", envelope, item)

    @staticmethod
    def boot(model: str = "Model", firmware_version: str = "1.0") -> dict[str, Any]:
        return {
            "chargePointVendor": "Vendor",
            "chargePointModel": model,
            "firmwareVersion": firmware_version,
        }

    @staticmethod
    def call(
        action: str,
        station_id: str,
        payload: dict[str, Any],
        *,
        connection_id: str = "c1",
        epoch: int = 1,
        seq: int = 1,
        **more: Any,
    ) -> Work:
        envelope = {
            "gateway_id": "gw-1",
            "reply_key": "gw-1.calls",
            "version": "ocpp16",
            "action": action,
        }
        item = {
            "station_id": station_id,
            "connection_id": connection_id,
            "epoch": epoch,
            "seq": seq,
            "received_ms": now_ms(),
            "deadline_ms": now_ms() + 10_000,
            "payload": payload,
            **more,
        }
        return Work("calls.v1", envelope, item)


@pytest.fixture
def registry(engine: AsyncEngine) -> Registry:
    return Registry(engine)


@pytest.fixture
def key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@pytest.fixture
async def ordering(registry: Any, tmp_path: Path) -> Ordering:
    await registry.request("stations.create", station_id="A", credential_proofs=(PROOF,))
    await registry.send([registry.claim("A", "c1", credential_proofs=[PROOF], security_profile=1)])
    return Ordering(registry, tmp_path / "ca")
