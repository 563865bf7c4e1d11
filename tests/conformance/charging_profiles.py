"""Charging profiles of one station as an operator sets, reads and clears them."""

from typing import Any

from tests.conformance.central_system import CentralSystem
from tests.conformance.played_station import Payload, PlayedStation
from tests.integration.waiting import eventually

WITHIN_S = 60.0


def profile(profile_id: int, purpose: str, limit: float = 16.0, **changes: Any) -> Payload:
    return {
        "chargingProfileId": profile_id,
        "stackLevel": 0,
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": "Absolute",
        "chargingSchedule": {
            "chargingRateUnit": "A",
            "startSchedule": "2026-01-01T00:00:00Z",
            "chargingSchedulePeriod": [{"startPeriod": 0, "limit": limit}],
        },
    } | changes


def on(connector_id: int, sent: Payload) -> Payload:
    return {"connectorId": connector_id, "csChargingProfiles": sent}


class Profiles:
    """Charging profiles of one station, and what is kept of them."""

    def __init__(self, station: PlayedStation, central: CentralSystem) -> None:
        self.station = station
        self.central = central
        self.path = f"/stations/{central.station_id}"

    async def set(self, connector_id: int, sent: Payload, status: str = "Accepted") -> Payload:
        """Send a profile to the station, which answers so."""
        return await self.central.command(
            self.station, "SetChargingProfile", on(connector_id, sent), {"status": status}
        )

    async def clear(self, status: str, **criteria: Any) -> Payload:
        """Have profiles cleared by the station, which answers so."""
        return await self.central.command(
            self.station, "ClearChargingProfile", criteria, {"status": status}
        )

    async def are(self, **expected: str) -> dict[str, Payload]:
        """Read the profiles once they are in these states; names are "p" and their ids."""

        async def read() -> dict[str, Payload]:
            found: dict[str, Payload] = {}
            for state in {*expected.values(), "installed", "waiting"}:
                for kept in await self.central.operator.items(
                    f"{self.path}/charging-profiles", state=state
                ):
                    found[f"p{kept['profile_id']}"] = kept
            return found

        return await eventually(
            read,
            lambda found: {name: kept["state"] for name, kept in found.items()} == expected,
            WITHIN_S,
        )

    async def composite(self, connector_id: int) -> Payload:
        """Read our own computation and the station's last one."""
        found: Payload = await self.central.operator.get(
            f"{self.path}/composite-schedule", connector_id=connector_id, duration=600
        )
        return found

    async def limits(self, connector_id: int) -> list[float | None]:
        """Read the limits that we compute."""
        computed = (await self.composite(connector_id))["computed"]
        return [period["limit"] for period in computed["periods"]]
