"""The reservations that a station holds, and whom it lets charge meanwhile."""

from csms_simulator.wire import Payload


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
