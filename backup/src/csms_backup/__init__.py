"""Backup and restore of every schema (docs/adr/0013-restore.md)."""

# Schema -> the service that owns it. All of them are one backup, of one moment.
SCHEMAS = {
    "registry": "station-registry",
    "session": "session-service",
    "command": "command-api",
}
