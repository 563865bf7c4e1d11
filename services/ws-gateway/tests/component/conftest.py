"""A gateway on a real broker, with the other services played by a fake that answers over it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import orjson
import pytest
from pydantic import SecretStr
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from csms_shared.broker.consumer import Consumer, Delivery
from csms_shared.broker.incarnation import new_incarnation
from csms_shared.broker.link import Link
from csms_shared.broker.publisher import Outgoing, Publisher
from csms_shared.broker.requests import reply_message
from csms_shared.broker.topology import (
    GATEWAYS,
    SESSION_SERVICE,
    STATION_REGISTRY,
    command_api_queues,
    decisions_queue,
    replies_queue,
    reports_queue,
    service_queues,
)
from csms_shared.clock import now_ms
from csms_shared.contracts.calls import CallBatch, CallReply, CallReplyBatch, RegistrationChange
from csms_shared.contracts.commands import Command, CommandBatch, CommandReport, CommandReportBatch
from csms_shared.contracts.control import Control, ControlBatch
from csms_shared.contracts.message_types import MessageType
from csms_shared.contracts.ownership import (
    ClaimBatch,
    ClaimOutcome,
    ClaimReply,
    ClaimReplyBatch,
    LeaseBatch,
    LeaseReply,
    Liveness,
    LivenessBatch,
    ProbeBatch,
    ProbeReply,
    Reassertion,
    ReassertionBatch,
    ReassertionReply,
    Refusal,
    RefusalBatch,
    Release,
    ReleaseBatch,
)
from csms_shared.ocpp.credentials import credential_proofs
from ws_gateway.gateway import Gateway
from ws_gateway.settings import GatewaySettings

PEPPER = "a pepper for the tests"


@dataclass
class ReceivedCall:
    """A station's call as a service got it."""

    action: str
    station_id: str
    connection_id: str
    epoch: int
    seq: int
    boot_count: int
    payload: dict[str, Any]
    tolerated: tuple[str, ...]


@dataclass
class FakeServices:
    """station-registry, session-service and command-api, as far as a gateway can tell."""

    broker_url: str
    incarnation: str = field(default_factory=lambda: new_incarnation("command-api"))
    calls: list[ReceivedCall] = field(default_factory=list)
    releases: list[Release] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    liveness: list[Liveness] = field(default_factory=list)
    reasserted: list[Reassertion] = field(default_factory=list)
    reports: list[CommandReport] = field(default_factory=list)
    gateway_id: str = ""
    leases: int = 0
    final_leases: int = 0
    # How they behave.
    passwords: dict[str, bytes] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)
    registration_status: str = "accepted"
    status_known: bool = True
    silent: set[str] = field(default_factory=set)
    ignored_actions: set[str] = field(default_factory=set)
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    lease_confirmed: bool = True
    superseded: list[str] = field(default_factory=list)
    _epochs: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._link = Link(self.broker_url, "fake services")
        self._publisher = Publisher(self._link)
        self._changed = asyncio.Condition()
        self._transaction_id = 0

    async def start(self, group: asyncio.TaskGroup) -> list[asyncio.Task[None]]:
        """Declare the queues and consume them."""
        for service in (STATION_REGISTRY, SESSION_SERVICE):
            await self._link.declare(*service_queues(service))
        await self._link.declare(*command_api_queues())
        consumers = [
            Consumer(self._link, queue(service), self._handler(service), prefetch=100)
            for service in (STATION_REGISTRY, SESSION_SERVICE)
            for queue in (decisions_queue, reports_queue)
        ]
        consumers.append(
            Consumer(self._link, replies_queue(self.incarnation), self._on_reports, prefetch=100)
        )
        return [group.create_task(consumer.run()) for consumer in consumers]

    async def close(self) -> None:
        await self._link.close()

    async def until(self, condition: Callable[[], Any], within_s: float = 15.0) -> None:
        """Wait until something that arrived makes the condition true."""
        async with asyncio.timeout(within_s), self._changed:
            await self._changed.wait_for(condition)

    async def send_commands(self, *commands: Command) -> None:
        batch = CommandBatch(items=list(commands), reply_key=f"{self.incarnation}.command")
        body = batch.model_dump_json().encode()
        await self._publisher.publish(
            Outgoing(GATEWAYS, self.gateway_id, MessageType.COMMANDS, body)
        )

    async def send_control(self, control: Control) -> None:
        body = ControlBatch(items=[control]).model_dump_json().encode()
        await self._publisher.publish(
            Outgoing(GATEWAYS, self.gateway_id, MessageType.CONTROLS, body)
        )

    def epoch(self, station_id: str) -> int:
        return self._epochs[station_id]

    def reports_of(self, command_id: str) -> list[CommandReport]:
        return [report for report in self.reports if report.command_id == command_id]

    def actions(self, station_id: str) -> list[str]:
        return [call.action for call in self.calls if call.station_id == station_id]

    def _handler(self, service: str) -> Callable[[list[Delivery]], Any]:
        async def handle(deliveries: list[Delivery]) -> None:
            async with self._changed:
                for delivery in deliveries:
                    if service not in self.silent:
                        await self._handle(service, delivery)
                self._changed.notify_all()

        return handle

    async def _on_reports(self, deliveries: list[Delivery]) -> None:
        async with self._changed:
            for delivery in deliveries:
                self.reports += CommandReportBatch.model_validate_json(delivery.body).items
            self._changed.notify_all()

    async def _handle(self, service: str, delivery: Delivery) -> None:
        if not delivery.items():
            return
        match delivery.type:
            case MessageType.CALLS:
                await self._take_calls(CallBatch.model_validate_json(delivery.body))
            case MessageType.CLAIMS:
                await self._take_claims(ClaimBatch.model_validate_json(delivery.body))
            case MessageType.LEASE:
                lease = LeaseBatch.model_validate_json(delivery.body)
                self.gateway_id = lease.items[0].gateway_id
                self.leases += 1
                self.final_leases += lease.items[0].final
                answer = LeaseReply(confirmed=self.lease_confirmed)
                await self._reply(lease.reply_key, MessageType.LEASE_REPLY, answer)
            case MessageType.REASSERTIONS:
                page = ReassertionBatch.model_validate_json(delivery.body)
                self.reasserted += page.items
                reply = ReassertionReply(superseded=self.superseded)
                await self._reply(page.reply_key, MessageType.REASSERTION_REPLY, reply)
            case MessageType.PROBE:
                probe = ProbeBatch.model_validate_json(delivery.body)
                await self._reply(
                    probe.reply_key, MessageType.PROBE_REPLY, ProbeReply(service=service)
                )
            case MessageType.RELEASES:
                self.releases += ReleaseBatch.model_validate_json(delivery.body).items
            case MessageType.LIVENESS:
                self.liveness += LivenessBatch.model_validate_json(delivery.body).items
            case MessageType.REFUSALS:
                self.refusals += RefusalBatch.model_validate_json(delivery.body).items

    async def _take_calls(self, batch: CallBatch) -> None:
        replies = []
        for call in batch.items:
            self.calls.append(
                ReceivedCall(
                    batch.action,
                    call.station_id,
                    call.connection_id,
                    call.epoch,
                    call.seq,
                    call.boot_count,
                    call.payload,
                    call.tolerated,
                )
            )
            payload = self._answer(batch.action)
            if payload is not None and batch.action not in self.ignored_actions:
                change = None
                if batch.action == "BootNotification":
                    change = self._registration(boot_count=1)
                replies.append(
                    CallReply(
                        connection_id=call.connection_id,
                        seq=call.seq,
                        payload=payload,
                        registration=change,
                    )
                )
        if replies:
            await self._reply(
                batch.reply_key, MessageType.CALL_REPLIES, CallReplyBatch(items=replies)
            )

    def _answer(self, action: str) -> dict[str, Any] | None:
        if action in self.answers:
            return self.answers[action]
        match action:
            case "BootNotification":
                time = "2026-11-20T08:00:00.000Z"
                return {"status": "Accepted", "currentTime": time, "interval": 300}
            case "Authorize":
                return {"idTagInfo": {"status": "Accepted"}}
            case "StartTransaction":
                self._transaction_id += 1
                return {
                    "transactionId": self._transaction_id,
                    "idTagInfo": {"status": "Accepted"},
                }
            case "DataTransfer":
                return {"status": "Accepted"}
        return None

    async def _take_claims(self, batch: ClaimBatch) -> None:
        replies = []
        for claim in batch.items:
            outcome = ClaimOutcome.ACCEPTED
            password = self.passwords.get(claim.station_id)
            if claim.station_id in self.unknown:
                outcome = ClaimOutcome.UNKNOWN_STATION
            elif password is not None:
                proofs = credential_proofs(PEPPER.encode(), claim.station_id, password)
                if not set(proofs) & set(claim.credential_proofs):
                    outcome = ClaimOutcome.BAD_CREDENTIALS
            reply = ClaimReply(connection_id=claim.connection_id, outcome=outcome)
            if outcome is ClaimOutcome.ACCEPTED:
                self._epochs[claim.station_id] = self._epochs.get(claim.station_id, 0) + 1
                reply.epoch = self._epochs[claim.station_id]
                reply.booted = True
                reply.status_known = self.status_known
                reply.registration = self._registration(boot_count=0)
            replies.append(reply)
        await self._reply(
            batch.reply_key, MessageType.CLAIM_REPLIES, ClaimReplyBatch(items=replies)
        )

    def _registration(self, boot_count: int) -> RegistrationChange:
        return RegistrationChange(
            registration_status=self.registration_status,
            boot_count=boot_count,
            heartbeat_interval_s=300,
        )

    async def _reply(self, key: str, type: MessageType, model: Any) -> None:
        # What an earlier test left in the queues may have nobody to be answered to any more.
        message = reply_message(key, type, model.model_dump(mode="json"))
        await self._publisher.publish_all([message])


class Station:
    """A WebSocket client that speaks OCPP-J by hand."""

    def __init__(self, station_id: str, socket: ClientConnection) -> None:
        self.station_id = station_id
        self.socket = socket
        self._next_id = 0

    async def call(self, action: str, payload: dict[str, Any]) -> Any:
        """Send a CALL and return the frame that answers it."""
        self._next_id += 1
        await self.socket.send(
            orjson.dumps([2, str(self._next_id), action, payload]).decode(), text=True
        )
        return await self.receive()

    async def receive(self) -> Any:
        async with asyncio.timeout(15):
            return orjson.loads(await self.socket.recv())

    async def answer(self, message_id: str, payload: dict[str, Any]) -> None:
        await self.socket.send(orjson.dumps([3, message_id, payload]).decode(), text=True)

    async def closed(self, within_s: float = 15.0) -> int | None:
        async with asyncio.timeout(within_s):
            await self.socket.wait_closed()
        return self.socket.close_code


class RunningGateway:
    """A gateway under test and the services it talks to."""

    def __init__(self, gateway: Gateway, services: FakeServices, stop: asyncio.Event) -> None:
        self.gateway = gateway
        self.services = services
        self._stop = stop

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.gateway.port}/ocpp"

    def stop(self) -> None:
        self._stop.set()

    async def until_ready(self) -> None:
        async with asyncio.timeout(20):
            await self.gateway.started.wait()
            while self.gateway.missing():
                await asyncio.sleep(0.02)

    async def station(self, station_id: str, **options: Any) -> Station:
        options.setdefault("subprotocols", [Subprotocol("ocpp1.6")])
        socket = await connect(f"{self.url}/{station_id}", compression=None, **options)
        return Station(station_id, socket)

    def command(self, station_id: str, command_id: str, action: str, **payload: Any) -> Command:
        return Command(
            command_id=command_id,
            station_id=station_id,
            epoch=self.services.epoch(station_id),
            action=action,
            payload=payload,
            deadline_ms=now_ms() + 30_000,
        )


@pytest.fixture
async def services(broker_url: str) -> AsyncIterator[FakeServices]:
    fake = FakeServices(broker_url)
    async with asyncio.TaskGroup() as group:
        tasks = await fake.start(group)
        yield fake
        for task in tasks:
            task.cancel()
    await fake.close()


class BrokerProxy:
    """Stands between the gateway and the broker, and can cut or freeze."""

    def __init__(self, broker_url: str) -> None:
        self._broker = urlsplit(broker_url)
        self._pairs: set[asyncio.StreamWriter] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._accepting = True
        self.url = ""

    async def start(self) -> asyncio.Server:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        credentials = f"{self._broker.username}:{self._broker.password}"
        self.url = f"amqp://{credentials}@127.0.0.1:{port}{self._broker.path}"
        return server

    def cut(self) -> None:
        """Drop every connection and take no new one."""
        self._accepting = False
        for writer in list(self._pairs):
            writer.transport.abort()

    def mend(self) -> None:
        self._accepting = True
        self._flowing.set()

    def freeze(self) -> None:
        """Keep the connections open and let nothing through."""
        self._flowing.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._accepting:
            writer.transport.abort()
            return
        host, port = self._broker.hostname, self._broker.port
        broker_reader, broker_writer = await asyncio.open_connection(host, port)
        self._pairs |= {writer, broker_writer}
        try:
            await asyncio.gather(
                self._pump(reader, broker_writer), self._pump(broker_reader, writer)
            )
        finally:
            self._pairs -= {writer, broker_writer}

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while sent := await reader.read(65_536):
                await self._flowing.wait()
                writer.write(sent)
                await writer.drain()
        writer.transport.abort()


@contextlib.asynccontextmanager
async def run_gateway(
    broker_url: str, services: FakeServices, **settings: Any
) -> AsyncIterator[RunningGateway]:
    """Run a gateway until the context is left."""
    stop = asyncio.Event()
    gateway = Gateway(
        GatewaySettings(
            broker_url=SecretStr(broker_url),
            probe_port=0,
            gateway_port=0,
            credential_pepper=SecretStr(PEPPER),
            gateway_name="gateway-1",
            drain_seconds=0.2,
            **settings,
        )
    )
    task = asyncio.create_task(gateway.run(stop))
    under_test = RunningGateway(gateway, services, stop)
    try:
        await under_test.until_ready()
        yield under_test
    finally:
        stop.set()
        async with asyncio.timeout(20):
            await task


@pytest.fixture
async def running(broker_url: str, services: FakeServices) -> AsyncIterator[RunningGateway]:
    async with run_gateway(broker_url, services) as under_test:
        yield under_test


@pytest.fixture
async def proxy(broker_url: str) -> AsyncIterator[BrokerProxy]:
    proxy = BrokerProxy(broker_url)
    server = await proxy.start()
    yield proxy
    proxy.cut()
    server.close()


@pytest.fixture
async def behind_proxy(proxy: BrokerProxy, services: FakeServices) -> AsyncIterator[RunningGateway]:
    async with run_gateway(proxy.url, services) as under_test:
        yield under_test
        proxy.mend()
