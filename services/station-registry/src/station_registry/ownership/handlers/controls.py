"""Instructions to the gateways that hold the sockets, sent after the commit.

They are best effort: what a lost one said, the next re-assertion or claim says again.
"""

from csms_shared.broker.topology import GATEWAYS
from csms_shared.contracts.calls import RegistrationChange
from csms_shared.contracts.control import Control, ControlKind
from csms_shared.contracts.message_types import MessageType
from csms_shared.service.inbox import Reply
from station_registry.ownership.domain.owners import Owner


def superseded(station_id: str, owner: Owner, epoch: int) -> Reply:
    """Tell a gateway that a connection of `epoch` has taken the station over from its own."""
    return _control(
        owner.gateway_id,
        Control(kind=ControlKind.SUPERSEDED, station_id=station_id, epoch=epoch),
    )


def registration(station_id: str, owner: Owner, change: RegistrationChange) -> Reply:
    """Tell the holding gateway of a station's new registration or settings."""
    return _control(
        owner.gateway_id,
        Control(
            kind=ControlKind.REGISTRATION,
            station_id=station_id,
            epoch=owner.epoch,
            registration=change,
        ),
    )


def close(station_id: str, owner: Owner, reason: str) -> Reply:
    """Tell the holding gateway to close the station's socket."""
    return _control(
        owner.gateway_id,
        Control(kind=ControlKind.CLOSE, station_id=station_id, epoch=owner.epoch, reason=reason),
    )


def _control(gateway_id: str, control: Control) -> Reply:
    return Reply(gateway_id, MessageType.CONTROLS, control, exchange=GATEWAYS)
