"""Frames that are no OCPP 1.6: the exact error, the connection kept, the call before unharmed.

OCPP-J 1.6, 4.1.3, 4.2.3 and errata 3.3, 3.10, 5.1, 5.2.
"""

import orjson
import pytest
from gateway_fakes.pure_core import T0, accepted_station, sent

from csms_shared.contracts.commands import CommandOutcome
from csms_shared.ocpp.frames import MAX_DEPTH, MAX_FRAME_BYTES
from csms_shared.ocpp.schemas import MAX_PROBLEMS
from csms_simulator.sample_payloads import CENTRAL_SYSTEM_CALLS, STATION_CALLS
from ws_gateway.domain.commands import OutboundCommand
from ws_gateway.domain.connection import StationConnection
from ws_gateway.domain.effects import (
    CommandFinished,
    Dispatch,
    Effect,
    FrameUnusable,
    StrayAnswer,
)
from ws_gateway.ocpp.v16 import DIALECT

AUTHORIZE = b'[2,"before","Authorize",{"idTag":"04E5D2A9"}]'
NO_ANSWER = None


def strict_station() -> StationConnection:
    return StationConnection(DIALECT, 3, "accepted", T0, booted=True, strict=True)


def call(action: str, payload: object, message_id: str = "x") -> bytes:
    return orjson.dumps([2, message_id, action, payload])


def answer_to(station: StationConnection, raw: bytes) -> str | None:
    """Return the error code of the answer, None for none, and check that the station is served."""
    (dispatch,) = station.receive(AUTHORIZE, T0)
    assert isinstance(dispatch, Dispatch)
    held = station.receive(raw, T0)
    assert sent(held) == []
    response = {"idTagInfo": {"status": "Accepted"}}
    first, *rest = sent(station.answer(dispatch.call.seq, response, T0))
    assert first == [3, "before", response]
    assert sent(station.receive(b'[2,"after","Heartbeat",{}]', T0))[0][:2] == [3, "after"]
    assert station.call_in_progress is None
    if not rest:
        return NO_ANSWER
    ((kind, message_id, code, description, details),) = rest
    assert (kind, message_id, details) == (4, "x", {})
    assert 0 <= len(description) <= 255
    return str(code)


def nested(depth: int, opening: bytes = b"[", closing: bytes = b"]") -> bytes:
    return opening * depth + b"1" + closing * depth


IN_ANY_MODE: dict[str, tuple[bytes, str | None]] = {
    "nothing": (b"", NO_ANSWER),
    "no JSON": (b"hello", NO_ANSWER),
    "an object": (b'{"a":1}', NO_ANSWER),
    "an empty array": (b"[]", NO_ANSWER),
    "a type as text": (b'["2","x","Heartbeat",{}]', NO_ANSWER),
    "a type as a float": (b'[2.0,"x","Heartbeat",{}]', NO_ANSWER),
    "a type as true": (b'[true,"x","Heartbeat",{}]', NO_ANSWER),
    "a type below all": (b'[-1,"x","Heartbeat",{}]', NO_ANSWER),
    "a type of 2.1, a result's error": (b'[5,"x","GenericError","",{}]', NO_ANSWER),
    "a type of 2.1, unconfirmed": (b'[6,"x","NotifyPeriodicEventStream",{}]', NO_ANSWER),
    "an id that is a number": (b'[2,1,"Heartbeat",{}]', NO_ANSWER),
    "an id that is null": (b'[2,null,"Heartbeat",{}]', NO_ANSWER),
    "no id": (b"[2]", NO_ANSWER),
    "no action": (b'[2,"x"]', "FormationViolation"),
    "no payload": (b'[2,"x","Heartbeat"]', "FormationViolation"),
    "an action that is a number": (b'[2,"x",7,{}]', "FormationViolation"),
    "a payload that is an array": (call("Heartbeat", []), "FormationViolation"),
    "a payload that is text": (call("Heartbeat", "{}"), "FormationViolation"),
    "an element too many": (b'[2,"x","Heartbeat",{},{}]', "FormationViolation"),
    "an unknown action": (call("Frobnicate", {}), "NotImplemented"),
    "an empty action": (call("", {}), "NotImplemented"),
    "an action in lower case": (call("heartbeat", {}), "NotImplemented"),
    "an action of its answer": (call("HeartbeatResponse", {}), "NotImplemented"),
    "an action of OCPP 2.0.1": (call("TransactionEvent", {"seqNo": 0}), "NotImplemented"),
    "an action as a path": (call("../v201/schemas/Heartbeat", {}), "NotImplemented"),
    "custom data of OCPP 2.0.1": (
        call("Heartbeat", {"customData": {"vendorId": "V"}}),
        "FormationViolation",
    ),
    "a missing field": (call("Authorize", {}), "OccurenceConstraintViolation"),
    "a number for text": (call("Authorize", {"idTag": 4}), "TypeConstraintViolation"),
    "null for text": (call("Authorize", {"idTag": None}), "TypeConstraintViolation"),
    "text for a number": (
        call("StatusNotification", {**STATION_CALLS["StatusNotification"], "connectorId": "1"}),
        "TypeConstraintViolation",
    ),
    "a fraction for a whole number": (
        call("StopTransaction", {**STATION_CALLS["StopTransaction"], "meterStop": 1.5}),
        "TypeConstraintViolation",
    ),
    "a number of no 64 bits": (
        call("StartTransaction", {**STATION_CALLS["StartTransaction"], "meterStart": 1e30}),
        "TypeConstraintViolation",
    ),
    "too long a text": (call("Authorize", {"idTag": "A" * 21}), "PropertyConstraintViolation"),
    "a value of no list": (
        call("StatusNotification", {**STATION_CALLS["StatusNotification"], "status": "Gone"}),
        "PropertyConstraintViolation",
    ),
    "cut off": (b'[2,"x","Authorize",{"idTag":"04E5', "FormationViolation"),
    "a field without a value": (b'[2,"x","Authorize",{"idTag":}]', "FormationViolation"),
    "a comma too many": (b'[2,"x","Heartbeat",{},]', "FormationViolation"),
    "no number of JSON": (b'[2,"x","Authorize",{"idTag":NaN}]', "FormationViolation"),
    "single quotes": (b"[2,'x','Heartbeat',{}]", NO_ANSWER),
    "a control character in text": (b'[2,"x","Authorize",{"idTag":"\x01"}]', "FormationViolation"),
    "half of a surrogate pair": (
        b'[2,"x","Authorize",{"idTag":"\\ud800"}]',
        "FormationViolation",
    ),
    "UTF-16": ('[2,"x","Heartbeat",{}]'.encode("utf-16"), NO_ANSWER),
    "an answer to nothing": (b'[3,"x",{}]', NO_ANSWER),
    "a broken answer to nothing": (b'[3,"x",', NO_ANSWER),
    "a refusal of nothing": (b'[4,"x","GenericError","",{}]', NO_ANSWER),
}  # fmt: skip


# The frame, the answer to most stations, the answer to strict ones.
BY_MODE: dict[str, tuple[bytes, str, str]] = {
    "a boot of OCPP 2.0.1": (
        call(
            "BootNotification",
            {"reason": "PowerUp", "chargingStation": {"vendorName": "V", "model": "M"}},
        ),
        "OccurenceConstraintViolation",
        "FormationViolation",
    ),
    "a wrong type beside an unknown field": (
        call("Authorize", {"idTag": 4, "more": 1}),
        "TypeConstraintViolation",
        "FormationViolation",
    ),
    "a missing field beside an unknown one": (
        call("Authorize", {"more": 1}),
        "OccurenceConstraintViolation",
        "FormationViolation",
    ),
}


@pytest.mark.parametrize("name", BY_MODE)
def test_an_unknown_field_is_no_cause_beside_another_fault_but_for_strict_stations(
    name: str,
) -> None:
    raw, tolerant, strict = BY_MODE[name]
    assert answer_to(accepted_station(), raw) == tolerant
    assert answer_to(strict_station(), raw) == strict


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("name", IN_ANY_MODE)
def test_bad_input_gets_its_exact_error_and_harms_nothing_else(name: str, strict: bool) -> None:
    raw, code = IN_ANY_MODE[name]
    station = strict_station() if strict else accepted_station()
    assert answer_to(station, raw) == code


@pytest.mark.parametrize("action", sorted(set(CENTRAL_SYSTEM_CALLS) - {"DataTransfer"}))
def test_a_call_in_the_wrong_direction_is_not_supported(action: str) -> None:
    raw = call(action, CENTRAL_SYSTEM_CALLS[action])
    assert answer_to(accepted_station(), raw) == "NotSupported"


@pytest.mark.parametrize("action", STATION_CALLS)
def test_a_call_cut_off_anywhere_is_refused_as_soon_as_its_id_is_known(action: str) -> None:
    raw = call(action, STATION_CALLS[action])
    id_known = raw.index(b'"x"') + len(b'"x"')
    for end in range(len(raw)):
        effects = accepted_station().receive(raw[:end], T0)
        assert not any(isinstance(effect, Dispatch) for effect in effects), raw[:end]
        codes = [frame[:3] for frame in sent(effects)]
        if end < id_known:
            assert codes == []
        else:
            assert codes == [[4, "x", "FormationViolation"]], raw[:end]
        assert any(isinstance(effect, FrameUnusable) for effect in effects)


@pytest.mark.parametrize(
    "depth", [MAX_DEPTH - 2, MAX_DEPTH - 1, 200, 254, 255, 1023, 1024, 200_000]
)
@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_what_is_nested_too_deeply_is_refused_before_it_takes_the_stack(
    depth: int, opening: bytes, closing: bytes
) -> None:
    data = nested(depth, opening, closing)
    raw = b'[2,"x","DataTransfer",{"vendorId":"V","data":' + data + b"}]"
    if len(raw) > MAX_FRAME_BYTES:
        raw = raw[:MAX_FRAME_BYTES]
    (first, *_) = accepted_station().receive(raw, T0)
    if depth + 2 <= MAX_DEPTH:
        assert not isinstance(first, FrameUnusable)
    else:
        assert answer_to(accepted_station(), raw) == "FormationViolation"
        assert answer_to(strict_station(), raw) == "FormationViolation"


def test_a_frame_of_more_than_a_mebibyte_is_refused() -> None:
    def data_of(size: int) -> bytes:
        frame = call("DataTransfer", {"vendorId": "V", "data": ""})
        return call("DataTransfer", {"vendorId": "V", "data": "d" * (size - len(frame))})

    largest = data_of(MAX_FRAME_BYTES)
    assert len(largest) == MAX_FRAME_BYTES
    (dispatch,) = accepted_station().receive(largest, T0)
    assert isinstance(dispatch, Dispatch)
    assert answer_to(accepted_station(), data_of(MAX_FRAME_BYTES + 1)) == "FormationViolation"


@pytest.mark.parametrize("junk", [b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf8\x88\x80\x80\x80"])
def test_text_that_is_not_utf8_is_mended_for_most_and_refused_to_strict_stations(
    junk: bytes,
) -> None:
    raw = b'[2,"x","DataTransfer",{"vendorId":"V","data":"' + junk + b'"}]'
    assert answer_to(strict_station(), raw) == "FormationViolation"
    dispatch = accepted_station().receive(raw, T0)[-1]
    assert isinstance(dispatch, Dispatch)
    assert set(dispatch.call.payload["data"]) == {"\ufffd"}


@pytest.mark.parametrize(
    "raw",
    [
        rb'[2,"x","Authorize",{"idTag":"A\u0000"}]',
        rb'[2,"x","Heart\u0000beat",{}]',
        rb'[2,"x","DataTransfer",{"vendorId":"V","data":"\u0000"}]',
    ],
)
def test_text_that_holds_nul_is_mended_for_most_and_refused_to_strict_stations(raw: bytes) -> None:
    assert answer_to(strict_station(), raw) == "FormationViolation"
    effects = accepted_station().receive(raw, T0)
    assert not any(isinstance(effect, FrameUnusable) for effect in effects)


def test_an_escaped_backslash_before_u0000_is_no_nul() -> None:
    raw = rb'[2,"x","DataTransfer",{"vendorId":"V","data":"\\u0000"}]'
    dispatch = strict_station().receive(raw, T0)[-1]
    assert isinstance(dispatch, Dispatch)
    assert dispatch.call.payload["data"] == r"\u0000"


def finished(effects: list[Effect]) -> CommandFinished:
    (effect,) = [effect for effect in effects if isinstance(effect, CommandFinished)]
    return effect


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b'[3,"c"', id="cut off"),
        pytest.param(b'[3,"c",{"status":"Accepted"', id="cut off later"),
        pytest.param(b'[3,"c"]', id="no payload"),
        pytest.param(b'[3,"c","Accepted"]', id="a payload that is text"),
        pytest.param(b'[3,"c",{},{}]', id="an element too many"),
        pytest.param(b'[4,"c"]', id="a refusal without a code"),
        pytest.param(b'[4,"c",7,"",{}]', id="a code that is a number"),
        pytest.param(b'[3,"c",{"status":' + nested(100) + b"}]", id="nested"),
        pytest.param(b'[3,"c",{"status":' + nested(100_000) + b"}]", id="nested beyond reading"),
        pytest.param(b'[3,"c",{"status":"' + b"x" * MAX_FRAME_BYTES + b'"}]', id="too long"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("strict", [False, True])
def test_a_command_answered_in_bad_form_ends_as_an_error_at_once(raw: bytes, strict: bool) -> None:
    station = strict_station() if strict else accepted_station()
    command = OutboundCommand("c", "ClearCache", {}, 3, T0.wall_ms + 60_000)
    station.send_call(command, T0)
    end = finished(station.receive(raw, T0))
    assert (end.outcome, end.error_code) == (CommandOutcome.ERROR, "FormationViolation")
    next_one = OutboundCommand("d", "ClearCache", {}, 3, T0.wall_ms + 60_000)
    assert sent(station.send_call(next_one, T0)) == [[2, "d", "ClearCache", {}]]


@pytest.mark.parametrize("raw", [b'[3,"other",{}]', b'[4,"other","GenericError","",{}]'])
def test_an_answer_under_another_id_is_no_answer_to_our_call(raw: bytes) -> None:
    station = accepted_station()
    station.send_call(OutboundCommand("c", "ClearCache", {}, 3, T0.wall_ms + 60_000), T0)
    assert station.receive(raw, T0) == [StrayAnswer("other")]
    assert station.is_busy


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("sample", [1, {"value": "1", "unit": "x"}])
def test_who_deviates_thousands_of_times_in_one_frame_is_told_of_one(
    sample: object, strict: bool
) -> None:
    station = strict_station() if strict else accepted_station()
    samples = [sample] * (MAX_PROBLEMS + 1)
    payload = {
        "connectorId": 1,
        "meterValue": [{"timestamp": "2026-11-21T02:00:00Z", "sampledValue": samples}],
    }
    expected = "FormationViolation"
    if strict:
        expected = "TypeConstraintViolation" if sample == 1 else "PropertyConstraintViolation"
    assert answer_to(station, call("MeterValues", payload)) == expected
