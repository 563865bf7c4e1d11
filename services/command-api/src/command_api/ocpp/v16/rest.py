"""What REST takes and documents beside the schemas of OCPP 1.6."""

from typing import Any

from csms_shared.values.numbers import INT64_MAX, INT64_MIN

# In place of the payload.
ALTERNATIVES: dict[str, dict[str, Any]] = {
    "RemoteStopTransaction": {
        "title": "By connector",
        "description": "Stops the open transaction of this connector.",
        "type": "object",
        "properties": {
            "connectorId": {"type": "integer", "minimum": INT64_MIN, "maximum": INT64_MAX}
        },
        "required": ["connectorId"],
        "additionalProperties": False,
    }
}
# Actions that are prepared for their station, and why.
ONE_STATIONS_OWN: dict[str, str] = {
    "CertificateSigned": "its certificate is made for one",
    "RemoteStartTransaction": "its start is matched with what the station reports",
    "RemoteStopTransaction": "its transaction is of one",
    "SetChargingProfile": "it is checked against what the station has and can",
}
# The least values that the rules of charging profiles demand.
LEAST_WITH_PROFILE: dict[str, tuple[str, int]] = {"SetChargingProfile": ("connectorId", 0)}


def delete_certificate(hash_data: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return action and payload that delete the certificate of these hashes."""
    return "DeleteCertificate", {"certificateHashData": hash_data}
