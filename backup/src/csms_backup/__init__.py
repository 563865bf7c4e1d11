"""Backup and restore of every schema (docs/adr/0013-restore.md).

Which services there are and what their schemas are called is known here; what is in a schema only
its service knows. See `services` for what a restore asks of them.
"""

# Schema -> the service that owns it. All of them are one backup, of one moment.
SCHEMAS = {
    "registry": "station-registry",
    "session": "session-service",
    "command": "command-api",
    "integration": "integration-service",
    "billing": "billing-service",
}
