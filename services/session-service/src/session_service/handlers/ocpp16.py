"""OCPP 1.6 to version-neutral input and back; leniently in, exactly out."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from csms_shared.ocpp.times import format_time, parse_time
from session_service.domain.authorization import (
    Authorization,
    AuthorizationStatus,
    token_key,
)
from session_service.domain.metering import (
    MeterReport,
    Sample,
    parse_number,
    sample_digest,
    sample_source,
)
from session_service.domain.starts import Start
from session_service.domain.stops import Stop
from session_service.handlers.calls import ReceivedCall

_STATUS = {
    AuthorizationStatus.ACCEPTED: "Accepted",
    AuthorizationStatus.BLOCKED: "Blocked",
    AuthorizationStatus.EXPIRED: "Expired",
    AuthorizationStatus.INVALID: "Invalid",
    AuthorizationStatus.CONCURRENT_TX: "ConcurrentTx",
}
# In the order of the digest.
_PARTS = ("measurand", "phase", "location", "context", "format", "unit")
_ID_TOKEN_MAX = 20  # CiString20Type
_DEFAULT_STOP_REASON = "Local"  # StopTransaction.req: "MAY be omitted when the reason is Local"


def id_tag_info(authorization: Authorization) -> dict[str, Any]:
    """Return the IdTagInfo of an answer."""
    info: dict[str, Any] = {"status": _STATUS[authorization.status]}
    if authorization.expires_at is not None:
        info["expiryDate"] = format_time(authorization.expires_at)
    group = authorization.group_id
    # A group of another protocol's length can't be said in 1.6, and a wrong answer is worse.
    if group is not None and len(group) <= _ID_TOKEN_MAX:
        info["parentIdTag"] = group
    return info


def read_start(received: ReceivedCall) -> Start:
    """Return a StartTransaction as the domain knows it."""
    call, payload = received.call, received.payload
    raw_time = _text(payload["timestamp"])
    id_token = _text(payload["idTag"])
    reservation_id = payload.get("reservationId")
    return Start(
        station_id=call.station_id,
        connector_id=int(payload["connectorId"]),
        id_token=id_token,
        token_key=token_key(id_token),
        sent_at=_time(raw_time),
        raw_time=raw_time,
        meter_start=int(payload["meterStart"]),
        boot_count=call.boot_count,
        stamp=(call.epoch, call.seq),
        received_at=received.received_at,
        reservation_id=None if reservation_id is None else int(reservation_id),
    )


def read_stop(received: ReceivedCall) -> Stop:
    """Return a StopTransaction as the domain knows it."""
    call, payload = received.call, received.payload
    wire_id = int(payload["transactionId"])
    id_tag = payload.get("idTag")
    return Stop(
        station_id=call.station_id,
        wire_id=wire_id,
        id_token=None if id_tag is None else _text(id_tag),
        token_key=None if id_tag is None else token_key(_text(id_tag)),
        sent_at=_time(_text(payload["timestamp"])),
        meter_stop=int(payload["meterStop"]),
        reason=_text(payload.get("reason") or _DEFAULT_STOP_REASON),
        connection_id=call.connection_id,
        stamp=(call.epoch, call.seq),
        received_at=received.received_at,
        payload={key: value for key, value in payload.items() if key != "transactionData"},
        samples=tuple(
            _samples(
                payload.get("transactionData"),
                sample_source(call.station_id, None, wire_id),
                received.received_at,
            )
        ),
    )


def read_meter_values(received: ReceivedCall) -> MeterReport:
    """Return a MeterValues call as the domain knows it."""
    call, payload = received.call, received.payload
    connector_id = int(payload["connectorId"])
    wire_id = payload.get("transactionId")
    return MeterReport(
        station_id=call.station_id,
        connector_id=connector_id,
        wire_id=wire_id,
        connection_id=call.connection_id,
        stamp=(call.epoch, call.seq),
        received_at=received.received_at,
        samples=tuple(
            _samples(
                payload.get("meterValue"),
                sample_source(call.station_id, connector_id, wire_id),
                received.received_at,
            )
        ),
    )


def _samples(meter_values: Any, source: str, received_at: datetime) -> Iterator[Sample]:
    for meter_value in _as_list(meter_values):
        sampled_at = _time(_text(meter_value.get("timestamp", ""))) or received_at
        for sample in _as_list(meter_value.get("sampledValue")):
            get = sample.get
            if get("value") is None:
                continue
            raw = _text(sample["value"])
            parts = [None if (part := get(name)) is None else _text(part) for name in _PARTS]
            measurand, phase, location, context, format, unit = parts
            yield Sample(
                sampled_at,
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
    return None if parsed is None else parsed.at


def _text(value: Any) -> str:
    """Return text that a database can hold: PostgreSQL has no NUL."""
    text = value if type(value) is str else str(value)
    return text.replace("\0", "") if "\0" in text else text
