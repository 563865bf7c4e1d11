"""Events of stations, their connections and what they say of themselves."""

from typing import Annotated

from pydantic import Field

from csms_shared.contracts.envelope import Contract, Open
from csms_shared.contracts.event_data.fields import (
    ConnectionId,
    Epoch,
    GatewayId,
    Seq,
    StationId,
)
from csms_shared.contracts.stations import RegistrationStatus

Registration = Annotated[
    Open[RegistrationStatus], Field(description="whether the station may take part")
]
WhyOffline = Annotated[
    str, Field(description="why the connection ended, in a word (docs/history.md)")
]


class StationNamed(Contract):
    """Nothing but which station it is."""

    station_id: StationId


class StationConnected(Contract):
    """A gateway holds a connection of the station: a new one, or one that it has back."""

    station_id: StationId
    gateway_id: GatewayId
    connection_id: ConnectionId
    epoch: Epoch
    ocpp_version: str = Field(description="what the connection speaks: `ocpp16`")
    remote_address: str = Field(description="the station's address, as the gateway sees it")
    security_profile: int | None = Field(
        None, description="0 to 3; absent where the gateway has the connection back"
    )


class StationDisconnected(Contract):
    """A connection of the station has ended."""

    station_id: StationId
    connection_id: ConnectionId
    epoch: Epoch
    reason: WhyOffline


class StationOnline(Contract):
    """The station has become reachable."""

    station_id: StationId
    epoch: Epoch


class StationOffline(Contract):
    """The station is not reachable any more."""

    station_id: StationId
    epoch: Epoch
    reason: WhyOffline


class StationBooted(Contract):
    """What a station said of itself when it booted; what it left out is null."""

    station_id: StationId
    epoch: Epoch
    seq: Seq
    registration_status: Registration
    vendor: str | None = Field(description="who made it")
    model: str | None = Field(description="the model")
    serial_number: str | None = Field(description="its serial number")
    firmware_version: str | None = Field(description="its firmware")


class RegistrationChanged(Contract):
    """Whether the station may take part has changed."""

    station_id: StationId
    registration_status: Registration
    epoch: int | None = Field(
        None, description="of the boot that changed it; absent where an operator did"
    )
    seq: int | None = Field(None, description="of that boot; absent with `epoch`")


class StationMoved(Contract):
    """The station belongs to another tenant from now on."""

    station_id: StationId
    from_tenant_id: str = Field(description="the tenant that it belonged to")
    to_tenant_id: str = Field(description="the tenant that it belongs to")


class SecurityProfileRaised(Contract):
    """The station connected with a higher security profile, which is its own from now on."""

    station_id: StationId
    security_profile: int = Field(description="0 to 3")
    previous_security_profile: int = Field(description="the one before, 0 to 3")
    connection_id: ConnectionId


class DataTransferred(Contract):
    """The station sent data of its vendor's own (DataTransfer)."""

    station_id: StationId
    epoch: Epoch
    seq: Seq
    vendor_id: str = Field(description="whose data it is")
    message_id: str | None = Field(description="what the vendor calls it")
    data: str | None = Field(description="the data, as it was sent")
