"""Stations, credentials, connectors, boots, and who holds which socket."""
