"""A station that comes online and goes offline, as its history keeps it."""

from enum import StrEnum

from station_registry.history.domain import Change, Kind
from station_registry.ownership.domain.owners import Owner


class CameOnline(StrEnum):
    """Why a station is online; why it is offline is in the words of the event `station.offline`.

    `SUPERSEDED`: a newer connection took over from one that nobody had given up. `RESTORED`: its
    gateway came back, with the connection that had been taken from it.
    """

    NEW_CONNECTION = "new_connection"
    SUPERSEDED = "superseded"
    RESTORED = "restored"


def came_online(station_id: str, owner: Owner, reason: CameOnline, at_ms: int) -> Change:
    """Return the change of a station that this connection holds from now on."""
    return _presence(station_id, owner, "online", reason.value, at_ms)


def went_offline(station_id: str, owner: Owner, reason: str, at_ms: int) -> Change:
    """Return the change of a station whose connection ended, and which has no other."""
    return _presence(station_id, owner, "offline", reason, at_ms)


def _presence(station_id: str, owner: Owner, status: str, reason: str, at_ms: int) -> Change:
    return Change(
        kind=Kind.PRESENCE,
        station_id=station_id,
        received_ms=at_ms,
        status=status,
        reason=reason,
        gateway_id=owner.gateway_id,
        connection_id=owner.connection_id,
        epoch=owner.epoch,
    )
