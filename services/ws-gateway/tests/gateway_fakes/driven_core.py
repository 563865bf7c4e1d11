"""The pure core between stations that send anything and services that always answer."""

import random
from typing import Any

import orjson

from csms_shared.contracts.calls import CallBatch
from csms_shared.contracts.commands import CommandOutcome
from csms_shared.ocpp.errors import RpcError, error_code
from csms_shared.ocpp.frames import CALL, Call, FrameProblem, parse_frame
from csms_shared.ocpp.schemas import validate_response
from csms_shared.ocpp.versions import OCPP16
from csms_simulator.mutations import FrameMutator
from csms_simulator.sample_payloads import CENTRAL_SYSTEM_CALLS
from gateway_fakes.pure_core import T0
from ws_gateway.domain.commands import OutboundCommand
from ws_gateway.domain.connection import StationConnection
from ws_gateway.domain.effects import (
    Close,
    CommandFinished,
    Dispatch,
    Effect,
    FrameUnusable,
    InboundCall,
    Instant,
    Send,
)
from ws_gateway.ocpp.v16 import DIALECT

_AT = "2026-11-21T02:00:00.000Z"
_ANSWERS: dict[str, dict[str, Any]] = {
    "Authorize": {"idTagInfo": {"status": "Accepted"}},
    "BootNotification": {"status": "Accepted", "currentTime": _AT, "interval": 300},
    "DataTransfer": {"status": "UnknownVendorId"},
    "SignCertificate": {"status": "Accepted"},
    "StartTransaction": {"transactionId": 81, "idTagInfo": {"status": "Accepted"}},
}
_CODES = frozenset(error_code(OCPP16, error) for error in RpcError)
_EPOCH = 3


class DrivenCore:
    """One connection, its clock, and what must hold after every frame."""

    def __init__(self, seed: int, status: str, *, strict: bool) -> None:
        self._random = random.Random(seed)
        self._mutator = FrameMutator(seed)
        self._strict = strict
        self._count = 0
        self.now = T0
        self.station = StationConnection(DIALECT, _EPOCH, status, T0, booted=True, strict=strict)
        self._dispatched: InboundCall | None = None
        self._owed: list[str] = []
        self._outstanding: OutboundCommand | None = None
        self._given = 0
        self._ended = 0
        self.last_frame = b""
        self.dispatches = 0
        self.refusals = 0

    def step(self) -> None:
        """Let the station send one frame, and now and then time pass or a service be slow."""
        self._count += 1
        if self._random.random() < 0.3:
            self._send_answer()
        else:
            self.send(self._mutator.call(f"m{self._count}"))
        if self._dispatched is not None and (self._random.random() < 0.8 or len(self._owed) > 8):
            self.answer_all()
        if self._random.random() < 0.1:
            self.pass_time(self._random.choice((0.5, 1.0, 8.0)))

    def send(self, raw: bytes) -> None:
        """Let the station send these bytes."""
        self.last_frame = raw
        frame = parse_frame(raw, tolerant=not self._strict)
        is_call = isinstance(frame, Call) or (
            isinstance(frame, FrameProblem)
            and frame.message_type == CALL
            and frame.message_id is not None
        )
        if isinstance(frame, Call | FrameProblem) and is_call:
            assert frame.message_id is not None
            self._owed.append(frame.message_id)
        effects = self.station.receive(raw, self.now)
        self._carry_out(effects)
        if isinstance(frame, FrameProblem) and not is_call:
            assert any(isinstance(effect, FrameUnusable) for effect in effects)

    def answer_all(self) -> None:
        """Let the services answer everything that the station waits for."""
        while self._dispatched is not None:
            call, self._dispatched = self._dispatched, None
            if self._random.random() < 0.05:
                effects = self.station.answer_error(call.seq, "InternalError", "parked", self.now)
            else:
                effects = self.station.answer(call.seq, _ANSWERS.get(call.action, {}), self.now)
            self._carry_out(effects)
        assert self._owed == []

    def pass_time(self, seconds: float) -> None:
        """Tell the connection a later time, with every call answered before it is due."""
        self.answer_all()
        self.now = Instant(self.now.monotonic + seconds, self.now.wall_ms + int(seconds * 1000))
        self._carry_out(self.station.tick(self.now))

    def finish(self) -> None:
        """End every call and command; whatever came before, the station is served."""
        for _ in range(3):
            self.pass_time(31.0)
            self.station.frame_seen(self.now)
        assert not self.station.is_busy
        self.send(b'[2,"boot","BootNotification",{"chargePointVendor":"V","chargePointModel":"M"}]')
        self.answer_all()
        self.send(b'[2,"last","Heartbeat",{}]')
        assert self._owed == []
        assert not self.station.closed
        assert self.station.socket_closed(self.now) == [], "a command was left"
        assert self._ended == self._given

    def _send_answer(self) -> None:
        if self._outstanding is None:
            action = self._random.choice(tuple(CENTRAL_SYSTEM_CALLS))
            command_id = f"c{self._count}"
            self._given += 1
            self._outstanding = OutboundCommand(
                command_id,
                action,
                CENTRAL_SYSTEM_CALLS[action],
                _EPOCH,
                self.now.wall_ms + 60_000,
            )
            self._carry_out(self.station.send_call(self._outstanding, self.now))
        if self._outstanding is not None:
            self.send(self._mutator.answer(self._outstanding.command_id, self._outstanding.action))

    def _carry_out(self, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case Send(text):
                    self._check_sent(orjson.loads(text))
                case Dispatch(call):
                    assert self._dispatched is None, "two calls at once"
                    self._dispatched = call
                    self._check_dispatched(call)
                case CommandFinished():
                    self._check_finished(effect)
                case Close():
                    raise AssertionError(f"closed: {effect}")

    def _check_sent(self, frame: list[Any]) -> None:
        if frame[0] == CALL:
            assert self._outstanding is not None
            assert frame[1] == self._outstanding.command_id
            return
        assert frame[1] == self._owed.pop(0), "answered in another order"
        if frame[0] == 3:
            assert len(frame) == 3
            return
        self.refusals += 1
        assert frame[0] == 4
        assert len(frame) == 5
        assert frame[2] in _CODES
        assert len(frame[3]) <= 255

    def _check_dispatched(self, call: InboundCall) -> None:
        """What goes on to a service can be written, read there, and stored as text."""
        self.dispatches += 1
        item = {
            "station_id": "CS", "connection_id": "c", "epoch": _EPOCH, "seq": call.seq,
            "received_ms": call.received_ms, "deadline_ms": call.deadline_ms,
            "payload": call.payload,
        }  # fmt: skip
        body = orjson.dumps(
            {"gateway_id": "g", "reply_key": "g", "version": OCPP16, "action": call.action,
             "items": [item]}
        )  # fmt: skip
        assert b"\\u0000" not in body
        (read,) = CallBatch.model_validate_json(body).items
        assert read.payload == call.payload

    def _check_finished(self, end: CommandFinished) -> None:
        assert self._outstanding is not None or end.late
        if not end.late:
            assert self._outstanding is not None
            assert end.command_id == self._outstanding.command_id
            self._ended += 1
            self._check_outcome(end, self._outstanding.action)
            self._outstanding = None
        # What the gateway tells the service that asked.
        orjson.dumps([end.response, end.error_code, end.error_description, end.error_details])

    def _check_outcome(self, end: CommandFinished, action: str) -> None:
        if end.outcome is CommandOutcome.COMPLETED and self._strict:
            assert validate_response(OCPP16, action, end.response) is None
