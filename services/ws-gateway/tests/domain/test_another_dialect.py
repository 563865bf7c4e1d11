"""A connection that speaks another version than 1.6: the core knows only what a dialect says.

The dialect is a minimal one of OCPP 2.0.1, with that version's own schemas; no station is offered
it.
"""

import importlib.util
from functools import cache, partial
from pathlib import Path
from typing import Any

import jsonschema_rs
import orjson
from gateway_fakes.pure_core import T0, later, sent

from csms_shared.ocpp.action_row import CallKind
from csms_shared.ocpp.errors import RpcError
from csms_shared.ocpp.schemas import SchemaProblem
from csms_shared.ocpp.versions import OCPP201
from ws_gateway.domain.commands import OutboundCommand
from ws_gateway.domain.connection import StationConnection
from ws_gateway.domain.dialect import (
    CommandRules,
    Dialect,
    MaskingRules,
    RegistrationRules,
    StationCallRules,
    TransactionSigns,
)
from ws_gateway.domain.effects import CommandFinished, Dispatch, Effect, InboundCall
from ws_gateway.domain.tolerance import ToleranceRules, check_tolerantly
from ws_gateway.websocket.data_request import DataRequest

BOOT = {
    "reason": "PowerUp",
    "chargingStation": {"model": "M", "vendorName": "V", "firmwareVersion": "1.0"},
}
ACCEPTED = {"currentTime": "2026-11-20T08:00:00Z", "interval": 300, "status": "Accepted"}
EVENT = {
    "eventType": "Started",
    "timestamp": "2026-11-20T08:00:00Z",
    "triggerReason": "CablePluggedIn",
    "seqNo": 0,
    "transactionInfo": {"transactionId": "a text"},
    "meterValue": [
        {"timestamp": "2026-11-20T08:00:00Z", "sampledValue": [{"value": 1042.5}, {"value": 16}]}
    ],
}


@cache
def _schema(name: str) -> jsonschema_rs.Validator:
    spec = importlib.util.find_spec("ocpp")
    assert spec is not None
    assert spec.origin is not None
    file = Path(spec.origin).parent / "v201" / "schemas" / f"{name}.json"
    return jsonschema_rs.validator_for(orjson.loads(file.read_bytes()))


def _problems(kind: str, action: str, payload: dict[str, Any]) -> list[SchemaProblem]:
    error = RpcError.FORMAT_VIOLATION
    return [
        SchemaProblem(error.value, found.message, tuple(found.instance_path), "any", error)
        for found in _schema(action + kind).iter_errors(payload)
    ]


def _problem(kind: str, action: str, payload: dict[str, Any]) -> SchemaProblem | None:
    return next(iter(_problems(kind, action, payload)), None)


def _nothing(*_: object) -> None:
    return None


TOLERANCE = ToleranceRules(
    is_valid=lambda action, payload: not _problems("Request", action, payload),
    problems=partial(_problems, "Request"),
    reshape=_nothing,
    drop_empty=_nothing,
    notes={},
    irreplaceable=frozenset({"TransactionEvent"}),
    informative={"BootNotification": frozenset({"model", "vendorName"})},
    times=frozenset({"timestamp"}),
    kept_enums=frozenset(),
    kept_enums_under=frozenset(),
    may_be_empty=frozenset(),
    long_texts={},
)
DIALECT = Dialect(
    version=OCPP201,
    error_code=lambda error: error.value,
    calls=StationCallRules(
        kinds={
            "BootNotification": lambda _: CallKind.DECISION,
            # By its content: an end needs no decision.
            "TransactionEvent": lambda payload: (
                CallKind.REPORT if payload["eventType"] == "Ended" else CallKind.DECISION
            ),
            "Heartbeat": lambda _: CallKind.HEARTBEAT,
        },
        refusal=lambda _: RpcError.NOT_SUPPORTED,
        service=lambda _: "session-service",
        check_exactly=partial(_problem, "Request"),
        check_tolerantly=partial(check_tolerantly, TOLERANCE),
        response_problem=partial(_problem, "Response"),
        heartbeat_response=lambda _: {"currentTime": "2026-11-20T08:00:00Z"},
    ),
    commands=CommandRules(
        request_problem=partial(_problem, "Request"),
        response_problem=partial(_problem, "Response"),
        is_accepted=lambda response: response["status"] == "Accepted",
        triggers=frozenset({"TriggerMessage"}),
        triggered_calls=lambda _, payload: frozenset({payload["requestedMessage"]}),
        trigger=lambda action: ("TriggerMessage", {"requestedMessage": action}),
        withheld_while_pending=frozenset({"RequestStartTransaction"}),
    ),
    registration=RegistrationRules(
        boot="BootNotification",
        status=lambda response: str(response["status"]).lower(),
        status_report="StatusNotification",
        forgiven_before_boot=frozenset(),
    ),
    transactions=TransactionSigns(
        actions=frozenset({"TransactionEvent"}),
        of_call=lambda _, payload: payload["eventType"] != "Ended",
    ),
    masking=MaskingRules(without_secrets=frozenset(), repeated_in_refusals=frozenset()),
)


def _called(station: StationConnection, action: str, payload: dict[str, Any]) -> list[Effect]:
    return station.receive(orjson.dumps([2, "1", action, payload]), T0)


def _call(effects: list[Effect]) -> InboundCall:
    (effect,) = effects
    assert isinstance(effect, Dispatch), effects
    return effect.call


def test_a_valid_boot_of_the_version_goes_on_as_it_came_and_registers_the_station() -> None:
    for strict in (False, True):
        station = StationConnection(DIALECT, 1, "pending", T0, strict=strict)
        call = _call(_called(station, "BootNotification", BOOT))
        assert (call.kind, call.payload) == (CallKind.DECISION, BOOT)
        assert sent(station.answer(call.seq, ACCEPTED, T0)) == [[3, "1", ACCEPTED]]
        assert station.registration_status == "accepted"


def test_numbers_of_the_version_stay_numbers() -> None:
    station = StationConnection(DIALECT, 1, "accepted", T0, booted=True)
    assert _call(_called(station, "TransactionEvent", EVENT)).payload == EVENT


def test_when_a_call_is_answered_depends_on_its_payload() -> None:
    station = StationConnection(DIALECT, 1, "accepted", T0, booted=True)
    ended = _called(station, "TransactionEvent", {**EVENT, "eventType": "Ended"})
    assert _call(ended).kind is CallKind.REPORT


def test_errors_are_spelled_as_the_version_has_them() -> None:
    station = StationConnection(DIALECT, 1, "accepted", T0, booted=True)
    broken = _called(station, "BootNotification", {"chargePointVendor": "V"})
    assert [frame[:3] for frame in sent(broken)] == [[4, "1", "FormatViolation"]]
    unknown = _called(station, "StartTransaction", {})
    assert [frame[:3] for frame in sent(unknown)] == [[4, "1", "NotSupported"]]


def test_what_a_pending_station_is_not_sent_is_the_versions_own() -> None:
    station = StationConnection(DIALECT, 1, "pending", T0)
    start = {"remoteStartId": 1, "idToken": {"idToken": "T", "type": "ISO14443"}}
    deadline_ms = T0.wall_ms + 9_000
    effects = station.send_call(
        OutboundCommand("c-1", "RequestStartTransaction", start, 1, deadline_ms), T0
    )
    (finished,) = effects
    assert isinstance(finished, CommandFinished)
    assert finished.error_code == "STATION_PENDING"


def test_a_station_that_was_triggered_may_send_what_it_was_asked_for() -> None:
    station = StationConnection(DIALECT, 1, "pending", T0)
    request = DataRequest(DIALECT, T0, booted=False)
    assert request.is_due(later(10))
    command = request.command(1, T0)
    ((kind, _, action, payload),) = sent(station.send_call(command, T0))
    assert (kind, action, payload) == (
        2,
        "TriggerMessage",
        {"requestedMessage": "BootNotification"},
    )
    assert _call(_called(station, "BootNotification", BOOT)).payload == BOOT
