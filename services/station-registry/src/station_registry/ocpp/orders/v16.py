"""Intents as calls of OCPP 1.6."""

from typing import Any

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
            return "GetConfiguration", {"key": list(keys)} if keys else {}
        case ChangeConfiguration(key, value):
            return "ChangeConfiguration", {"key": key, "value": value}
        case InstallSignedCertificate(chain):
            return "CertificateSigned", {"certificateChain": chain}
        case AskForCertificate():
            return "ExtendedTriggerMessage", {"requestedMessage": "SignChargePointCertificate"}
