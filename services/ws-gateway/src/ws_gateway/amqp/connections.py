"""The connections that this gateway holds, as the broker side knows them."""

from collections.abc import Iterator
from typing import Protocol

from csms_shared.contracts.calls import CallReply, RegistrationChange
from csms_shared.contracts.commands import Command


class HeldConnection(Protocol):
    """One station's connection; none of these calls blocks or raises."""

    station_id: str
    tenant_id: str
    connection_id: str
    epoch: int
    ocpp_version: str
    remote_address: str
    connected_ms: int
    registration_version: int
    last_seen_ms: int
    in_transaction: bool

    def report_stored(self, seq: int) -> None:
        """Answer the report `seq`: the broker has it."""

    def decided(self, reply: CallReply) -> None:
        """Answer a decision."""

    def take_command(self, command: Command, reply_key: str) -> None:
        """Queue a command for the station."""

    def supersede(self, epoch: int) -> None:
        """Give way to a connection of a higher epoch."""

    def set_registration(self, change: RegistrationChange) -> None:
        """Take over a change made by the registry."""

    def close(self, code: int, reason: str) -> None:
        """Close the socket."""

    def waits_for(self, service: str) -> bool:
        """Tell whether a decision of this service is due."""

    def take_tolerated(self) -> dict[str, int]:
        """Return how often each deviation was forgiven since the last time."""


class Connections:
    """All held connections, by connection and by station."""

    def __init__(self) -> None:
        self._by_id: dict[str, HeldConnection] = {}
        self._by_station: dict[str, HeldConnection] = {}

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[HeldConnection]:
        return iter(list(self._by_id.values()))

    def add(self, held: HeldConnection) -> None:
        """Take in a claimed connection; of two of one station the lower epoch is closed."""
        self._by_id[held.connection_id] = held
        other = self._by_station.get(held.station_id)
        if other is not None and other.epoch > held.epoch:
            held.supersede(other.epoch)
            return
        self._by_station[held.station_id] = held
        if other is not None:
            other.supersede(held.epoch)

    def remove(self, held: HeldConnection) -> None:
        """Forget a connection that ended."""
        self._by_id.pop(held.connection_id, None)
        if self._by_station.get(held.station_id) is held:
            del self._by_station[held.station_id]

    def by_id(self, connection_id: str) -> HeldConnection | None:
        """Return the connection of this id, if it is held here."""
        return self._by_id.get(connection_id)

    def of_station(self, station_id: str) -> HeldConnection | None:
        """Return the newest connection of the station, if one is held here."""
        return self._by_station.get(station_id)
