"""What payloads of OCPP 1.6 are forgiven."""

from functools import partial
from types import MappingProxyType
from typing import Any

import orjson

from csms_shared.ocpp.schemas import is_valid_request, request_problems
from csms_shared.ocpp.versions import OCPP16
from ws_gateway.domain.deviations import Deviation
from ws_gateway.domain.tolerance import ToleranceRules, Tolerated
from ws_gateway.ocpp.v16_meter_values import leave_out_empty_samples, mend_meter_values

_LONGEST_ID_TAG = 255
_METER_VALUES_OF = {"MeterValues": "meterValue", "StopTransaction": "transactionData"}


def _reshape(action: str, payload: dict[str, Any], tolerated: Tolerated) -> None:
    key = _METER_VALUES_OF.get(action)
    if key is not None:
        mend_meter_values(payload, key, tolerated)
    elif action == "DataTransfer":
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
            "BootNotification": _note_boot,
            "MeterValues": _note_meter_values,
            "StartTransaction": _note_start,
            "StopTransaction": _note_stop,
        }
    ),
    # The station repeats them a few times and then drops them.
    irreplaceable=frozenset({"StartTransaction", "MeterValues", "StopTransaction"}),
    informative=MappingProxyType(
        {"BootNotification": frozenset({"chargePointVendor", "chargePointModel"})}
    ),
    times=frozenset({"timestamp"}),
    kept_enums=frozenset({("StatusNotification", "errorCode"), ("StopTransaction", "reason")}),
    kept_enums_under=frozenset({"sampledValue"}),
    may_be_empty=frozenset({("meterValue",)}),
    long_texts=MappingProxyType(
        {
            ("StartTransaction", "idTag"): _LONGEST_ID_TAG,
            ("StopTransaction", "idTag"): _LONGEST_ID_TAG,
        }
    ),
)
