"""Stations' payloads made fit for the services: known deviations are mended or let pass.

Only what is valid or mended or listed here as harmless passes. Text that is stored as sent
(measurands, units, error codes, id tokens, stop reasons, times) is let pass unchanged, everything
else is brought to the specification's form.
"""

from dataclasses import dataclass
from typing import Any

import orjson

from csms_shared.ocpp.schemas import SchemaProblem, request_problems, validate_request
from csms_shared.ocpp.times import parse_time
from ws_gateway.domain.deviations import Deviation
from ws_gateway.domain.meter_values import mend_meter_values

_LONGEST_ID_TAG = 255
_REQUIRED_OF_BOOT = ("chargePointVendor", "chargePointModel")
_ENUMS_KEPT_AS_SENT = (("StatusNotification", "errorCode"), ("StopTransaction", "reason"))


@dataclass(slots=True)
class Checked:
    """The payload to go on with, what was forgiven, and the problem where not everything was."""

    payload: dict[str, Any]
    tolerated: tuple[str, ...] = ()
    problem: SchemaProblem | None = None


def check_exactly(version: str, action: str, payload: dict[str, Any]) -> Checked:
    """Check a CALL's payload by its schema alone, as strict mode does."""
    return Checked(payload, problem=validate_request(version, action, payload))


def check_tolerantly(version: str, action: str, payload: dict[str, Any]) -> Checked:
    """Check a CALL's payload, and mend it in place where the deviation is a known one."""
    tolerated: dict[str, None] = {}
    if validate_request(version, action, payload) is not None:
        _reshape(action, payload, tolerated)
        for problem in request_problems(version, action, payload):
            if not _forgive(version, action, payload, problem, tolerated):
                return Checked(payload, problem=problem)
    _note_what_schemas_allow(action, payload, tolerated)
    return Checked(payload, tuple(tolerated))


def _reshape(action: str, payload: dict[str, Any], tolerated: dict[str, None]) -> None:
    match action:
        case "MeterValues":
            mend_meter_values(payload, "meterValue", tolerated)
        case "StopTransaction":
            mend_meter_values(payload, "transactionData", tolerated)
        case "DataTransfer":
            data = payload.get("data")
            if data is not None and not isinstance(data, str):
                payload["data"] = orjson.dumps(data).decode()
                tolerated[Deviation.DATA_NOT_TEXT] = None


def _forgive(
    version: str,
    action: str,
    payload: dict[str, Any],
    problem: SchemaProblem,
    tolerated: dict[str, None],
) -> bool:
    match problem.keyword:
        case "type":
            return _forgive_type(version, action, payload, problem, tolerated)
        case "enum":
            return _forgive_enum(action, payload, problem, tolerated)
        case "format":
            return _forgive_time(payload, problem, tolerated)
        case "maxLength":
            return _forgive_length(action, payload, problem, tolerated)
        case "minItems":
            # Nothing was left of the samples, which has been counted.
            return action == "MeterValues" and problem.path == ("meterValue",)
    return False


def _forgive_type(
    version: str,
    action: str,
    payload: dict[str, Any],
    problem: SchemaProblem,
    tolerated: dict[str, None],
) -> bool:
    holder, key = _holder(payload, problem.path)
    value = holder[key]
    if value is None and isinstance(holder, dict):
        del holder[key]
        if any(
            left.keyword == "required" and left.path == problem.path
            for left in request_problems(version, action, payload)
        ):
            return False
        tolerated[Deviation.NULL_FIELD] = None
        return True
    if (
        action == "BootNotification"
        and key not in _REQUIRED_OF_BOOT
        and type(value) in (int, float)
    ):
        holder[key] = orjson.dumps(value).decode()
        tolerated[Deviation.NUMBER_FOR_TEXT] = None
        return True
    return False


def _forgive_enum(
    action: str, payload: dict[str, Any], problem: SchemaProblem, tolerated: dict[str, None]
) -> bool:
    holder, key = _holder(payload, problem.path)
    if isinstance(holder, dict) and key not in holder:
        # It was null, which was forgiven as a type already.
        return True
    value = holder[key]
    if not isinstance(value, str) or not isinstance(problem.limit, tuple):
        return False
    spelled = next((option for option in problem.limit if option.lower() == value.lower()), None)
    if spelled is not None:
        holder[key] = spelled
        tolerated[Deviation.ENUM_CASE] = None
        return True
    if "sampledValue" not in problem.path and (action, key) not in _ENUMS_KEPT_AS_SENT:
        return False
    tolerated[Deviation.UNKNOWN_ENUM] = None
    return True


def _forgive_time(
    payload: dict[str, Any], problem: SchemaProblem, tolerated: dict[str, None]
) -> bool:
    holder, key = _holder(payload, problem.path)
    if key != "timestamp":
        return False
    # As sent: the services read it leniently, or fall back to the time of receipt and flag it.
    readable = parse_time(holder[key]) is not None
    tolerated[Deviation.TIME_FORMAT if readable else Deviation.UNREADABLE_TIME] = None
    return True


def _forgive_length(
    action: str, payload: dict[str, Any], problem: SchemaProblem, tolerated: dict[str, None]
) -> bool:
    holder, key = _holder(payload, problem.path)
    if action == "BootNotification" and isinstance(problem.limit, int):
        holder[key] = holder[key][: problem.limit]
        tolerated[Deviation.TRUNCATED_TEXT] = None
        return True
    if (
        action in ("StartTransaction", "StopTransaction")
        and key == "idTag"
        and len(holder[key]) <= _LONGEST_ID_TAG
    ):
        tolerated[Deviation.LONG_ID_TAG] = None
        return True
    return False


def _holder(payload: dict[str, Any], path: tuple[str | int, ...]) -> tuple[Any, str | int]:
    """Return the object or array that holds the field, and the field's name or place in it."""
    holder: Any = payload
    for step in path[:-1]:
        holder = holder[step]
    return holder, path[-1]


def _note_what_schemas_allow(
    action: str, payload: dict[str, Any], tolerated: dict[str, None]
) -> None:
    match action:
        case "BootNotification":
            if not payload["chargePointVendor"]:
                tolerated[Deviation.EMPTY_VENDOR] = None
        case "StartTransaction":
            if not payload["idTag"]:
                tolerated[Deviation.EMPTY_ID_TAG] = None
        case "StopTransaction":
            if payload.get("idTag") == "":
                tolerated[Deviation.EMPTY_ID_TAG] = None
            if payload["transactionId"] <= 0:
                tolerated[Deviation.NO_TRANSACTION_ID] = None
        case "MeterValues":
            if payload.get("transactionId", 1) <= 0:
                tolerated[Deviation.NO_TRANSACTION_ID] = None
