"""What station-registry tells a gateway: close a superseded socket, take over a new setting."""

from enum import StrEnum

from csms_shared.contracts.calls import RegistrationChange
from csms_shared.contracts.envelope import Batch, Contract, Open


class ControlKind(StrEnum):
    """What the gateway is to do with one connection."""

    SUPERSEDED = "superseded"
    REGISTRATION = "registration"
    CLOSE = "close"


class Control(Contract):
    """One instruction; it counts only for this station and connections of a lower or equal epoch.

    `superseded`: `epoch` is the newer connection's, every older one is closed. `registration`:
    `registration` replaces what the gateway knew. `close`: the station was deleted or rejected.
    """

    kind: Open[ControlKind]
    station_id: str
    epoch: int
    registration: RegistrationChange | None = None
    reason: str = ""


class ControlBatch(Batch[Control]):
    """Instructions for one gateway incarnation."""
