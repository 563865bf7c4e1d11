"""Stations' payloads made fit for the services: known deviations are mended or let pass.

Only what is valid or mended or listed here as harmless passes. Text that is stored as sent
(measurands, units, error codes, id tokens, stop reasons, times) is let pass unchanged, everything
else is brought to the specification's form.
"""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

import orjson

from csms_shared.ocpp import v16
from csms_shared.ocpp.actions import station_calls
from csms_shared.ocpp.schema_parts import Path
from csms_shared.ocpp.schemas import (
    TOO_MANY,
    SchemaProblem,
    is_valid_request,
    precedence,
    request_problems,
    validate_request,
)
from csms_shared.values.times import parse_time
from ws_gateway.domain.deviations import Deviation
from ws_gateway.domain.meter_values import leave_out_empty_samples, mend_meter_values

_LONGEST_ID_TAG = 255
_METER_VALUES_OF = {v16.METER_VALUES: "meterValue", v16.STOP_TRANSACTION: "transactionData"}
_REQUIRED_OF_BOOT = ("chargePointVendor", "chargePointModel")
_ENUMS_KEPT_AS_SENT = ((v16.STATUS_NOTIFICATION, "errorCode"), (v16.STOP_TRANSACTION, "reason"))


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
    """Check a CALL's payload, and mend it in place where the deviation is a known one.

    The problem is one that is left when all that is forgiven is mended, never a deviation that
    would have been forgiven by itself; an unknown field is named only where nothing else is wrong.
    """
    tolerated: dict[str, None] = {}
    if not is_valid_request(version, action, payload):
        _reshape(action, payload, tolerated)
        problem = _mend(version, action, payload, tolerated)
        if problem is not None:
            return Checked(payload, problem=problem)
        _leave_out_what_is_empty(action, payload)
    _note_what_schemas_allow(action, payload, tolerated)
    return Checked(payload, tuple(tolerated))


def _mend(
    version: str, action: str, payload: dict[str, Any], tolerated: dict[str, None]
) -> SchemaProblem | None:
    """Mend until there is nothing left to mend, as mending may show what was hidden: a number that
    became text may be too long a text. Return the first problem that is left."""
    nulls: dict[Path, SchemaProblem] = {}
    while True:
        left = []
        mended = False
        problems = request_problems(version, action, payload)
        if problems and problems[-1].keyword == TOO_MANY:
            # Forgiven so many at a time, they would keep everybody else waiting.
            return problems[-1]
        for problem in problems:
            match _forgive(version, action, payload, problem, tolerated, nulls):
                case _Verdict.MENDED:
                    mended = True
                case _Verdict.REFUSED:
                    left.append(problem)
        if not mended:
            break
    # What is missing because its null was taken away is answered as the null that it was.
    left = [nulls.pop(problem.path, problem) for problem in left]
    if left:
        return min(left, key=_by_cause)
    if nulls:
        tolerated[Deviation.NULL_FIELD] = None
    return None


def _by_cause(problem: SchemaProblem) -> tuple[bool, tuple[int, str]]:
    """Sort a payload's problems, the one to answer first.

    A field that nobody reads is the cause of nothing: beside a missing one it is most often that
    one by a wrong name.
    """
    return problem.keyword == "additionalProperties", precedence(problem)


def _reshape(action: str, payload: dict[str, Any], tolerated: dict[str, None]) -> None:
    key = _METER_VALUES_OF.get(action)
    if key is not None:
        mend_meter_values(payload, key, tolerated)
    elif action == v16.DATA_TRANSFER:
        data = payload.get("data")
        if data is not None and not isinstance(data, str):
            payload["data"] = orjson.dumps(data).decode()
            tolerated[Deviation.DATA_NOT_TEXT] = None


def _leave_out_what_is_empty(action: str, payload: dict[str, Any]) -> None:
    key = _METER_VALUES_OF.get(action)
    if key is not None:
        leave_out_empty_samples(payload, key)


class _Verdict(Enum):
    MENDED = auto()
    KEPT_AS_SENT = auto()
    REFUSED = auto()


def _forgive(
    version: str,
    action: str,
    payload: dict[str, Any],
    problem: SchemaProblem,
    tolerated: dict[str, None],
    nulls: dict[Path, SchemaProblem],
) -> _Verdict:
    if not problem.path:
        # Of the payload as a whole.
        return _Verdict.REFUSED
    holder, key = _holder(payload, problem.path)
    match problem.keyword:
        case "additionalProperties" if station_calls(version)[action].of_session:
            del holder[key]
            tolerated[Deviation.UNKNOWN_FIELD] = None
            return _Verdict.MENDED
        case "type":
            if holder[key] is None and isinstance(holder, dict):
                del holder[key]
                nulls[problem.path] = problem
                return _Verdict.MENDED
            return _forgive_type(action, holder, key, tolerated)
        case "enum":
            return _forgive_enum(action, holder, key, problem, tolerated)
        case "format":
            return _forgive_time(holder, key, tolerated)
        case "maxLength":
            return _forgive_length(action, holder, key, problem, tolerated)
        case "minItems" if problem.path == ("meterValue",):
            tolerated[Deviation.EMPTY_SAMPLES] = None
            return _Verdict.KEPT_AS_SENT
    return _Verdict.REFUSED


def _forgive_type(action: str, holder: Any, key: str | int, tolerated: dict[str, None]) -> _Verdict:
    number = type(holder[key]) in (int, float)
    if action == v16.BOOT_NOTIFICATION and number and key not in _REQUIRED_OF_BOOT:
        holder[key] = orjson.dumps(holder[key]).decode()
        tolerated[Deviation.NUMBER_FOR_TEXT] = None
        return _Verdict.MENDED
    return _Verdict.REFUSED


def _forgive_enum(
    action: str,
    holder: Any,
    key: str | int,
    problem: SchemaProblem,
    tolerated: dict[str, None],
) -> _Verdict:
    if isinstance(holder, dict) and key not in holder:
        # It was null, which is of a wrong type and none of the values at once.
        return _Verdict.MENDED
    value = holder[key]
    if not isinstance(value, str) or not isinstance(problem.limit, tuple):
        return _Verdict.REFUSED
    spelled = next((option for option in problem.limit if option.lower() == value.lower()), None)
    if spelled is not None:
        holder[key] = spelled
        tolerated[Deviation.ENUM_CASE] = None
        return _Verdict.MENDED
    if "sampledValue" not in problem.path and (action, key) not in _ENUMS_KEPT_AS_SENT:
        return _Verdict.REFUSED
    tolerated[Deviation.UNKNOWN_ENUM] = None
    return _Verdict.KEPT_AS_SENT


def _forgive_time(holder: Any, key: str | int, tolerated: dict[str, None]) -> _Verdict:
    if key != "timestamp":
        return _Verdict.REFUSED
    # As sent: the services read it leniently, or fall back to the time of receipt and flag it.
    readable = parse_time(holder[key]) is not None
    tolerated[Deviation.TIME_FORMAT if readable else Deviation.UNREADABLE_TIME] = None
    return _Verdict.KEPT_AS_SENT


def _forgive_length(
    action: str,
    holder: Any,
    key: str | int,
    problem: SchemaProblem,
    tolerated: dict[str, None],
) -> _Verdict:
    if action == v16.BOOT_NOTIFICATION and isinstance(problem.limit, int):
        holder[key] = holder[key][: problem.limit]
        tolerated[Deviation.TRUNCATED_TEXT] = None
        return _Verdict.MENDED
    if (
        action in (v16.START_TRANSACTION, v16.STOP_TRANSACTION)
        and key == "idTag"
        and len(holder[key]) <= _LONGEST_ID_TAG
    ):
        tolerated[Deviation.LONG_ID_TAG] = None
        return _Verdict.KEPT_AS_SENT
    return _Verdict.REFUSED


def _holder(payload: dict[str, Any], path: Path) -> tuple[Any, str | int]:
    """Return the object or array that holds the field, and the field's name or place in it."""
    holder: Any = payload
    for step in path[:-1]:
        holder = holder[step]
    return holder, path[-1]


def _note_what_schemas_allow(
    action: str, payload: dict[str, Any], tolerated: dict[str, None]
) -> None:
    match action:
        case v16.BOOT_NOTIFICATION:
            if not payload["chargePointVendor"]:
                tolerated[Deviation.EMPTY_VENDOR] = None
        case v16.START_TRANSACTION:
            if not payload["idTag"]:
                tolerated[Deviation.EMPTY_ID_TAG] = None
        case v16.STOP_TRANSACTION:
            if payload.get("idTag") == "":
                tolerated[Deviation.EMPTY_ID_TAG] = None
            if payload["transactionId"] <= 0:
                tolerated[Deviation.NO_TRANSACTION_ID] = None
        case v16.METER_VALUES:
            if payload.get("transactionId", 1) <= 0:
                tolerated[Deviation.NO_TRANSACTION_ID] = None
