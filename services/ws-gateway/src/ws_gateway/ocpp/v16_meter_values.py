"""Meter values brought into shape: a MeterValues call is refused for next to nothing."""

from typing import Any

import orjson

from ws_gateway.domain.deviations import Deviation

_SAMPLE_FIELDS = frozenset({"value", "context", "format", "measurand", "phase", "location", "unit"})
_METER_VALUE_FIELDS = frozenset({"timestamp", "sampledValue"})
_REQUIRED_FIELDS = frozenset({"timestamp", "sampledValue", "value"})

# They hold the place of what is empty until nothing is refused, so that a problem names the place
# at which the station sent it. Both are valid.
_EMPTY_SAMPLE = {"value": ""}
_EMPTY_METER_VALUE = {"timestamp": "1970-01-01T00:00:00Z", "sampledValue": [_EMPTY_SAMPLE]}


def mend_meter_values(payload: dict[str, Any], key: str, tolerated: dict[str, None]) -> None:
    """Mend the meter values under `key` in place; what has no known remedy is left as it is.

    What holds no value stays until `leave_out_empty_samples`.
    """
    if key not in payload:
        return
    meter_values = payload[key] = _as_list(payload[key], tolerated)
    if not isinstance(meter_values, list):
        return
    for place, meter_value in enumerate(meter_values):
        if isinstance(meter_value, dict) and not _mend_meter_value(meter_value, tolerated):
            meter_values[place] = _EMPTY_METER_VALUE
            tolerated[Deviation.EMPTY_SAMPLES] = None


def leave_out_empty_samples(payload: dict[str, Any], key: str) -> None:
    """Leave out what `mend_meter_values` found to be empty in a payload that is right otherwise."""
    meter_values = payload.get(key)
    if meter_values is None:
        return
    payload[key] = [value for value in meter_values if value is not _EMPTY_METER_VALUE]
    for value in payload[key]:
        value["sampledValue"] = [
            sample for sample in value["sampledValue"] if sample is not _EMPTY_SAMPLE
        ]


def _mend_meter_value(meter_value: dict[str, Any], tolerated: dict[str, None]) -> bool:
    """Mend one; return False where it holds no sample."""
    _keep_fields(meter_value, _METER_VALUE_FIELDS, tolerated)
    samples = _as_list(meter_value.get("sampledValue"), tolerated)
    if samples is None:
        return False
    meter_value["sampledValue"] = samples
    if not isinstance(samples, list):
        return True
    for place, sample in enumerate(samples):
        if isinstance(sample, dict):
            _keep_fields(sample, _SAMPLE_FIELDS, tolerated)
            _numbers_to_text(sample, tolerated)
            if sample.get("value") is None:
                samples[place] = _EMPTY_SAMPLE
                tolerated[Deviation.EMPTY_SAMPLES] = None
    return any(sample is not _EMPTY_SAMPLE for sample in samples)


def _as_list(value: object, tolerated: dict[str, None]) -> object:
    if isinstance(value, dict):
        tolerated[Deviation.OBJECT_FOR_ARRAY] = None
        return [value]
    return value


def _keep_fields(holder: dict[str, Any], known: frozenset[str], tolerated: dict[str, None]) -> None:
    dropped = [
        name
        for name, value in holder.items()
        if name not in known or (value is None and name not in _REQUIRED_FIELDS)
    ]
    for name in dropped:
        deviation = Deviation.NULL_FIELD if name in known else Deviation.UNKNOWN_FIELD
        tolerated[deviation] = None
        del holder[name]


def _numbers_to_text(sample: dict[str, Any], tolerated: dict[str, None]) -> None:
    for name, value in sample.items():
        if type(value) in (int, float):
            sample[name] = orjson.dumps(value).decode()
            tolerated[Deviation.NUMBER_FOR_TEXT] = None
