"""Boots: what a station says of itself, and whether it may take part."""

from dataclasses import dataclass, fields, replace

from csms_shared.contracts.stations import RegistrationStatus
from station_registry.provisioning.domain.registration import (
    BOOT_RETRY_S,
    Policies,
    Standing,
    heartbeat_interval,
    status_on_boot,
)

BOOT_FACT_FIELDS = ("vendor", "model", "serial_number", "firmware_version")


@dataclass(frozen=True, slots=True)
class Device:
    """What a booting station says of itself."""

    vendor: str | None = None
    model: str | None = None
    serial_number: str | None = None
    charge_box_serial_number: str | None = None
    firmware_version: str | None = None
    iccid: str | None = None
    imsi: str | None = None
    meter_type: str | None = None
    meter_serial_number: str | None = None


DEVICE_FIELDS = tuple(field.name for field in fields(Device))


@dataclass(frozen=True, slots=True)
class BootingStation:
    """What a boot is decided on; `last_boot` is the (epoch, seq) of the newest one applied."""

    station_id: str
    standing: Standing
    last_boot: tuple[int, int]


@dataclass(frozen=True, slots=True)
class BootAnswer:
    """Whether the station may take part, at `at_ms`, and after how long it is heard of again.

    `interval_s`: between its heartbeats, or until its next boot where it is not accepted.
    """

    status: RegistrationStatus
    interval_s: int
    at_ms: int


@dataclass(frozen=True, slots=True)
class BootDecision:
    """The answer and the station afterwards.

    `applied` holds for the newest boot so far; `told` for every boot not seen before.
    """

    answer: BootAnswer
    station: BootingStation
    applied: bool
    told: bool
    status_changed: bool


def decide_boot(
    station: BootingStation, stamp: tuple[int, int], policies: Policies, now_ms: int
) -> BootDecision:
    """Answer a boot, of this (epoch, seq); the same or an older one again counts nothing."""
    before = station.standing
    applied = stamp > station.last_boot
    told = stamp != station.last_boot
    if applied:
        standing = replace(
            before, status=status_on_boot(before, policies), boot_count=before.boot_count + 1
        )
        station = replace(station, standing=standing, last_boot=stamp)
    return BootDecision(
        boot_answer(station.standing.status, station.standing, policies, now_ms),
        station,
        applied,
        told,
        status_changed=station.standing.status is not before.status,
    )


def boot_answer(
    status: RegistrationStatus, standing: Standing | None, policies: Policies, now_ms: int
) -> BootAnswer:
    """Return the answer to a boot; a station that is not accepted is to ask again soon."""
    interval = heartbeat_interval(standing, policies) if standing else BOOT_RETRY_S
    if status is not RegistrationStatus.ACCEPTED:
        interval = min(interval, BOOT_RETRY_S)
    return BootAnswer(status, interval, now_ms)
