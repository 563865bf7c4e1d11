"""What payloads of OCPP 1.6 are forgiven."""

from functools import partial
from types import MappingProxyType
from typing import Any

import orjson

from csms_shared.ocpp import v16
from csms_shared.ocpp.actions import station_calls
from csms_shared.ocpp.schemas import is_valid_request, request_problems
from csms_shared.ocpp.versions import OCPP16
from ws_gateway.domain.deviations import Deviation
from ws_gateway.domain.tolerance import ToleranceRules, Tolerated
from ws_gateway.ocpp.v16_meter_values import leave_out_empty_samples, mend_meter_values

_LONGEST_ID_TAG = 255
_METER_VALUES_OF = {v16.METER_VALUES: "meterValue", v16.STOP_TRANSACTION: "transactionData"}


def _reshape(action: str, payload: dict[str, Any], tolerated: Tolerated) -> None:
    key = _METER_VALUES_OF.get(action)
    if key is not None:
        mend_meter_values(payload, key, tolerated)
    elif action == v16.DATA_TRANSFER:
        data = payload.get("data")
        if data is not None and not isinstance(data, str):
            payload["data"] = orjson.dumps(data).decode()
            tolerated[Deviation.DATA_NOT_TEXT] = None


def _drop_empty(action: str, payload: dict[str, Any]) -> None:
    key = _METER_VALUES_OF.get(action)
    if key is not None:
        leave_out_empty_samples(payload, key)


def _note_boot(payload: dict[str, Any], tolerated: Tolerated) -> None:
    if not payload["chargePointVendor"]:
        tolerated[Deviation.EMPTY_VENDOR] = None


def _note_start(payload: dict[str, Any], tolerated: Tolerated) -> None:
    if not payload["idTag"]:
        tolerated[Deviation.EMPTY_ID_TAG] = None


def _note_stop(payload: dict[str, Any], tolerated: Tolerated) -> None:
    if payload.get("idTag") == "":
        tolerated[Deviation.EMPTY_ID_TAG] = None
    if payload["transactionId"] <= 0:
        tolerated[Deviation.NO_TRANSACTION_ID] = None


def _note_meter_values(payload: dict[str, Any], tolerated: Tolerated) -> None:
    if payload.get("transactionId", 1) <= 0:
        tolerated[Deviation.NO_TRANSACTION_ID] = None


RULES = ToleranceRules(
    is_valid=partial(is_valid_request, OCPP16),
    problems=partial(request_problems, OCPP16),
    reshape=_reshape,
    drop_empty=_drop_empty,
    notes=MappingProxyType(
        {
            v16.BOOT_NOTIFICATION: _note_boot,
            v16.METER_VALUES: _note_meter_values,
            v16.START_TRANSACTION: _note_start,
            v16.STOP_TRANSACTION: _note_stop,
        }
    ),
    irreplaceable=frozenset(
        name for name, call in station_calls(OCPP16).items() if call.of_session
    ),
    informative=MappingProxyType(
        {v16.BOOT_NOTIFICATION: frozenset({"chargePointVendor", "chargePointModel"})}
    ),
    times=frozenset({"timestamp"}),
    kept_enums=frozenset(
        {(v16.STATUS_NOTIFICATION, "errorCode"), (v16.STOP_TRANSACTION, "reason")}
    ),
    kept_enums_under=frozenset({"sampledValue"}),
    may_be_empty=frozenset({("meterValue",)}),
    long_texts=MappingProxyType(
        {
            (v16.START_TRANSACTION, "idTag"): _LONGEST_ID_TAG,
            (v16.STOP_TRANSACTION, "idTag"): _LONGEST_ID_TAG,
        }
    ),
)
