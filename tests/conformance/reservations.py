"""Reservations of one station as an operator makes, reads and cancels them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.conformance.central_system import CentralSystem
from tests.conformance.played_station import Asked, Payload, PlayedStation
from tests.integration.waiting import eventually

ACCEPTED = {"status": "Accepted"}
WITHIN_S = 60.0


class Reservations:
    """Reservations of one station, and what is kept of them."""

    def __init__(self, station: PlayedStation, central: CentralSystem) -> None:
        self.station = station
        self.central = central

    async def ask(self, id_token: str, **changes: Any) -> tuple[int, Asked]:
        """Have a connector reserved; return its id and what the station is asked."""
        expires = datetime.now(UTC) + timedelta(hours=1)
        body: Payload = {
            "station_id": self.central.station_id,
            "connector_id": 1,
            "id_token": id_token,
            "expires_at": expires.isoformat(timespec="seconds"),
        } | changes
        response = await self.central.operator.http.post("/reservations", json=body)
        assert response.status_code == 201, response.text
        made: Payload = response.json()
        assert (made["status"], made["reason"]) == ("pending", None)
        asked = await self.station.asked("ReserveNow")
        assert asked.payload["reservationId"] == made["station_reservation_id"]
        assert asked.payload["connectorId"] == body["connector_id"]
        assert asked.payload["idTag"] == id_token
        assert asked.payload["expiryDate"] == expires.strftime("%Y-%m-%dT%H:%M:%S.000Z")
        return int(made["reservation_id"]), asked

    async def make(self, id_token: str, **changes: Any) -> int:
        """Have a connector reserved by a station that accepts; return the id."""
        reservation_id, asked = await self.ask(id_token, **changes)
        await self.station.answer(asked, ACCEPTED)
        await self.becomes(reservation_id, "active")
        await self.station.status(asked.payload["connectorId"], "Reserved")
        return reservation_id

    async def becomes(self, reservation_id: int, status: str) -> Payload:
        """Read a reservation once it has this status."""

        async def read() -> Payload:
            found: Payload = await self.central.operator.get(f"/reservations/{reservation_id}")
            return found

        return await eventually(read, lambda found: found["status"] == status, WITHIN_S)

    async def all(self) -> list[Payload]:
        """Read every reservation of the station."""
        return await self.central.operator.items(
            "/reservations", station_id=self.central.station_id
        )

    async def cancel(self, reservation_id: int, answer: Payload) -> None:
        """Have a reservation cancelled by a station that answers so."""
        response = await self.central.operator.http.post(f"/reservations/{reservation_id}/cancel")
        assert response.status_code == 200, response.text
        asked = await self.station.asked("CancelReservation")
        assert asked.payload == {"reservationId": response.json()["station_reservation_id"]}
        await self.station.answer(asked, answer)
