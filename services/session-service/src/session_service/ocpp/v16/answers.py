"""Answers that several commands of OCPP 1.6 have in common."""

# CALLERROR codes of stations that have no such feature (OCPP-J 1.6, 4.2.3).
UNSUPPORTED = frozenset({"NotSupported", "NotImplemented"})
