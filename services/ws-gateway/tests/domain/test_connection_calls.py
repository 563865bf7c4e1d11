from typing import Any

import pytest
from gateway_fakes.pure_core import T0, later, sent

from ws_gateway.domain.connection import StationConnection
from ws_gateway.domain.effects import (
    CallRefused,
    Close,
    Dispatch,
    Effect,
    HeartbeatAnswered,
    OwnAnswerInvalid,
    ReplyIgnored,
)
from ws_gateway.domain.limits import Limits
from ws_gateway.ocpp.v16 import DIALECT

AUTHORIZE = '[2,"a","Authorize",{"idTag":"1"}]'
BOOT = '[2,"b","BootNotification",{"chargePointVendor":"V","chargePointModel":"M"}]'
STATUS = '[2,"s","StatusNotification",{"connectorId":0,"errorCode":"NoError","status":"Available"}]'
ACCEPTED = {"idTagInfo": {"status": "Accepted"}}


def connection(status: str = "accepted", **options: Any) -> StationConnection:
    return StationConnection(DIALECT, 1, status, T0, **options)


def boot_answer(status: str) -> dict[str, Any]:
    return {"status": status, "currentTime": "2026-11-21T02:00:00.000Z", "interval": 60}


def refusals(effects: list[Effect]) -> list[str]:
    return [effect.code for effect in effects if isinstance(effect, CallRefused)]


def is_dispatched(effects: list[Effect]) -> bool:
    return any(isinstance(effect, Dispatch) for effect in effects)


def test_a_call_carries_its_stamp() -> None:
    (effect,) = connection().receive(AUTHORIZE, T0)
    assert isinstance(effect, Dispatch)
    call = effect.call
    assert (call.seq, call.message_id, call.action) == (1, "a", "Authorize")
    assert (call.received_ms, call.deadline_ms) == (T0.wall_ms, T0.wall_ms + 10_000)


def test_a_heartbeat_is_answered_at_once_and_reported() -> None:
    effects = connection().receive('[2,"h","Heartbeat",{}]', T0)
    assert sent(effects) == [[3, "h", {"currentTime": "2026-11-21T02:00:00.000Z"}]]
    assert effects[-1] == HeartbeatAnswered("Heartbeat")


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ('[2,"1","Frobnicate",{}]', "NotImplemented"),
        ('[2,"1","Reset",{"type":"Soft"}]', "NotSupported"),
        ('[2,"1","Authorize",{}]', "OccurenceConstraintViolation"),
        ('[2,"1","Authorize",{"idTag":1}]', "TypeConstraintViolation"),
        ('[2,"1","Authorize",{"idTag":"123456789012345678901"}]', "PropertyConstraintViolation"),
        ('[2,"1","Heartbeat",{"a":1}]', "FormationViolation"),
        ('[2,"1","Authorize",["1"]]', "FormationViolation"),
        ('[2,"1","Authorize"]', "FormationViolation"),
        ('[2,"1","BootNotification",{"chargePointModel":"M"}]', "OccurenceConstraintViolation"),
        ('[2,"1","MeterValues",{"connectorId":1,"meterValue":"x"}]', "TypeConstraintViolation"),
        ('[2,"1","MeterValues",{"connectorId":1,"meterValue":["x"]}]', "TypeConstraintViolation"),
        ('[2,"1","StatusNotification",{"connectorId":1,"errorCode":"NoError","status":"Gone"}]',
         "PropertyConstraintViolation"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("strict", [False, True])
def test_a_wrong_call_gets_its_exact_error_code_and_the_socket_stays(
    frame: str, code: str, strict: bool
) -> None:
    station = connection(strict=strict)
    effects = station.receive(frame, T0)
    assert [answer[:3] for answer in sent(effects)] == [[4, "1", code]]
    assert refusals(effects) == [code]
    assert is_dispatched(station.receive(AUTHORIZE, T0))


@pytest.mark.parametrize(
    "frame",
    [
        '[2,"1","StatusNotification",{"connectorId":1,"errorCode":"Error","status":"Faulted"}]',
        '[2,"1","StartTransaction",{"connectorId":1,"idTag":"1","meterStart":0,"timestamp":"2026-11-21T02:00:00"}]',
        '[2,"1","BootNotification",{"chargePointVendor":"VVVVVVVVVVVVVVVVVVVVV","chargePointModel":"M"}]',
        '[2,"1234567890123456789012345678901234567","Heartbeat",{}]',
        '[2,"1","Heartbeat",{}]]',
    ],
)
def test_strict_mode_forgives_nothing(frame: str) -> None:
    effects = connection(strict=True).receive(frame, T0)
    assert sent(effects)[0][0] == 4


def test_before_acceptance_everything_but_the_boot_is_refused_whatever_it_holds() -> None:
    station = connection("pending", booted=True)
    for frame in (AUTHORIZE, STATUS, '[2,"h","Heartbeat",{}]', '[2,"x","Nonsense",{"a":1}]'):
        assert refusals(station.receive(frame, T0)) == ["SecurityError"]
    assert is_dispatched(station.receive(BOOT, T0))


def test_strict_mode_refuses_every_call_before_the_first_boot() -> None:
    station = connection("pending", strict=True)
    assert refusals(station.receive(STATUS, T0)) == ["SecurityError"]
    assert is_dispatched(station.receive(BOOT, T0))


def test_a_station_that_never_booted_gets_no_authorization() -> None:
    assert refusals(connection("pending").receive(AUTHORIZE, T0)) == ["SecurityError"]


def test_an_accepted_boot_opens_the_way_for_the_call_behind_it() -> None:
    station = connection("pending", booted=True)
    station.receive(BOOT, T0)
    station.receive(AUTHORIZE, T0)
    effects = station.answer(1, boot_answer("Accepted"), T0)
    assert isinstance(effects[-1], Dispatch)
    assert station.registration_status == "accepted"


def test_a_pending_boot_ends_the_leniency_before_the_boot() -> None:
    station = connection("pending")
    assert is_dispatched(station.receive(STATUS, T0))
    station.answer(1, {}, T0)
    station.receive(BOOT, T0)
    station.answer(2, boot_answer("Pending"), T0)
    assert refusals(station.receive(STATUS, T0)) == ["SecurityError"]


def test_a_registration_pushed_by_the_registry_counts_at_once() -> None:
    station = connection("pending", booted=True)
    station.set_registration("accepted", booted=True, strict=False)
    assert is_dispatched(station.receive(AUTHORIZE, T0))


def test_a_service_may_refuse_a_call() -> None:
    station = connection()
    station.receive(AUTHORIZE, T0)
    effects = station.answer_error(1, "InternalError", "parked", T0)
    assert sent(effects) == [[4, "a", "InternalError", "parked", {}]]


def test_an_invalid_answer_of_ours_never_reaches_the_station() -> None:
    station = connection()
    station.receive(AUTHORIZE, T0)
    effects = station.answer(1, {"idTagInfo": {"status": "Perhaps"}}, T0)
    assert [answer[2] for answer in sent(effects)] == ["InternalError"]
    assert any(isinstance(effect, OwnAnswerInvalid) for effect in effects)


def test_a_second_answer_is_ignored() -> None:
    station = connection()
    station.receive(AUTHORIZE, T0)
    station.answer(1, ACCEPTED, T0)
    assert station.answer(1, ACCEPTED, T0) == [ReplyIgnored(1)]


def test_a_call_that_is_overdue_closes_the_socket() -> None:
    station = connection()
    station.receive(AUTHORIZE, T0)
    assert station.tick(later(9.9)) == []
    assert station.tick(later(10)) == [Close(1012, "call overdue")]
    assert station.answer(1, ACCEPTED, later(11)) == []
    assert station.call_in_progress is None


def test_too_many_calls_in_flight_close_the_socket() -> None:
    station = connection(limits=Limits(queued_calls=2))
    for _ in range(3):
        assert not any(isinstance(e, Close) for e in station.receive(AUTHORIZE, T0))
    assert station.receive(AUTHORIZE, T0) == [Close(1008, "too many calls in flight")]


def test_too_many_bytes_in_flight_close_the_socket() -> None:
    station = connection(limits=Limits(queued_bytes=50))
    station.receive(AUTHORIZE, T0)
    assert station.receive(AUTHORIZE, T0) == []
    assert station.receive(AUTHORIZE, T0) == [Close(1008, "too many calls in flight")]


def test_of_an_exempt_stations_calls_only_the_bytes_are_bounded() -> None:
    station = connection(exempt=True, limits=Limits(queued_calls=1, queued_bytes=200))
    for _ in range(4):
        assert not any(isinstance(e, Close) for e in station.receive(AUTHORIZE, T0))
    effects = [effect for _ in range(9) for effect in station.receive(AUTHORIZE, T0)]
    assert effects == [Close(1008, "too many calls in flight")]


def test_answers_still_pass_while_calls_wait() -> None:
    station = connection()
    station.receive(AUTHORIZE, T0)
    station.receive(AUTHORIZE, T0)
    assert sent(station.receive('[3,"unknown",{}]', T0)) == []


def test_the_refusal_of_a_broken_call_waits_for_the_call_before_it() -> None:
    station = connection()
    station.receive(AUTHORIZE, T0)
    assert station.receive('[2,"broken","Authorize",{', T0) == []
    answers = sent(station.answer(1, ACCEPTED, T0))
    assert [answer[:2] for answer in answers] == [[3, "a"], [4, "broken"]]
