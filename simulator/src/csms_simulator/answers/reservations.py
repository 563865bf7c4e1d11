"""ReserveNow and CancelReservation (5.1, 5.13)."""

from csms_simulator.answer import Answer
from csms_simulator.bare_station import BareStation
from csms_simulator.wire import Payload

_REFUSALS = {"Faulted": "Faulted", "Unavailable": "Unavailable"}


async def reserve_now(station: BareStation, request: Payload) -> Answer:
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


async def cancel_reservation(station: BareStation, request: Payload) -> Answer:
    """Give a reservation up."""
    held = station.reservations.held(station.timestamp())
    found = held.pop(request["reservationId"], None)
    return Answer({"status": "Rejected" if found is None else "Accepted"})
