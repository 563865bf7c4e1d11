"""OCPP 1.6 and its security extension, as the gateway speaks it."""

from functools import partial
from typing import Any

from csms_shared.ocpp import v16
from csms_shared.ocpp.actions import actions, commands, refusal_of_station_call, station_calls
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

_CALLS = station_calls(OCPP16)
# What ExtendedTriggerMessage calls by another name than its call has (whitepaper, 6.16). A station
# whose firmware update was not signed has only the plain report to send.
_TRIGGERED_OTHERWISE = {
    "SignChargePointCertificate": frozenset({v16.SIGN_CERTIFICATE}),
    v16.FIRMWARE_STATUS_NOTIFICATION: frozenset(
        {v16.SIGNED_FIRMWARE_STATUS_NOTIFICATION, v16.FIRMWARE_STATUS_NOTIFICATION}
    ),
}


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


def _triggered_calls(action: str, payload: dict[str, Any]) -> frozenset[str]:
    requested = str(payload.get("requestedMessage"))
    if action == v16.EXTENDED_TRIGGER_MESSAGE and requested in _TRIGGERED_OTHERWISE:
        return _TRIGGERED_OTHERWISE[requested]
    return frozenset({requested})


def _trigger(action: str) -> tuple[str, dict[str, Any]]:
    return v16.TRIGGER_MESSAGE, {"requestedMessage": action}


def _registration_status(response: dict[str, Any]) -> str:
    return str(response["status"]).lower()


def _sign_of_transaction(action: str, payload: dict[str, Any]) -> bool | None:
    if action == v16.STOP_TRANSACTION:
        return False
    return True if action == v16.START_TRANSACTION or payload.get("transactionId") else None


DIALECT = Dialect(
    version=OCPP16,
    error_code=partial(error_code, OCPP16),
    calls=StationCallRules(
        kinds={name: call.kind_of for name, call in _CALLS.items()},
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
        triggers=frozenset(name for name, command in commands(OCPP16).items() if command.triggers),
        triggered_calls=_triggered_calls,
        trigger=_trigger,
        withheld_while_pending=frozenset(
            name for name, command in commands(OCPP16).items() if not command.while_pending
        ),
    ),
    registration=RegistrationRules(
        boot=v16.BOOT_NOTIFICATION,
        status=_registration_status,
        status_report=v16.STATUS_NOTIFICATION,
        forgiven_before_boot=frozenset(name for name, call in _CALLS.items() if call.before_boot),
    ),
    transactions=TransactionSigns(
        actions=frozenset(name for name, call in _CALLS.items() if call.of_session),
        of_call=_sign_of_transaction,
    ),
    masking=MaskingRules(
        # Nearly everything that stations say.
        without_secrets=frozenset(
            name for name, row in actions(OCPP16).items() if row.without_secrets
        ),
        repeated_in_refusals=frozenset(
            name for name, row in actions(OCPP16).items() if row.secrets
        ),
    ),
)
