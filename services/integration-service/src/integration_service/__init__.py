"""The event store: what every service tells, in one order; streams and the public exchange."""
