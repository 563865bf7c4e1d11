"""BootNotification: what a station says of itself, and whether it may take part."""

from dataclasses import dataclass, replace
from typing import Any

from csms_shared.contracts.calls import StationCall
from csms_shared.contracts.stations import RegistrationStatus
from csms_shared.values.texts import fit
from csms_shared.values.times import format_time_ms
from station_registry.provisioning.domain.registration import (
    BOOT_RETRY_S,
    Policies,
    Standing,
    heartbeat_interval,
    status_on_boot,
)

# Field of BootNotification.req (OCPP 1.6) -> ours, with the longest text of the specification.
_BOOT_FIELDS = (
    ("chargePointVendor", "vendor", 20),
    ("chargePointModel", "model", 20),
    ("chargePointSerialNumber", "serial_number", 25),
    ("chargeBoxSerialNumber", "charge_box_serial_number", 25),
    ("firmwareVersion", "firmware_version", 50),
    ("iccid", "iccid", 20),
    ("imsi", "imsi", 20),
    ("meterType", "meter_type", 25),
    ("meterSerialNumber", "meter_serial_number", 25),
)
DEVICE_FIELDS = tuple(name for _, name, _ in _BOOT_FIELDS)
BOOT_FACT_FIELDS = ("vendor", "model", "serial_number", "firmware_version")


@dataclass(frozen=True, slots=True)
class BootingStation:
    """What a boot is decided on; `last_boot` is the (epoch, seq) of the newest one applied."""

    station_id: str
    standing: Standing
    last_boot: tuple[int, int]


@dataclass(frozen=True, slots=True)
class BootDecision:
    """The answer and the station afterwards.

    `applied` holds for the newest boot so far; `told` for every boot not seen before.
    """

    response: dict[str, Any]
    station: BootingStation
    applied: bool
    told: bool
    status_changed: bool


def device(payload: dict[str, Any]) -> dict[str, str | None]:
    """Return what the station says of itself, cut to what can be stored."""
    return {name: fit(payload.get(field), longest) for field, name, longest in _BOOT_FIELDS}


def decide_boot(
    station: BootingStation, call: StationCall, policies: Policies, now_ms: int
) -> BootDecision:
    """Answer a boot; the same or an older one again counts nothing."""
    stamp = (call.epoch, call.seq)
    before = station.standing
    applied = stamp > station.last_boot
    told = stamp != station.last_boot
    if applied:
        standing = replace(
            before, status=status_on_boot(before, policies), boot_count=before.boot_count + 1
        )
        station = replace(station, standing=standing, last_boot=stamp)
    return BootDecision(
        boot_response(station.standing.status, station.standing, policies, now_ms),
        station,
        applied,
        told,
        status_changed=station.standing.status is not before.status,
    )


def boot_response(
    status: RegistrationStatus, standing: Standing | None, policies: Policies, now_ms: int
) -> dict[str, Any]:
    """Return BootNotification.conf; a station that is not accepted is to ask again soon."""
    interval = heartbeat_interval(standing, policies) if standing else BOOT_RETRY_S
    if status is not RegistrationStatus.ACCEPTED:
        interval = min(interval, BOOT_RETRY_S)
    return {
        "currentTime": format_time_ms(now_ms),
        "interval": interval,
        "status": status.capitalize(),
    }
