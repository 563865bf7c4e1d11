"""Stand-ins around a gateway under test: services, stations, a breakable way to the broker."""
