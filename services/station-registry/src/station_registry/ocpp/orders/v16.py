"""Intents as calls of OCPP 1.6."""

from typing import Any

from csms_shared.ocpp import v16
from station_registry.ocpp.orders.intents import (
    AskForCertificate,
    ChangeConfiguration,
    InstallSignedCertificate,
    Intent,
    ReadConfiguration,
)


def written(intent: Intent) -> tuple[str, dict[str, Any]]:
    """Return the action and the payload that say this."""
    match intent:
        case ReadConfiguration(keys):
            return v16.GET_CONFIGURATION, {"key": list(keys)} if keys else {}
        case ChangeConfiguration(key, value):
            return v16.CHANGE_CONFIGURATION, {"key": key, "value": value}
        case InstallSignedCertificate(chain):
            return v16.CERTIFICATE_SIGNED, {"certificateChain": chain}
        case AskForCertificate():
            return v16.EXTENDED_TRIGGER_MESSAGE, {"requestedMessage": "SignChargePointCertificate"}
