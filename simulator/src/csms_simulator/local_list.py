"""The local authorization list of a station."""

from csms_simulator.wire import Payload


class LocalList:
    """Entries by idTag without case, and their version; 0 is an empty list (5.10)."""

    def __init__(self) -> None:
        self.version = 0
        self.entries: dict[str, Payload] = {}

    def update(self, request: Payload) -> str:
        """Apply a SendLocalList and return its status (5.15)."""
        if request["updateType"] == "Full":
            self.entries = {}
        elif request["listVersion"] <= self.version:
            return "VersionMismatch"
        for entry in request.get("localAuthorizationList", []):
            key = entry["idTag"].lower()
            if "idTagInfo" in entry:
                self.entries[key] = entry["idTagInfo"]
            else:
                self.entries.pop(key, None)
        self.version = request["listVersion"]
        return "Accepted"
