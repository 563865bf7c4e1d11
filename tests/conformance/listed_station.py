"""A station with a local authorization list, beside what is kept of that list."""

from tests.conformance.central_system import CentralSystem
from tests.conformance.played_station import Asked, Payload, PlayedStation
from tests.integration.waiting import eventually

ACCEPTED = {"status": "Accepted"}
WITHIN_S = 60.0


class ListedStation:
    """A station with a list: it says its limits and its version, and the test answers updates."""

    def __init__(self, station: PlayedStation, central: CentralSystem, version: int) -> None:
        self.station = station
        self.central = central
        self.version = version
        self.entries: dict[str, Payload] = {}
        self.limits: dict[str, str] = {}
        self.path = f"/stations/{central.station_id}/local-list"

    async def keep(self, *id_tokens: str) -> None:
        """Have the central system keep the list with these tokens."""
        body = {"id_tokens": list(id_tokens)}
        response = await self.central.operator.http.put(self.path, json=body)
        assert response.status_code == 200, response.text

    async def sync(self) -> None:
        """Have the central system compare and send."""
        response = await self.central.operator.http.post(f"{self.path}/sync")
        assert response.status_code == 200, response.text

    async def becomes(self, status: str) -> Payload:
        """Read what is kept of the list once it has this status."""

        async def read() -> Payload:
            found: Payload = await self.central.operator.get(self.path)
            return found

        return await eventually(read, lambda found: found["status"] == status, WITHIN_S)

    async def answer_facts(self, asked: Asked) -> None:
        """Say the limits or the version."""
        if asked.action == "GetConfiguration":
            known = [
                {"key": key, "readonly": True, "value": value} for key, value in self.limits.items()
            ]
            unknown = [key for key in asked.payload["key"] if key not in self.limits]
            await self.station.answer(asked, {"configurationKey": known, "unknownKey": unknown})
        else:
            assert asked.action == "GetLocalListVersion", asked
            await self.station.answer(asked, {"listVersion": self.version})

    async def update(self) -> Asked:
        """Answer what is asked of limits and version until an update comes."""
        while True:
            asked = await self.station.next_asked()
            if asked.action == "SendLocalList":
                assert asked.payload["listVersion"] > 0
                return asked
            await self.answer_facts(asked)

    async def take(self, asked: Asked) -> None:
        """Accept an update."""
        if asked.payload["updateType"] == "Full":
            self.entries = {}
        for entry in asked.payload["localAuthorizationList"]:
            if "idTagInfo" in entry:
                self.entries[entry["idTag"]] = entry["idTagInfo"]
            else:
                self.entries.pop(entry["idTag"])
        self.version = asked.payload["listVersion"]
        await self.station.answer(asked, ACCEPTED)

    async def is_in_sync(self) -> None:
        """Check that what is kept of the list is what the station holds."""
        kept = await self.becomes("in_sync")
        assert kept["known_version"] == self.version
        assert kept["wanted_entries"] == len(self.entries)
        assert kept["failures"] == 0
