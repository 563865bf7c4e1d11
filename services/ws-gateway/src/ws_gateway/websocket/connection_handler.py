"""One held connection: carries out what its state machine decides, on the socket and the lanes."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

import structlog

from csms_shared.contracts.calls import CallReply, RegistrationChange
from csms_shared.contracts.commands import Command
from csms_shared.contracts.recordings import filed_as
from csms_shared.ocpp.action_row import CallKind
from csms_shared.ocpp.errors import RpcError
from csms_shared.runtime.clock import monotonic, now_ms
from ws_gateway import metrics
from ws_gateway.amqp.broker_side import BrokerSide
from ws_gateway.amqp.services import OVERDUE_S
from ws_gateway.domain.admission_queue import Admission
from ws_gateway.domain.commands import OutboundCommand
from ws_gateway.domain.connection import SERVICE_RESTART, StationConnection
from ws_gateway.domain.dialect import Dialect
from ws_gateway.domain.effects import (
    Close,
    CommandFinished,
    CommandSent,
    Dispatch,
    Effect,
    InboundCall,
    Instant,
    Ping,
    Send,
    Tolerated,
)
from ws_gateway.domain.registration import ACCEPTED
from ws_gateway.websocket.admission_policy import AdmissionPolicy
from ws_gateway.websocket.commands_under_way import CommandsUnderWay
from ws_gateway.websocket.data_request import DataRequest
from ws_gateway.websocket.queued_boot import QueuedBoot
from ws_gateway.websocket.socket import StationSocket

log = structlog.get_logger(__name__)


def instant() -> Instant:
    """Return the present moment."""
    return Instant(monotonic(), now_ms())


class ConnectionHandler:
    """The shell around one connection's state machine."""

    __slots__ = (
        "_boot_count",
        "_broker",
        "_commands",
        "_data_request",
        "_dialect",
        "_machine",
        "_policy",
        "_released",
        "_socket",
        "_tolerated",
        "connected_ms",
        "connection_id",
        "epoch",
        "filed_as",
        "in_transaction",
        "last_seen_ms",
        "masking",
        "ocpp_version",
        "registration_version",
        "remote_address",
        "station_id",
        "tenant_id",
    )

    def __init__(
        self,
        socket: StationSocket,
        broker: BrokerSide,
        policy: AdmissionPolicy,
        machine: StationConnection,
        dialect: Dialect,
        *,
        station_id: str,
        tenant_id: str,
        connection_id: str,
        remote_address: str,
        connected_ms: int,
        boot_count: int,
        registration_version: int,
        tolerated: Iterable[str],
        data_request: DataRequest | None,
    ) -> None:
        self._socket = socket
        self._broker = broker
        self._policy = policy
        self._machine = machine
        self._dialect = dialect
        self.station_id = station_id
        self.tenant_id = tenant_id
        self.filed_as = filed_as(tenant_id, station_id)
        self.connection_id = connection_id
        self.epoch = machine.epoch
        self.ocpp_version = dialect.version
        self.masking = dialect.masking
        self.remote_address = remote_address
        self.connected_ms = connected_ms
        self.last_seen_ms = connected_ms
        # As far as this gateway has seen; the station keeps its place if it must come back.
        self.in_transaction = policy.is_in_transaction(station_id)
        self._boot_count = boot_count
        self.registration_version = registration_version
        # Made for the first one: most stations have no deviation.
        self._tolerated: Counter[str] | None = None
        self._count_tolerated(tolerated)
        self._data_request = data_request
        self._commands: CommandsUnderWay | None = None
        self._released = False

    @property
    def ended(self) -> bool:
        """Tell whether this connection is over, whatever its socket still does."""
        return self._machine.closed

    @property
    def is_busy(self) -> bool:
        """Tell whether the station waits for an answer, or we for one of it."""
        return self._machine.is_busy

    # What the socket tells.

    def frame(self, raw: bytes) -> None:
        """Take one message of the station."""
        now = instant()
        self._heard_at(now)
        effects = self._machine.receive(raw, now)
        recorder = self._broker.recorder
        action = None if recorder is None else recorder.received(self, raw, now.wall_ms, effects)
        self._carry_out(effects, action, now.wall_ms)

    def control_frame(self) -> None:
        """Take a ping or pong as a sign of life."""
        now = instant()
        self._heard_at(now)
        self._machine.frame_seen(now)

    def lost(self, code: int | None) -> None:
        """Let go of everything: the socket is gone."""
        self._carry_out(self._machine.socket_closed(instant()))
        self._broker.connections.remove(self)
        self._policy.disconnected(self.station_id, in_transaction=self.in_transaction)
        self._release("connection closed" if code not in (None, 1006) else "connection lost")
        metrics.CONNECTIONS.labels(self.ocpp_version).dec()
        metrics.CLOSES.labels(metrics.close_label(code)).inc()

    # What the broker side tells.

    def report_stored(self, seq: int) -> None:
        """Answer the report `seq`: the broker has it."""
        self._answer(seq, {})

    def decided(self, reply: CallReply) -> None:
        """Answer a decision."""
        call = self._machine.call_in_progress
        if call is not None and call.seq == reply.seq:
            self._broker.services[self._dialect.calls.service(call.action)].answered()
        overtaken = None
        if reply.registration is not None:
            # With the answer to a boot, which sets the status itself.
            newest = self._take_registration(reply.registration, booted=True)
            overtaken = None if newest else self._machine.registration_status
        if reply.payload is not None:
            self._answer(reply.seq, reply.payload)
            if overtaken is not None:
                # An operator has changed it since the boot was decided.
                self._machine.set_status(overtaken)
            return
        fault = reply.fault
        code = fault.code if fault else self._dialect.error_code(RpcError.INTERNAL_ERROR)
        description = fault.description if fault else ""
        effects = self._machine.answer_error(reply.seq, code, description, instant())
        self._carry_out(effects, *((call.action, call.received_ms) if call else ()))

    def take_command(self, command: Command, reply_key: str) -> None:
        """Queue a command for the station."""
        if self._commands is None:
            self._commands = CommandsUnderWay(
                self.station_id, self.ocpp_version, self._broker.reports
            )
        outbound = self._commands.begin(command, reply_key, self._machine.known_commands)
        if outbound is not None:
            self._send_call(outbound, instant())

    def supersede(self, epoch: int) -> None:
        """Give way to a connection of a higher epoch."""
        self._carry_out(self._machine.superseded(epoch, instant()))

    def set_registration(self, change: RegistrationChange) -> None:
        """Take over a change made by the registry."""
        self._take_registration(change, booted=change.registration_status == ACCEPTED)

    def hand_back_commands(self) -> None:
        """Begin no command any more: the socket is about to be closed."""
        self._carry_out(self._machine.hand_back_commands(instant()))

    def close(self, code: int, reason: str) -> None:
        """Close the socket."""
        self._carry_out(self._machine.close(code, reason, instant()))

    def waits_for(self, service: str) -> bool:
        """Tell whether a decision of this service is due."""
        call = self._machine.call_in_progress
        return (
            call is not None
            and call.kind is CallKind.DECISION
            and self._dialect.calls.service(call.action) == service
        )

    def take_tolerated(self) -> dict[str, int]:
        """Return how often each deviation was forgiven since the last time."""
        tolerated, self._tolerated = self._tolerated, None
        return tolerated or {}

    # What time brings.

    def tick(self, now: Instant) -> float:
        """Do what time asks for; return the monotonic time before which nothing is due.

        Called about once a second, but for a quiet time that nothing has ended.
        """
        effects = self._machine.tick(now)
        if effects:
            self._carry_out(effects)
        call = self._machine.call_in_progress
        if call is not None:
            overdue = now.wall_ms - call.received_ms > OVERDUE_S * 1000
            if overdue and call.kind is CallKind.DECISION:
                self._broker.services[self._dialect.calls.service(call.action)].doubt()
        if self._data_request is not None and self._data_request.is_due(now):
            request, self._data_request = self._data_request, None
            if request.may_be_sent(self._machine.registration_status):
                self._ask(request, now)
        return self._machine.quiet_until() if self._data_request is None else 0.0

    # Effects.

    def _carry_out(
        self, effects: list[Effect], action: str | None = None, since_ms: int | None = None
    ) -> None:
        """Carry out effects; what is written first answers a call of `action` of `since_ms`."""
        # Whatever brought them, or none, may have given time something to do.
        self._socket.quiet_until = 0.0
        recorder = self._broker.recorder
        for effect in effects:
            if type(effect) is Send:
                if self._socket.write(effect.text) and recorder is not None:
                    recorder.sent(self, effect.text, action, since_ms)
                    action = since_ms = None
            elif type(effect) is Dispatch:
                self._dispatch(effect)
            else:
                self._carry_out_rare(effect)

    def _carry_out_rare(self, effect: Effect) -> None:
        match effect:
            case CommandSent() | CommandFinished():
                if self._commands is not None:
                    self._commands.report(effect)
            case Ping():
                self._socket.write_ping()
            case Close(code, reason):
                self._socket.begin_close(code, reason)
                self._broker.connections.remove(self)
                self._release(reason)
            case Send() | Dispatch():
                raise AssertionError("carried out already")
            case _:
                if isinstance(effect, Tolerated):
                    self._count_tolerated(effect.names)
                self._policy.observer.observe(
                    effect, self.ocpp_version, self.station_id, self.connection_id
                )

    def _dispatch(self, effect: Dispatch) -> None:
        call = effect.call
        if self._data_request is not None and self._data_request.is_settled_by(call.action):
            self._data_request = None
        if call.action in self._dialect.transactions.actions:
            self._note_transaction(call)
        elif call.action == self._dialect.registration.boot:
            self._wait_for_boot(call)
            return
        self._hand_over(call)

    def _note_transaction(self, call: InboundCall) -> None:
        sign = self._dialect.transactions.of_call(call.action, call.payload)
        if sign is not None:
            self.in_transaction = sign

    def _wait_for_boot(self, call: InboundCall) -> None:
        if self._machine.is_exempt:
            self._hand_over(call)
            return
        boot = QueuedBoot(self, lambda: self._hand_over(call))
        admission = self._policy.boots.enter(boot, first=self.in_transaction)
        if admission is Admission.NOW:
            boot.admit()
        elif admission is Admission.REFUSED:
            boot.refuse()

    def _hand_over(self, call: InboundCall) -> None:
        patience_s = (call.deadline_ms - now_ms()) / 1000
        service_away = (
            call.kind is CallKind.DECISION
            and self._broker.services[self._dialect.calls.service(call.action)].away
        )
        if service_away:
            self.close(SERVICE_RESTART, "service away")
        elif not self._broker.calls.dispatch(self, call, self._boot_count, patience_s):
            metrics.messages("in", call.action, "no_room").inc()
            self.close(SERVICE_RESTART, "gateway overloaded")

    def _answer(self, seq: int, response: dict[str, Any]) -> None:
        action = since_ms = None
        now = instant()
        call = self._machine.call_in_progress
        if call is not None and call.seq == seq:
            action, since_ms = call.action, call.received_ms
            metrics.messages("in", call.action, "answered").inc()
            metrics.call_duration(call.action).observe((now.wall_ms - call.received_ms) / 1000)
        self._carry_out(self._machine.answer(seq, response, now), action, since_ms)

    def _take_registration(self, change: RegistrationChange, *, booted: bool) -> bool:
        """Take over what the registry says, unless it has said something newer; tell whether."""
        if 0 < change.version < self.registration_version:
            return False
        self.registration_version = change.version or self.registration_version
        self._boot_count = change.boot_count
        self._machine.set_registration(
            change.registration_status,
            booted=booted,
            strict=change.strict,
            exempt=change.exempt_from_limits,
        )
        if change.exempt_from_limits:
            self._policy.forgive(self.station_id)
        return True

    def _ask(self, request: DataRequest, now: Instant) -> None:
        command = request.command(self.epoch, now)
        self._send_call(command, now)
        metrics.messages("out", command.action, "sent").inc()
        self._log("data_requested", requested=request.wanted)

    def _send_call(self, command: OutboundCommand, now: Instant) -> None:
        if self._broker.recorder is not None:
            self._broker.recorder.asked(command.command_id, command.action)
        self._carry_out(self._machine.send_call(command, now))

    def _count_tolerated(self, names: Iterable[str]) -> None:
        for name in names:
            if self._tolerated is None:
                self._tolerated = Counter()
            # Plain text, because orjson takes no member of an enumeration as a key.
            self._tolerated[str(name)] += 1

    def _heard_at(self, now: Instant) -> None:
        self.last_seen_ms = now.wall_ms
        self._broker.notices.heard(self)

    def _release(self, reason: str) -> None:
        if self._released:
            return
        self._released = True
        self._broker.notices.forget(self)
        if reason != "superseded":
            self._broker.notices.release(self.station_id, self.connection_id, self.epoch, reason)
        self._log("connection_ended", reason=reason)

    def _log(self, event: str, **details: object) -> None:
        log.info(event, station_id=self.station_id, connection_id=self.connection_id, **details)
