"""StatusNotification (OCPP 1.6, 4.9 and 6.47)."""

from collections.abc import Mapping
from typing import Any

from csms_shared.values.texts import fit
from station_registry.availability.domain import StatusReport


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
