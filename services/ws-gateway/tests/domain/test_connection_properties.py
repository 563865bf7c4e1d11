"""What holds whatever station, services, operators and time do, in any order."""

from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from csms_shared.contracts.commands import CommandOutcome
from ws_gateway.domain.commands import OutboundCommand
from ws_gateway.domain.connection import StationConnection
from ws_gateway.domain.effects import (
    Close,
    CommandFinished,
    CommandSent,
    Dispatch,
    Effect,
    InboundCall,
    Instant,
    Send,
)
from ws_gateway.domain.limits import Limits
from ws_gateway.ocpp.v16 import DIALECT

EPOCH = 5
RESPONSES: dict[str, dict[str, Any]] = {
    "Authorize": {"idTagInfo": {"status": "Accepted"}},
    "BootNotification": {
        "status": "Accepted",
        "currentTime": "2026-11-21T02:00:00.000Z",
        "interval": 60,
    },
    "StatusNotification": {},
    "MeterValues": {},
}
PAYLOADS: dict[str, dict[str, Any]] = {
    "Authorize": {"idTag": "1"},
    "BootNotification": {"chargePointVendor": "", "chargePointModel": "M"},
    "StatusNotification": {"connectorId": 1, "errorCode": "Odd", "status": "Available"},
    "MeterValues": {"connectorId": 1, "meterValue": {}},
    "Heartbeat": {},
    "Frobnicate": {},
}


class Conversation(RuleBasedStateMachine):
    """A station, its services and its operators, at one connection."""

    def __init__(self) -> None:
        super().__init__()
        self.now = Instant(0.0, 1_795_226_400_000)
        self.station = StationConnection(
            DIALECT,
            EPOCH,
            "pending",
            self.now,
            limits=Limits(queued_calls=4, queued_commands=2, abandoned_commands=2),
        )
        self.asked: list[str] = []
        self.answered: list[str] = []
        self.dispatched: InboundCall | None = None
        self.given: set[str] = set()
        self.on_the_wire: str | None = None
        self.written: list[str] = []
        self.ends: dict[str, list[CommandFinished]] = {}
        self.closed = False

    def carry_out(self, effects: list[Effect]) -> None:
        for effect in effects:
            assert not self.closed or isinstance(effect, CommandFinished)
            match effect:
                case Send(text):
                    self.sent(orjson.loads(text))
                case Dispatch(call):
                    assert self.dispatched is None
                    self.dispatched = call
                case CommandSent(command_id):
                    assert self.on_the_wire == command_id
                case CommandFinished():
                    self.ends.setdefault(effect.command_id, []).append(effect)
                    if effect.command_id == self.on_the_wire and not effect.late:
                        self.on_the_wire = None
                case Close():
                    self.closed = True

    def sent(self, message: list[Any]) -> None:
        if message[0] == 2:
            assert self.on_the_wire is None, "two outstanding calls"
            self.on_the_wire = message[1]
            self.written.append(message[1])
            return
        self.answered.append(message[1])

    @rule(action=st.sampled_from(sorted(PAYLOADS)))
    def station_calls(self, action: str) -> None:
        message_id = str(len(self.asked))
        if not self.closed:
            self.asked.append(message_id)
        frame = orjson.dumps([2, message_id, action, PAYLOADS[action]])
        self.carry_out(self.station.receive(frame, self.now))

    @rule(junk=st.binary(max_size=30))
    def station_sends_junk(self, junk: bytes) -> None:
        self.carry_out(self.station.receive(b"\xff" + junk, self.now))

    @precondition(lambda self: self.dispatched is not None)
    @rule(refuse=st.booleans())
    def service_answers(self, refuse: bool) -> None:
        assert self.dispatched is not None
        call, self.dispatched = self.dispatched, None
        if refuse:
            effects = self.station.answer_error(call.seq, "InternalError", "", self.now)
        else:
            effects = self.station.answer(call.seq, RESPONSES[call.action], self.now)
        self.carry_out(effects)

    @rule(seq=st.integers(0, 5))
    def service_answers_something_else(self, seq: int) -> None:
        if self.dispatched is None or self.dispatched.seq != seq:
            self.carry_out(self.station.answer(seq, {}, self.now))

    @rule(number=st.integers(0, 20), seconds=st.integers(0, 60))
    def operator_commands(self, number: int, seconds: int) -> None:
        if self.closed:
            return
        command_id = f"c{number}"
        self.given.add(command_id)
        deadline_ms = self.now.wall_ms + seconds * 1000
        command = OutboundCommand(command_id, "ClearCache", {}, EPOCH, deadline_ms)
        self.carry_out(self.station.send_call(command, self.now))

    @rule(number=st.integers(0, 20), good=st.booleans())
    def station_answers(self, number: int, good: bool) -> None:
        answer: list[Any] = [3, f"c{number}", {"status": "Accepted"}]
        if not good:
            answer = [4, f"c{number}", "GenericError", "", {}]
        self.carry_out(self.station.receive(orjson.dumps(answer), self.now))

    @rule(seconds=st.sampled_from([1, 5, 31, 70]))
    def time_passes(self, seconds: int) -> None:
        quiet_until = self.station.quiet_until()
        self.now = Instant(self.now.monotonic + seconds, self.now.wall_ms + seconds * 1000)
        effects = self.station.tick(self.now)
        # Else it would not matter that the gateway leaves such ticks out.
        assert not effects or self.now.monotonic >= quiet_until
        self.carry_out(effects)

    @rule(epoch=st.integers(EPOCH - 1, EPOCH + 1))
    def registry_names_an_owner(self, epoch: int) -> None:
        if epoch <= EPOCH or self.now.monotonic > 100:
            self.carry_out(self.station.superseded(epoch, self.now))

    @invariant()
    def calls_are_answered_in_order_and_once(self) -> None:
        assert self.answered == self.asked[: len(self.answered)]

    @invariant()
    def no_command_is_written_twice(self) -> None:
        assert len(set(self.written)) == len(self.written)

    @invariant()
    def every_command_ends_once_and_only_an_unknown_end_is_replaced(self) -> None:
        for ends in self.ends.values():
            assert [end.late for end in ends] in ([False], [False, True])
            if len(ends) == 2:
                assert ends[0].outcome is CommandOutcome.OUTCOME_UNKNOWN

    def teardown(self) -> None:
        self.carry_out(self.station.socket_closed(self.now))
        self.every_command_ends_once_and_only_an_unknown_end_is_replaced()
        assert set(self.ends) == self.given


Conversation.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestConversation = Conversation.TestCase

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
json_text = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | text,
    lambda children: (
        st.lists(children, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["meterValue", "sampledValue", "value", "timestamp", "transactionData", "idTag",
                 "connectorId", "transactionId", "meterStop", "meterStart", "data", "vendorId",
                 "status", "errorCode", "reason", "chargePointVendor", "chargePointModel", "unit"]
            ),
            children,
            max_size=6,
        )
    ),
    max_leaves=15,
)  # fmt: skip


@given(st.binary() | st.text(), st.booleans())
def test_no_frame_raises(raw: bytes | str, strict: bool) -> None:
    now = Instant(0.0, 1_795_226_400_000)
    station = StationConnection(DIALECT, 1, "accepted", now, strict=strict)
    station.receive(raw, now)


VALID: dict[str, dict[str, Any]] = PAYLOADS | {
    "BootNotification": {"chargePointVendor": "V", "chargePointModel": "M", "imsi": "1"},
    "StatusNotification": {
        "connectorId": 1,
        "errorCode": "NoError",
        "status": "Available",
        "timestamp": "2026-11-21T02:00:00Z",
        "vendorErrorCode": "",
    },
    "StopTransaction": {
        "meterStop": 1,
        "timestamp": "2026-11-21T02:00:00Z",
        "transactionId": 5,
        "reason": "Local",
        "idTag": "1",
        "transactionData": [],
    },
    "StartTransaction": {
        "connectorId": 1,
        "idTag": "1",
        "meterStart": 0,
        "timestamp": "2026-11-21T02:00:00Z",
    },
    "DataTransfer": {"vendorId": "V", "messageId": "M", "data": ""},
}


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_every_call_with_spoilt_fields_is_dispatched_or_answered(data: st.DataObject) -> None:
    action = data.draw(st.sampled_from(sorted(VALID)))
    payload = dict(VALID[action])
    for name in payload:
        if data.draw(st.booleans()):
            payload[name] = data.draw(json_text)
    now = Instant(0.0, 1_795_226_400_000)
    station = StationConnection(DIALECT, 1, "accepted", now)
    effects = station.receive(orjson.dumps([2, "1", action, payload]), now)
    assert sum(isinstance(effect, Send | Dispatch) for effect in effects) == 1


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(["BootNotification", "MeterValues", "StartTransaction", "StopTransaction",
                     "StatusNotification", "DataTransfer", "Authorize", "Heartbeat"]),
    json_text,
)  # fmt: skip
def test_every_call_is_dispatched_or_answered_whatever_its_payload(
    action: str, payload: object
) -> None:
    now = Instant(0.0, 1_795_226_400_000)
    station = StationConnection(DIALECT, 1, "accepted", now)
    effects = station.receive(orjson.dumps([2, "1", action, payload]), now)
    assert sum(isinstance(effect, Send | Dispatch) for effect in effects) == 1
