"""StartTransaction, StopTransaction and MeterValues of OCPP 1.6."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from csms_shared.contracts.read_calls import UnreadCall
from csms_shared.ocpp.versions import OCPP16
from csms_shared.runtime.clock import now_ms
from csms_shared.values.id_tokens import token_key
from csms_shared.values.numbers import parse_number
from csms_shared.values.texts import storable
from csms_shared.values.times import parse_time, plausible
from session_service.metering.domain import (
    MeterCall,
    MeterReport,
    Sample,
    sample_digest,
    sample_source,
)
from session_service.ocpp.v16.tokens import id_tag_info
from session_service.transactions.domain.starts import Start, StartedTransaction
from session_service.transactions.domain.stops import Stop, StopCall
from session_service.values.keys import token_key_in_tenant
from session_service.values.suspicion import Flag, clock_flags

# In the order of the digest.
_PARTS = ("measurand", "phase", "location", "context", "format", "unit")
_DEFAULT_STOP_REASON = "Local"  # StopTransaction.req: "MAY be omitted when the reason is Local"


def read_start(call: UnreadCall) -> Start:
    """Return a StartTransaction as the domain knows it."""
    payload = call.value
    raw_time = storable(payload["timestamp"])
    id_token = storable(payload["idTag"])
    reservation_id = payload.get("reservationId")
    connector_id = int(payload["connectorId"])
    return Start(
        station_id=call.station_id,
        tenant_id=call.tenant_id,
        evse_id=connector_id,  # each connector is an EVSE of its own
        connector_id=connector_id,
        id_token=id_token,
        token_key=token_key_in_tenant(call.tenant_id, id_token),
        sent_at=_time(raw_time),
        raw_time=raw_time,
        meter_start=int(payload["meterStart"]),
        boot_count=call.boot_count,
        stamp=call.stamp,
        received_at=call.received_at,
        reservation_id=None if reservation_id is None else int(reservation_id),
        arrived_at=call.arrived_at,
        awaited=call.deadline_ms > now_ms(),
    )


def write_start(transaction: StartedTransaction) -> dict[str, Any]:
    """Return the answer to a StartTransaction."""
    return {"transactionId": transaction.id, "idTagInfo": id_tag_info(transaction.authorization)}


def read_stop(call: UnreadCall) -> Stop:
    """Return a StopTransaction as the domain knows it."""
    payload, received_at = call.value, call.received_at
    transaction_id = int(payload["transactionId"])
    id_tag = payload.get("idTag")
    samples, _ = _samples(
        payload.get("transactionData"),
        sample_source(call.station_id, None, str(transaction_id)),
        received_at,
    )
    return Stop(
        station_id=call.station_id,
        tenant_id=call.tenant_id,
        named_id=str(transaction_id),
        names_one=transaction_id > 0,
        id_token=None if id_tag is None else storable(id_tag),
        token_key=None if id_tag is None else token_key(storable(id_tag)),
        sent_at=_time(storable(payload["timestamp"])),
        meter_stop=int(payload["meterStop"]),
        reason=storable(payload.get("reason") or _DEFAULT_STOP_REASON),
        connection_id=call.connection_id,
        stamp=call.stamp,
        received_at=received_at,
        ocpp_version=OCPP16,
        payload={key: value for key, value in payload.items() if key != "transactionData"},
        samples=samples,
        boot_count=call.boot_count,
    )


def read_stop_call(call: UnreadCall) -> StopCall:
    """Return a StopTransaction with its payload, which is kept where it fits no transaction."""
    return StopCall(read_stop(call), call.value)


def read_meter_values(call: UnreadCall) -> MeterCall:
    """Return a MeterValues call as the domain knows it."""
    payload, received_at = call.value, call.received_at
    connector_id = int(payload["connectorId"])
    sent_id = payload.get("transactionId")
    transaction_id = None if sent_id is None else int(sent_id)
    meter_values = payload.get("meterValue")
    samples, untold = _samples(
        meter_values,
        # As it was sent: values are known by it that were stored before.
        sample_source(call.station_id, connector_id, None if sent_id is None else str(sent_id)),
        received_at,
    )
    report = MeterReport(
        station_id=call.station_id,
        tenant_id=call.tenant_id,
        connector_id=connector_id,
        named_id=None if transaction_id is None else str(transaction_id),
        names_one=transaction_id is not None and transaction_id > 0,
        connection_id=call.connection_id,
        stamp=call.stamp,
        received_at=received_at,
        samples=samples,
        untold=untold,
    )
    return MeterCall(report, OCPP16, payload, meter_values)


def _samples(
    meter_values: Any, source: str, received_at: datetime
) -> tuple[tuple[Sample, ...], frozenset[Flag]]:
    """Return the samples, and why some of them count as sampled when they were received."""
    samples: list[Sample] = []
    untold: set[Flag] = set()
    for meter_value in _as_list(meter_values):
        said = _time(storable(meter_value.get("timestamp", "")))
        sampled_at = plausible(said)
        if sampled_at is None:
            untold |= clock_flags(said, received_at)
            sampled_at = received_at
        samples += _sampled(meter_value, source, sampled_at)
    return tuple(samples), frozenset(untold)


def _sampled(meter_value: dict[str, Any], source: str, at: datetime) -> Iterator[Sample]:
    for sample in _as_list(meter_value.get("sampledValue")):
        get = sample.get
        if get("value") is None:
            continue
        raw = storable(sample["value"])
        parts = [None if (part := get(name)) is None else storable(part) for name in _PARTS]
        measurand, phase, location, context, format, unit = parts
        yield Sample(
            at,
            sample_digest(source, parts, raw),
            measurand,
            phase,
            context,
            location,
            format,
            unit,
            raw,
            None if format == "SignedData" else parse_number(raw),
        )


def _as_list(value: Any) -> list[dict[str, Any]]:
    """Return the objects of a list, or of what some stations send in place of one."""
    if isinstance(value, dict):
        return [value]
    return [part for part in value if isinstance(part, dict)] if isinstance(value, list) else []


def _time(raw: str) -> datetime | None:
    parsed = parse_time(raw)
    return None if parsed is None else parsed.said
