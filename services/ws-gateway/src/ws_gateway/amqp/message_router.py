"""Routes what arrives on the gateway's own queue: replies, commands, controls, one event."""

import contextlib
from collections.abc import Callable

import structlog

from csms_shared.broker.consumer import Delivery
from csms_shared.broker.reading import (
    UnreadableMessage,
    read_batch,
    read_events,
    read_message,
    take_each,
)
from csms_shared.broker.topology import STATION_CREATED_KEY
from csms_shared.contracts.calls import CallReply, CallReplyBatch
from csms_shared.contracts.commands import Command, CommandBatch, CommandOutcome
from csms_shared.contracts.control import Control, ControlBatch, ControlKind
from csms_shared.contracts.events import CloudEvent, event_type
from csms_shared.contracts.message_types import MessageType
from csms_shared.contracts.ownership import ClaimReplyBatch, ReassertionReply
from csms_shared.runtime.clock import monotonic, now_ms
from ws_gateway.amqp.batch_delay import BatchDelay
from ws_gateway.amqp.claims import Claims
from ws_gateway.amqp.command_reports import CommandReports
from ws_gateway.amqp.connections import Connections
from ws_gateway.amqp.lease import Lease
from ws_gateway.amqp.own_queue import OwnQueue
from ws_gateway.amqp.reassertions import Reassertions
from ws_gateway.domain.connection import NORMAL_CLOSURE
from ws_gateway.domain.effects import CommandFinished

log = structlog.get_logger(__name__)

_STATION_CREATED = event_type(STATION_CREATED_KEY)


class MessageRouter:
    """Gives each arriving message to whom it concerns; acknowledged when that has happened."""

    def __init__(
        self,
        own_queue: OwnQueue,
        connections: Connections,
        claims: Claims,
        lease: Lease,
        reassertions: Reassertions,
        reports: CommandReports,
        batch_delay: BatchDelay,
        on_created: Callable[[str], None],
    ) -> None:
        self._own_queue = own_queue
        self._connections = connections
        self._claims = claims
        self._lease = lease
        self._reassertions = reassertions
        self._reports = reports
        self._batch_delay = batch_delay
        self._on_created = on_created

    async def handle(self, deliveries: list[Delivery]) -> None:
        """Take deliveries as the consumer hands them over."""
        for delivery in deliveries:
            # Told where it is read. Its askers time out.
            with contextlib.suppress(UnreadableMessage):
                self._take(delivery)

    def _take(self, delivery: Delivery) -> None:
        type, body = delivery.type, delivery.body
        match type:
            case MessageType.CALL_REPLIES:
                replies = read_batch(CallReplyBatch, MessageType.CALL_REPLIES, body)
                take_each(MessageType.CALL_REPLIES, replies.items, self._reply)
            case MessageType.COMMANDS:
                commands = read_batch(CommandBatch, MessageType.COMMANDS, body)
                reply_key, ahead_ms = commands.reply_key, delivery.ahead_ms
                take_each(
                    MessageType.COMMANDS,
                    commands.items,
                    lambda item: self._command(item, reply_key, ahead_ms),
                )
            case MessageType.CLAIM_REPLIES:
                self._claims.answered(read_batch(ClaimReplyBatch, MessageType.CLAIM_REPLIES, body))
            case MessageType.CONTROLS:
                controls = read_batch(ControlBatch, MessageType.CONTROLS, body)
                take_each(MessageType.CONTROLS, controls.items, self._control)
            case MessageType.EVENTS:
                take_each(MessageType.EVENTS, read_events(body), self._event)
            case MessageType.REASSERTION_REPLY:
                reply = read_message(ReassertionReply, MessageType.REASSERTION_REPLY, body)
                self._reassertions.answered(delivery.routing_key, reply)
            case _:
                if not self._own_queue.resolve(delivery):
                    log.warning("message_unexpected", type=type)

    def _reply(self, reply: CallReply) -> None:
        self._batch_delay.answered(reply.connection_id, reply.seq, monotonic())
        held = self._connections.by_id(reply.connection_id)
        if held is not None:
            held.decided(reply)

    def _command(self, command: Command, reply_key: str, ahead_ms: int) -> None:
        command.deadline_ms += ahead_ms
        held = self._connections.of_station(command.station_id)
        if held is None or held.epoch != command.epoch or not self._lease.owns(held.connection_id):
            not_owner = CommandFinished(
                command.command_id, CommandOutcome.NOT_OWNER, now_ms(), attempt=command.attempt
            )
            self._reports.finished(reply_key, command.station_id, not_owner)
            return
        held.take_command(command, reply_key)

    def _event(self, event: CloudEvent) -> None:
        if event.type == _STATION_CREATED:
            self._on_created(event.subject)

    def _control(self, control: Control) -> None:
        self._claims.note(control)
        held = self._connections.of_station(control.station_id)
        if held is None:
            return
        match control.kind:
            case ControlKind.SUPERSEDED:
                held.supersede(control.epoch)
            case ControlKind.REGISTRATION:
                if control.registration is not None and held.epoch <= control.epoch:
                    held.set_registration(control.registration)
            case ControlKind.CLOSE:
                if held.epoch <= control.epoch:
                    held.close(NORMAL_CLOSURE, control.reason or "closed by the operator")
            case unknown:
                log.warning("control_unknown", kind=str(unknown))
