"""The other services, played by a fake that answers over the broker."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from csms_shared.broker.consumer import Consumer, Delivery, Handler
from csms_shared.broker.incarnation import new_incarnation
from csms_shared.broker.link import Link
from csms_shared.broker.publisher import Outgoing, Publisher
from csms_shared.broker.requests import reply_message
from csms_shared.broker.topology import (
    GATEWAYS,
    INTERNAL_EVENTS,
    SESSION_SERVICE,
    STATION_CREATED_KEY,
    STATION_REGISTRY,
    command_api_queues,
    decisions_queue,
    leases_queue,
    reassertions_queue,
    replies_queue,
    reports_queue,
    service_queues,
)
from csms_shared.contracts.calls import CallBatch, CallReply, CallReplyBatch, RegistrationChange
from csms_shared.contracts.commands import Command, CommandBatch, CommandReport, CommandReportBatch
from csms_shared.contracts.control import Control, ControlBatch
from csms_shared.contracts.events import CloudEvent, event_type
from csms_shared.contracts.message_types import MessageType
from csms_shared.contracts.ownership import (
    ChangedRegistration,
    Claim,
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
from csms_shared.contracts.system_notices import SystemNotice, SystemNoticeBatch
from csms_shared.values.tenants import DEFAULT_TENANT
from gateway_fakes.claims import judged_claim


@dataclass
class ReceivedCall:
    """A station's call as a service got it."""

    action: str
    station_id: str
    tenant_id: str
    connection_id: str
    epoch: int
    seq: int
    boot_count: int
    payload: dict[str, Any]


@dataclass
class FakeServices:
    """station-registry, session-service and command-api, as far as a gateway can tell."""

    broker_url: str
    incarnation: str = field(default_factory=lambda: new_incarnation("command-api"))
    calls: list[ReceivedCall] = field(default_factory=list)
    releases: list[Release] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    liveness: list[Liveness] = field(default_factory=list)
    notices: list[SystemNotice] = field(default_factory=list)
    reasserted: list[Reassertion] = field(default_factory=list)
    reports: list[CommandReport] = field(default_factory=list)
    gateway_id: str = ""
    probes: Counter[str] = field(default_factory=Counter)
    claims: int = 0
    claimed: list[Claim] = field(default_factory=list)
    leases: int = 0
    final_leases: int = 0
    # How they behave.
    passwords: dict[str, bytes] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)
    # What a registry of a newer version says of a station.
    newer: dict[str, str] = field(default_factory=dict)
    strict: set[str] = field(default_factory=set)
    # By station: whose it is, where it is not the default tenant's.
    tenants: dict[str, str] = field(default_factory=dict)
    suspended: set[str] = field(default_factory=set)
    exempt: set[str] = field(default_factory=set)
    wrong_profile: set[str] = field(default_factory=set)
    registration_status: str = "accepted"
    registration_version: int = 0
    booted: bool = True
    status_known: bool = True
    silent: set[str] = field(default_factory=set)
    # Of these, what asks after a backlog never has its turn, and calls are answered.
    slow: set[str] = field(default_factory=set)
    ignored_actions: set[str] = field(default_factory=set)
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    lease_confirmed: bool = True
    superseded: list[str] = field(default_factory=list)
    # By connection: what a re-assertion is told of its registration.
    changed: dict[str, RegistrationChange] = field(default_factory=dict)
    # False: a registry of the version before, which reads leases from its decisions queue.
    own_queues: bool = True
    asked_for_leases: Counter[str] = field(default_factory=Counter)
    _epochs: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._link = Link(self.broker_url, "fake services")
        self._publisher = Publisher(self._link)
        self._changed = asyncio.Condition()
        # Cleared: claims are taken and not answered yet.
        self.claims_answered = asyncio.Event()
        self.claims_answered.set()
        self.calls_answered = asyncio.Event()
        self.calls_answered.set()
        self._transaction_id = 0

    async def start(self, group: asyncio.TaskGroup) -> list[asyncio.Task[None]]:
        """Declare the queues and consume them."""
        self._group = group
        for service in (STATION_REGISTRY, SESSION_SERVICE):
            await self._link.declare(*service_queues(service))
        await self._link.declare(*command_api_queues())
        consumers = [
            Consumer(self._link, queue(service), self._handler(service), prefetch=100)
            for service in (STATION_REGISTRY, SESSION_SERVICE)
            for queue in (decisions_queue, reports_queue)
        ]
        if self.own_queues:
            consumers += [
                Consumer(self._link, queue, self._handler(STATION_REGISTRY), prefetch=100)
                for queue in (leases_queue(), reassertions_queue())
            ]
        consumers.append(
            Consumer(self._link, replies_queue(self.incarnation), self._on_reports, prefetch=100)
        )
        return [group.create_task(consumer.run()) for consumer in consumers]

    async def close(self) -> None:
        await self._link.close()

    async def until(self, condition: Callable[[], object], within_s: float = 60.0) -> None:
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

    async def tell_created(self, station_id: str) -> None:
        event = CloudEvent(
            id=station_id,
            source="station-registry",
            type=event_type(STATION_CREATED_KEY),
            subject=station_id,
            time="2026-11-20T08:00:00.000Z",
            data={},
        )
        body = b"[%b]" % event.model_dump_json().encode()
        # A queue that another test left may refuse it, which is nothing to the gateway's own.
        await self._publisher.publish_all(
            [Outgoing(INTERNAL_EVENTS, STATION_CREATED_KEY, MessageType.EVENTS, body)]
        )

    def epoch(self, station_id: str) -> int:
        return self._epochs[station_id]

    def reports_of(self, command_id: str) -> list[CommandReport]:
        return [report for report in self.reports if report.command_id == command_id]

    def actions(self, station_id: str) -> list[str]:
        return [call.action for call in self.calls if call.station_id == station_id]

    def tolerated(self, station_id: str) -> dict[str, int]:
        told: Counter[str] = Counter()
        for item in self.liveness:
            if item.station_id == station_id:
                told.update(item.tolerated)
        return dict(told)

    def _handler(self, service: str) -> Handler:
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
                claims = ClaimBatch.model_validate_json(delivery.body)
                self.claims += len(claims.items)
                self._group.create_task(self._take_claims(claims))
            case MessageType.LEASE:
                lease = LeaseBatch.model_validate_json(delivery.body)
                self.gateway_id = lease.items[0].gateway_id
                self.leases += 1
                self.asked_for_leases[delivery.routing_key] += 1
                self.final_leases += lease.items[0].final
                answer = LeaseReply(confirmed=self.lease_confirmed, own_queues=self.own_queues)
                await self._reply(lease.reply_key, MessageType.LEASE_REPLY, answer)
            case MessageType.REASSERTIONS:
                page = ReassertionBatch.model_validate_json(delivery.body)
                self.reasserted += page.items
                reply = ReassertionReply(superseded=self.superseded)
                if self.own_queues:
                    ids = [item.connection_id for item in page.items]
                    reply.held = [each for each in ids if each not in self.superseded]
                    reply.changed = [
                        ChangedRegistration(connection_id=each, registration=self.changed[each])
                        for each in ids
                        if each in self.changed
                    ]
                await self._reply(page.reply_key, MessageType.REASSERTION_REPLY, reply)
            case MessageType.PROBE:
                self.probes[service] += 1
                if service in self.slow:
                    return
                probe = ProbeBatch.model_validate_json(delivery.body)
                await self._reply(
                    probe.reply_key, MessageType.PROBE_REPLY, ProbeReply(service=service)
                )
            case MessageType.RELEASES:
                self.releases += ReleaseBatch.model_validate_json(delivery.body).items
            case MessageType.SYSTEM_NOTICES:
                self.notices += SystemNoticeBatch.model_validate_json(delivery.body).items
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
                    call.tenant_id,
                    call.connection_id,
                    call.epoch,
                    call.seq,
                    call.boot_count,
                    call.payload,
                )
            )
            payload = self._answer(batch.action)
            if payload is not None and batch.action not in self.ignored_actions:
                change = None
                if batch.action == "BootNotification":
                    change = self.registration(call.station_id, boot_count=1)
                replies.append(
                    CallReply(
                        connection_id=call.connection_id,
                        seq=call.seq,
                        payload=payload,
                        registration=change,
                    )
                )
        if replies:
            self._group.create_task(self._answer_calls(batch.reply_key, replies))

    async def _answer_calls(self, reply_key: str, replies: list[CallReply]) -> None:
        await self.calls_answered.wait()
        await self._reply(reply_key, MessageType.CALL_REPLIES, CallReplyBatch(items=replies))

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
        await self.claims_answered.wait()
        replies = []
        self.claimed += batch.items
        for claim in batch.items:
            outcome, reply_checks = judged_claim(
                claim,
                passwords=self.passwords,
                unknown=self.unknown,
                wrong_profile=self.wrong_profile,
                strict=self.strict,
            )
            reply = ClaimReply(
                connection_id=claim.connection_id,
                outcome=self.newer.get(claim.station_id, outcome),
                credential_checks=reply_checks,
                tenant_id=self.tenants.get(claim.station_id, DEFAULT_TENANT),
            )
            if reply.tenant_id in self.suspended:
                reply.outcome = ClaimOutcome.TENANT_SUSPENDED
            if reply.outcome is ClaimOutcome.ACCEPTED:
                self._epochs[claim.station_id] = self._epochs.get(claim.station_id, 0) + 1
                reply.epoch = self._epochs[claim.station_id]
                reply.booted = self.booted
                reply.status_known = self.status_known
                reply.registration = self.registration(claim.station_id, boot_count=0)
            replies.append(reply)
        await self._reply(
            batch.reply_key, MessageType.CLAIM_REPLIES, ClaimReplyBatch(items=replies)
        )

    def registration(self, station_id: str, boot_count: int) -> RegistrationChange:
        return RegistrationChange(
            registration_status=self.registration_status,
            boot_count=boot_count,
            heartbeat_interval_s=300,
            exempt_from_limits=station_id in self.exempt,
            version=self.registration_version,
        )

    async def _reply(self, key: str, type: MessageType, model: BaseModel) -> None:
        # What an earlier test left in the queues may have nobody to be answered to any more.
        message = reply_message(key, type, model.model_dump(mode="json"))
        await self._publisher.publish_all([message])
