"""StatusNotification (OCPP 1.6, 4.9 and 6.47), and ends of ChangeAvailability (5.2)."""

from collections.abc import Mapping
from typing import Any

from csms_shared.contracts.orders import CompletedCommand
from csms_shared.values.numbers import INT64_MAX
from csms_shared.values.texts import fit, is_storable
from csms_shared.values.times import read_moment
from station_registry.availability.domain import SetAvailability, StatusReport


def read_status(payload: Mapping[str, Any]) -> StatusReport:
    """Read a request; texts are cut to what can be stored. Each connector is an EVSE of its own."""
    connector_id = int(payload["connectorId"])
    return StatusReport(
        evse_id=connector_id,
        connector_id=connector_id,
        status=str(payload["status"]),
        error_code=fit(payload["errorCode"], 255) or "",
        info=fit(payload.get("info"), 255),
        vendor_id=fit(payload.get("vendorId"), 255),
        vendor_error_code=fit(payload.get("vendorErrorCode"), 255),
        station_time=fit(payload.get("timestamp"), 64),
    )


def read_availability(command: CompletedCommand) -> SetAvailability | None:
    """Read the end of a ChangeAvailability; None where the station did not take it."""
    if not command.accepted or not is_storable(command.station_id):
        return None
    connector_id = int(command.payload["connectorId"])
    if connector_id > INT64_MAX:
        return None
    return SetAvailability(
        station_id=command.station_id,
        connector_id=connector_id,
        availability=str(command.payload["type"]),
        scheduled=(command.response or {}).get("status") == "Scheduled",
        sent_at=read_moment(command.sent_at or command.completed_at),
        command_id=command.command_id,
    )
