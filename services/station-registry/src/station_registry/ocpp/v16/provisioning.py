"""BootNotification (OCPP 1.6, 4.2 and 6.3)."""

from collections.abc import Mapping
from typing import Any

from csms_shared.values.texts import fit
from csms_shared.values.times import format_time_ms
from station_registry.provisioning.domain.boots import BootAnswer, Device


def read_boot(payload: Mapping[str, Any]) -> Device:
    """Read a request; texts are cut to the longest of the specification."""
    return Device(
        vendor=fit(payload.get("chargePointVendor"), 20),
        model=fit(payload.get("chargePointModel"), 20),
        serial_number=fit(payload.get("chargePointSerialNumber"), 25),
        charge_box_serial_number=fit(payload.get("chargeBoxSerialNumber"), 25),
        firmware_version=fit(payload.get("firmwareVersion"), 50),
        iccid=fit(payload.get("iccid"), 20),
        imsi=fit(payload.get("imsi"), 20),
        meter_type=fit(payload.get("meterType"), 25),
        meter_serial_number=fit(payload.get("meterSerialNumber"), 25),
    )


def write_boot_answer(answer: BootAnswer) -> dict[str, Any]:
    """Write a response."""
    return {
        "currentTime": format_time_ms(answer.at_ms),
        "interval": answer.interval_s,
        "status": answer.status.capitalize(),
    }
