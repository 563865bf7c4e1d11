"""The registry's routes without a broker: what is sent to them, and what is stored then."""

from collections.abc import Sequence
from typing import Any, TypeVar

import orjson
from pydantic import BaseModel
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncEngine

from csms_shared.broker.errors import PublishReturned, PublishUnconfirmed
from csms_shared.broker.link import Link
from csms_shared.broker.publisher import Outgoing, Publisher
from csms_shared.broker.replies import Replies
from csms_shared.broker.topology import COMMAND_ORDERS_KEY, STATION_REGISTRY
from csms_shared.contracts.calls import CallReply, RegistrationChange
from csms_shared.contracts.event_data.checking import checked_events
from csms_shared.contracts.ownership import ClaimReply
from csms_shared.contracts.stations import STATION_OPERATIONS
from csms_shared.db.engine import RequestHandler
from csms_shared.db.isolation import apply_isolated
from csms_shared.db.tenancy import RequestEngines, acting_for
from csms_shared.runtime.clock import now_ms
from csms_shared.service.about import AboutInstance
from csms_shared.service.inbox import Reply, Work
from csms_shared.values.tenants import DEFAULT_TENANT
from station_registry.amqp.requests import station_operations
from station_registry.certificates.domain.requests import SigningPolicy
from station_registry.certificates.handlers.built_in_authority import BuiltInAuthority, signing_now
from station_registry.provisioning.domain.registration import Policies, UnknownStations
from station_registry.routes import apply_by, decision_routes, report_routes


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


def _read(routing_key: str, batch: bytes) -> Any:
    return orjson.loads(batch) if routing_key == COMMAND_ORDERS_KEY else checked_events(batch)


class Registry:
    """Sends batches to the registry's routes as its inboxes do, and reads what is stored."""

    def __init__(self, engine: AsyncEngine, requests_engine: AsyncEngine) -> None:
        self.engine = engine
        self.engines = RequestEngines(requests_engine, engine)
        self.policies = Policies(unknown_stations="accept")
        self.signing = SigningPolicy("Operator", ready=True)
        self.authority: BuiltInAuthority | None = None
        self.heartbeat_event_s = 900
        self.parked: list[Exception] = []
        self.publisher = RecordedPublisher(Link("amqp://nobody", "test"))

    async def send(self, works: Sequence[Work]) -> list[Reply]:
        routes = {
            **decision_routes(self.policies, signing_now(self.signing, self.authority)),
            **report_routes(self.heartbeat_event_s),
        }
        replies, failures = await apply_isolated(self.engine, works, apply_by(routes))
        self.parked += [failure.error for failure in failures]
        return replies

    def unknown(self, policy: UnknownStations, most: int = 1000) -> None:
        self.policies = Policies(unknown_stations=policy, max_unknown_stations=most)

    async def request(self, operation: str, **parameters: Any) -> Any:
        handlers = self.operations()
        with acting_for(parameters.get("tenant_id", DEFAULT_TENANT)):
            return await handlers[operation](STATION_OPERATIONS[operation](**parameters))

    def replies(self) -> Replies:
        return Replies(self.publisher, lambda: self.publisher)

    def operations(self) -> dict[str, RequestHandler]:
        return station_operations(
            self.engines,
            self.publisher,
            self.replies(),
            self.policies,
            AboutInstance(STATION_REGISTRY, "tests", dict, ()),
            self.authority,
        )

    async def query(self, sql: str, **parameters: Any) -> list[Row[Any]]:
        async with self.engine.begin() as connection:
            result = await connection.execute(text(sql), parameters)
            return list(result.all()) if result.returns_rows else []

    async def events(self, key: str | None = None) -> list[dict[str, Any]]:
        """Return events, held against their models, and orders, which are none."""
        rows = await self.query("SELECT routing_key, events FROM outbox ORDER BY id")
        return [
            event
            for row in rows
            if key is None or row.routing_key == key
            for event in _read(row.routing_key, bytes(row.events))
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
        if not rows:
            return None
        row = rows[0]
        return row.gateway_id, row.connection_id, row.epoch

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


Said = TypeVar("Said", bound=BaseModel)


def content_of(reply: Reply, contract: type[Said]) -> Said:
    """Return what a reply says, which has to be of this contract."""
    assert isinstance(reply.content, contract)
    return reply.content


def answer_of(reply: Reply) -> dict[str, Any]:
    """Return the payload that a station gets, which must not be a fault."""
    payload = content_of(reply, CallReply).payload
    assert payload is not None
    return payload


def registration_of(reply: Reply) -> RegistrationChange:
    """Return the registration that comes with the answer to a claim or a boot."""
    said = reply.content
    assert isinstance(said, ClaimReply | CallReply)
    assert said.registration is not None
    return said.registration
