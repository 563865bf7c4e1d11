"""OCPP 1.6 with its security extension: payloads to version-neutral values and back, by block."""

from station_registry.ocpp.v16 import (
    availability,
    certificates,
    configuration,
    credentials,
    data_transfer,
    jobs,
    provisioning,
    security_events,
)

__all__ = [
    "availability",
    "certificates",
    "configuration",
    "credentials",
    "data_transfer",
    "jobs",
    "provisioning",
    "security_events",
]
