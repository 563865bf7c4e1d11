"""OCPP 1.6 and its security extension, as the gateway speaks it."""

from collections.abc import Callable
from functools import partial
from typing import Any

from csms_shared.ocpp.actions import ActionKind, refusal_of_station_call, station_actions
from csms_shared.ocpp.errors import RpcError, error_code
from csms_shared.ocpp.schemas import validate_request, validate_response
from csms_shared.ocpp.versions import OCPP16
from csms_shared.values.times import format_time_ms
from ws_gateway.domain.dialect import (
    CommandRules,
    Dialect,
    MaskingRules,
    RegistrationRules,
    StationCallRules,
    TransactionSigns,
)
from ws_gateway.domain.tolerance import check_tolerantly
from ws_gateway.ocpp.v16_tolerance import RULES

_CALLS = {action.name: action for action in station_actions(OCPP16)}


def _always(kind: ActionKind) -> Callable[[dict[str, Any]], ActionKind]:
    return lambda _: kind


def _service(action: str) -> str:
    return _CALLS[action].service


def _refusal(action: str) -> RpcError:
    refusal = refusal_of_station_call(OCPP16, action)
    assert refusal is not None, "it is offered"
    return refusal


def _heartbeat_response(wall_ms: int) -> dict[str, Any]:
    return {"currentTime": format_time_ms(wall_ms)}


def _is_accepted(response: dict[str, Any]) -> bool:
    return response.get("status") == "Accepted"


def _triggered_call(payload: dict[str, Any]) -> str:
    return str(payload.get("requestedMessage"))


def _trigger(action: str) -> tuple[str, dict[str, Any]]:
    return "TriggerMessage", {"requestedMessage": action}


def _registration_status(response: dict[str, Any]) -> str:
    return str(response["status"]).lower()


def _sign_of_transaction(action: str, payload: dict[str, Any]) -> bool | None:
    if action == "StopTransaction":
        return False
    return True if action == "StartTransaction" or payload.get("transactionId") else None


DIALECT = Dialect(
    version=OCPP16,
    error_code=partial(error_code, OCPP16),
    calls=StationCallRules(
        kinds={name: _always(call.kind) for name, call in _CALLS.items() if call.offered},
        refusal=_refusal,
        service=_service,
        check_exactly=partial(validate_request, OCPP16),
        check_tolerantly=partial(check_tolerantly, RULES),
        response_problem=partial(validate_response, OCPP16),
        heartbeat_response=_heartbeat_response,
    ),
    commands=CommandRules(
        request_problem=partial(validate_request, OCPP16),
        response_problem=partial(validate_response, OCPP16),
        is_accepted=_is_accepted,
        triggers=frozenset({"TriggerMessage", "ExtendedTriggerMessage"}),
        triggered_call=_triggered_call,
        trigger=_trigger,
        # 1.6, 4.2; OCPP-J errata 3.10.
        withheld_while_pending=frozenset({"RemoteStartTransaction", "RemoteStopTransaction"}),
    ),
    registration=RegistrationRules(
        boot="BootNotification",
        status=_registration_status,
        status_report="StatusNotification",
        forgiven_before_boot=frozenset({"Heartbeat", "StatusNotification", "DataTransfer"}),
    ),
    transactions=TransactionSigns(
        actions=frozenset({"MeterValues", "StartTransaction", "StopTransaction"}),
        of_call=_sign_of_transaction,
    ),
    masking=MaskingRules(
        # Nearly everything that stations say.
        without_secrets=frozenset(
            {"Heartbeat", "MeterValues", "StartTransaction", "StopTransaction", "Authorize"}
        ),
        repeated_in_refusals=frozenset({"ChangeConfiguration"}),
    ),
)
