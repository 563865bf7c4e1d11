"""The protocol edge: payloads to version-neutral values and back, a package per OCPP version."""
