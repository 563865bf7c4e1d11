"""Security events: what stations report (whitepaper, A04 and section 8) and what we noticed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Literal

from csms_shared.contracts.events import event_id
from csms_shared.contracts.read_calls import Call
from csms_shared.values.texts import fit
from csms_shared.values.times import format_time_ms, parse_time
from station_registry.events import OF_STATION, Event, fact_about

Source = Literal["station", "suite"]

# Section 8: of the events listed there, those that are critical. A vendor's own count as not.
CRITICAL = frozenset(
    {
        "FirmwareUpdated",
        "SettingSystemTime",
        "StartupOfTheDevice",
        "ResetOrReboot",
        "SecurityLogWasCleared",
        "MemoryExhaustion",
        "TamperDetectionActivated",
    }
)

# What the suite itself tells, and whether somebody has to look at it.
CERTIFICATE_REQUEST_REFUSED = "CertificateRequestRefused"
CERTIFICATE_SIGNING_FAILED = "CertificateSigningFailed"
CERTIFICATE_NOT_INSTALLED = "CertificateNotInstalled"
CONNECTION_REFUSED = "ConnectionRefused"
OWN_CRITICAL: Mapping[str, bool] = MappingProxyType(
    {
        CERTIFICATE_REQUEST_REFUSED: False,
        CERTIFICATE_SIGNING_FAILED: True,
        CERTIFICATE_NOT_INSTALLED: True,
        CONNECTION_REFUSED: False,
    }
)


@dataclass(frozen=True, slots=True)
class SecurityEvent:
    """One event; `event_id` is derived from its cause, so that it comes out the same again.

    `station_time` is the text that the station sent, `occurred_at` what could be read of it.
    `tenant_id`: whose the station was that reported it; None: whose it is.
    """

    event_id: str
    station_id: str
    source: Source
    type: str
    critical: bool
    detail: str | None
    received_ms: int
    station_time: str | None = None
    occurred_at: datetime | None = None
    epoch: int | None = None
    seq: int | None = None
    tenant_id: str | None = None


@dataclass(frozen=True, slots=True)
class ReportedEvent:
    """What a station says of an event."""

    type: str
    station_time: str | None
    detail: str | None


def reported(call: Call[ReportedEvent]) -> SecurityEvent:
    """Return the event that a station reported."""
    said = call.value
    read = parse_time(said.station_time or "")
    return SecurityEvent(
        event_id("security.event_reported", call.connection_id, call.seq),
        call.station_id,
        "station",
        said.type,
        said.type in CRITICAL,
        said.detail,
        call.received_ms,
        said.station_time,
        read.at if read is not None else None,
        call.epoch,
        call.seq,
        call.tenant_id,
    )


def detected(
    station_id: str, type_: str, detail: str, cause: tuple[str | int, ...], at_ms: int
) -> SecurityEvent:
    """Return an event that the suite itself noticed; the same `cause` makes the same event."""
    return SecurityEvent(
        event_id("security.event_detected", type_, *cause),
        station_id,
        "suite",
        type_,
        OWN_CRITICAL[type_],
        fit(detail, 1000),
        at_ms,
    )


def event_of(event: SecurityEvent) -> Event:
    """Return the event as other systems get it."""
    key = "security.event_reported" if event.source == "station" else "security.event_detected"
    stamp: dict[str, Any] = {} if event.epoch is None else {"epoch": event.epoch, "seq": event.seq}
    data = {
        "station_id": event.station_id,
        "security_event_id": event.event_id,
        "type": event.type,
        "critical": event.critical,
        "detail": event.detail,
        "station_time": event.station_time,
        "received_at": format_time_ms(event.received_ms),
        **stamp,
    }
    tenant_id = OF_STATION if event.tenant_id is None else event.tenant_id
    return fact_about(key, event.station_id, (event.event_id,), event.received_ms, data, tenant_id)
