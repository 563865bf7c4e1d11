"""The reservations that a station holds, and whom it lets charge meanwhile."""

from typing import TYPE_CHECKING

from csms_simulator.answer import Answer
from csms_simulator.wire import Payload

if TYPE_CHECKING:
    from csms_simulator.station import SimulatedStation

_REFUSALS = {"Faulted": "Faulted", "Unavailable": "Unavailable"}


class Reservations:
    """ReserveNow payloads by reservation id; an expired one goes when somebody asks (5.13)."""

    def __init__(self) -> None:
        self._held: dict[int, Payload] = {}

    def held(self, now: str) -> dict[int, Payload]:
        """Return what is held at a time, as text of the station's clock."""
        self._held = {key: held for key, held in self._held.items() if held["expiryDate"] > now}
        return self._held

    def used_by(self, connector_id: int, id_tag: str, now: str) -> int | None:
        """Return the reservation that a start ends, which is then over."""
        for key, held in self.held(now).items():
            if held["idTag"].lower() == id_tag.lower() and held["connectorId"] in (0, connector_id):
                del self._held[key]
                return key
        return None


async def reserve_now(station: "SimulatedStation", request: Payload) -> Answer:
    """Hold a connector unless it is taken, broken or held already."""
    connector_id, reservation_id = request["connectorId"], request["reservationId"]
    if connector_id not in station.connector_status:
        return Answer({"status": "Rejected"})
    held = station.reservations.held(station.timestamp())
    status = station.connector_status[connector_id]
    others = {other["connectorId"] for key, other in held.items() if key != reservation_id}
    if status in _REFUSALS:
        return Answer({"status": _REFUSALS[status]})
    if connector_id in station.sessions or connector_id in others:
        return Answer({"status": "Occupied"})
    held[reservation_id] = request
    return Answer({"status": "Accepted"})


async def cancel_reservation(station: "SimulatedStation", request: Payload) -> Answer:
    """Give a reservation up."""
    held = station.reservations.held(station.timestamp())
    found = held.pop(request["reservationId"], None)
    return Answer({"status": "Rejected" if found is None else "Accepted"})
