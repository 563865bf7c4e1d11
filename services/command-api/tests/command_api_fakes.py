"""The suite around command-api: fakes that speak its contracts over a real broker."""

import asyncio
import contextlib
import itertools
import secrets
from collections.abc import Awaitable, Callable
from typing import Any, NoReturn, TypeVar

import httpx
import orjson
from fake_billing import FakeBilling
from fake_event_store import FakeEventStore
from fake_service import FakeService

from csms_shared.broker.consumer import Consumer, Delivery
from csms_shared.broker.errors import PublishReturned
from csms_shared.broker.incarnation import new_incarnation
from csms_shared.broker.link import Link
from csms_shared.broker.publisher import Outgoing, Publisher
from csms_shared.broker.topology import (
    INTERNAL_EVENTS,
    REPLIES,
    gateway_queue,
)
from csms_shared.contracts.commands import (
    Command,
    CommandBatch,
    CommandOutcome,
    CommandReport,
    CommandReportBatch,
)
from csms_shared.contracts.events import CloudEvent, event_id, event_type
from csms_shared.contracts.message_types import MessageType
from csms_shared.contracts.refusals import refuse
from csms_shared.contracts.requests import SCOPED
from csms_shared.contracts.stations import STATIONS_IN_SCOPE
from csms_shared.db.outbox_messages import is_followed
from csms_shared.runtime.clock import now_ms
from csms_shared.values.tenants import DEFAULT_TENANT
from csms_shared.values.times import format_time_ms

Result = TypeVar("Result")
Answer = dict[str, Any]
Operation = Callable[[dict[str, Any]], Any]

TOKEN_SECRET = "a secret for the tests of this service"
# The audit as tests look at it: each entry with how it ended.
AUDIT = (
    "(SELECT audit.id, audit.at, principal, role, address, method, path, request_id, asked, "
    "before, ended.status, ended.after, ended.outcome "
    "FROM audit LEFT JOIN audit_outcome AS ended ON audit_id = audit.id) AS audit"
)


async def eventually(
    get: Callable[[], Awaitable[Result]], holds: Callable[[Result], bool], within_s: float = 60.0
) -> Result:
    """Return what `get` returns once it `holds`."""
    found = await get()
    async with asyncio.timeout(within_s):
        while not holds(found):
            await asyncio.sleep(0.02)
            found = await get()
    return found


async def api_key(admin: httpx.AsyncClient, role: str) -> dict[str, str]:
    """Create an API key of this role and return the header that bears it."""
    answer = await admin.post("/api-keys", json={"name": secrets.token_hex(6), "role": role})
    assert answer.status_code == 201, answer.text
    return {"X-API-Key": answer.json()["key"]}


def is_problem(answer: httpx.Response, status: int, code: str) -> Answer:
    """Return the problem of a refused request, which must be this one."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document: Answer = answer.json()
    assert (document["status"], document["code"]) == (status, code)
    assert {"type", "title", "detail"} <= set(document)
    return document


class FakeGateway:
    """Takes commands, and answers each as its script says."""

    def __init__(self, link: Link, publisher: Publisher) -> None:
        self.incarnation = new_incarnation("gateway-test")
        self._publisher = publisher
        self.received: list[Command] = []
        self.reply_keys: dict[str, str] = {}
        self.script: dict[str, Callable[[Command], list[CommandReport]]] = {}
        self.consumer = Consumer(link, gateway_queue(self.incarnation), self._handle, prefetch=100)

    async def _handle(self, deliveries: list[Delivery]) -> None:
        for delivery in deliveries:
            if delivery.type != MessageType.COMMANDS:
                continue
            batch = CommandBatch.model_validate_json(delivery.body)
            reports: list[CommandReport] = []
            for command in batch.items:
                self.received.append(command)
                self.reply_keys[command.command_id] = batch.reply_key
                answer = self.script.get(command.station_id, accepted)
                reports += answer(command)
            await self.report(batch.reply_key, reports)

    async def report(self, reply_key: str, reports: list[CommandReport]) -> None:
        """Send reports."""
        if reports:
            batch = CommandReportBatch(items=reports, gateway_id=self.incarnation)
            await self._publisher.publish(
                Outgoing(
                    REPLIES,
                    reply_key,
                    MessageType.COMMAND_REPORTS,
                    batch.model_dump_json().encode(),
                )
            )

    def commands_to(self, station_id: str) -> list[Command]:
        """Return the commands that a station was sent."""
        return [command for command in self.received if command.station_id == station_id]


_moments = itertools.count()


def report(command: Command, outcome: CommandOutcome | str, **fields: Any) -> CommandReport:
    """Build a report of a moment of its own."""
    return CommandReport(
        command_id=command.command_id,
        station_id=command.station_id,
        outcome=outcome,
        at_ms=now_ms() + next(_moments),
        **fields,
    )


def accepted(command: Command) -> list[CommandReport]:
    """Write the command, and say yes."""
    return answered({"status": "Accepted"})(command)


def answered(response: dict[str, Any]) -> Callable[[Command], list[CommandReport]]:
    """Return a script that writes the command and gives this answer."""

    def script(command: Command) -> list[CommandReport]:
        sent = now_ms()
        return [
            report(command, CommandOutcome.SENT, sent_ms=sent),
            report(command, CommandOutcome.COMPLETED, sent_ms=sent, response=response),
        ]

    return script


def reporting(outcome: CommandOutcome, **fields: Any) -> Callable[[Command], list[CommandReport]]:
    """Return a script of one report."""
    return lambda command: [report(command, outcome, **fields)]


def silent(_: Command) -> list[CommandReport]:
    """Report nothing."""
    return []


class Stations:
    """The registry's and the sessions' answers about stations that a test invents; their events."""

    def __init__(
        self,
        registry: FakeService,
        sessions: FakeService,
        gateway: FakeGateway,
        store: FakeEventStore,
        billing: FakeBilling,
        publisher: Publisher,
    ) -> None:
        self.store = store
        self.billing = billing
        self.registry = registry
        self.sessions = sessions
        self.gateway = gateway
        self._publisher = publisher
        self.owners: dict[str, dict[str, Any]] = {}
        self.open_transactions: dict[str, dict[str, int]] = {}
        registry.operations["owners.look_up"] = self._look_up
        registry.operations[SCOPED + STATIONS_IN_SCOPE] = self._in_scope
        # Which stations are in the scope of whoever asks within one.
        self.inside: set[str] = set()
        registry.operations["stations.set_password"] = lambda _: None
        sessions.operations["transactions.open"] = lambda parameters: self.open_transactions.get(
            parameters["station_id"], {}
        )

    def _look_up(self, parameters: dict[str, Any]) -> list[dict[str, Any]]:
        return [
            {"station_id": station_id, "known": False, **self.owners.get(station_id, {})}
            for station_id in parameters["station_ids"]
        ]

    def _in_scope(self, parameters: dict[str, Any]) -> list[str]:
        return sorted(self.inside & set(parameters["station_ids"]))

    def offline(self, station_id: str | None = None, status: str = "accepted") -> str:
        """Make a station that is known and not connected."""
        station_id = station_id or f"station-{secrets.token_hex(6)}"
        self.owners[station_id] = {"known": True, "registration_status": status}
        return station_id

    def online(
        self,
        station_id: str | None = None,
        status: str = "accepted",
        gateway_id: str | None = None,
        epoch: int = 1,
    ) -> str:
        """Make a station that a gateway holds."""
        station_id = self.offline(station_id, status)
        self.owners[station_id] |= {
            "ocpp_version": "ocpp16",
            "gateway_id": gateway_id or self.gateway.incarnation,
            "connection_id": secrets.token_hex(16),
            "epoch": epoch,
        }
        return station_id

    async def publish(self, message: Outgoing) -> None:
        """Publish what another service would."""
        await self._publisher.publish(message)

    async def emit(
        self, key: str, station_id: str, data: dict[str, Any], tenant_id: str = DEFAULT_TENANT
    ) -> None:
        """Publish one event."""
        event = CloudEvent(
            id=event_id(key, station_id, secrets.token_hex(8)),
            source="/csms/test",
            type=event_type(key),
            subject=station_id,
            time=format_time_ms(now_ms()),
            tenantid=tenant_id,
            data={"station_id": station_id, **data},
        )
        if is_followed(key):
            body = orjson.dumps([event.model_dump()])
            # What only a service that is not there follows has no queue.
            with contextlib.suppress(PublishReturned):
                await self._publisher.publish(
                    Outgoing(INTERNAL_EVENTS, key, MessageType.EVENTS, body)
                )
        await self.store.add(event.model_dump())

    async def emit_connected(self, station_id: str) -> None:
        """Publish what the registry publishes when a station has connected."""
        owner = self.owners[station_id]
        await self.emit(
            "station.connected",
            station_id,
            {
                name: owner[name]
                for name in ("gateway_id", "connection_id", "epoch", "ocpp_version")
            },
            owner.get("tenant_id", DEFAULT_TENANT),
        )


def no_such_station(parameters: dict[str, Any]) -> NoReturn:
    """Refuse as the registry does."""
    raise refuse(404, "not_found", f"there is no station {parameters['station_id']}")


class Proxy:
    """A TCP path that can be cut."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._open = asyncio.Event()
        self._open.set()
        self.port = 0

    async def __aenter__(self) -> "Proxy":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()

    def cut(self) -> None:
        """Break every connection, and let none pass until `mend`."""
        self._open.clear()
        for writer in self._writers:
            writer.transport.abort()

    def mend(self) -> None:
        """Let connections pass again."""
        self._open.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._open.is_set():
            writer.transport.abort()
            return
        there, back = await asyncio.open_connection(*self._target)
        self._writers |= {writer, back}
        try:
            await asyncio.gather(_copy(reader, back), _copy(there, writer))
        finally:
            self._writers -= {writer, back}


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.transport.abort()
