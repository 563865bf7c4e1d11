"""Meter values brought into shape: a MeterValues call is refused for next to nothing."""

from typing import Any

import orjson

from ws_gateway.domain.deviations import Deviation

_SAMPLE_FIELDS = frozenset({"value", "context", "format", "measurand", "phase", "location", "unit"})
_METER_VALUE_FIELDS = frozenset({"timestamp", "sampledValue"})
_METER_VALUES_FIELDS = frozenset({"connectorId", "transactionId", "meterValue"})


def mend_meter_values(payload: dict[str, Any], key: str, tolerated: dict[str, None]) -> None:
    """Mend the meter values under `key` in place; what has no known remedy is left as it is."""
    if key == "meterValue":
        _keep_fields(payload, _METER_VALUES_FIELDS, tolerated)
    if key not in payload:
        return
    kept = []
    meter_values = _as_list(payload[key], tolerated)
    if not isinstance(meter_values, list):
        return
    for meter_value in meter_values:
        if isinstance(meter_value, dict):
            _mend_meter_value(meter_value, tolerated)
            if not meter_value.get("sampledValue"):
                tolerated[Deviation.EMPTY_SAMPLES] = None
                continue
        kept.append(meter_value)
    payload[key] = kept


def _mend_meter_value(meter_value: dict[str, Any], tolerated: dict[str, None]) -> None:
    _keep_fields(meter_value, _METER_VALUE_FIELDS, tolerated)
    kept = []
    samples = _as_list(meter_value.get("sampledValue", []), tolerated)
    if not isinstance(samples, list):
        return
    for sample in samples:
        if isinstance(sample, dict):
            _keep_fields(sample, _SAMPLE_FIELDS, tolerated)
            _numbers_to_text(sample, tolerated)
            if "value" not in sample:
                tolerated[Deviation.EMPTY_SAMPLES] = None
                continue
        kept.append(sample)
    meter_value["sampledValue"] = kept


def _as_list(value: object, tolerated: dict[str, None]) -> object:
    if isinstance(value, dict):
        tolerated[Deviation.OBJECT_FOR_ARRAY] = None
        return [value]
    return value


def _keep_fields(holder: dict[str, Any], known: frozenset[str], tolerated: dict[str, None]) -> None:
    for name in [name for name, value in holder.items() if value is None or name not in known]:
        deviation = Deviation.UNKNOWN_FIELD if name not in known else Deviation.NULL_FIELD
        tolerated[deviation] = None
        del holder[name]


def _numbers_to_text(sample: dict[str, Any], tolerated: dict[str, None]) -> None:
    for name, value in sample.items():
        if type(value) in (int, float):
            sample[name] = orjson.dumps(value).decode()
            tolerated[Deviation.NUMBER_FOR_TEXT] = None
