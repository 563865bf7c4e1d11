"""Events of connectors."""

from pydantic import Field

from csms_shared.contracts.envelope import Contract
from csms_shared.contracts.event_data.fields import (
    ConnectorId,
    ConnectorOrStation,
    Epoch,
    EvseId,
    Seq,
    StationId,
)


class ConnectorStatusChanged(Contract):
    """A connector's status, or what is said with it, has changed."""

    station_id: StationId
    epoch: Epoch
    seq: Seq
    evse_id: EvseId
    connector_id: ConnectorOrStation
    status: str = Field(description="the status as OCPP spells it")
    error_code: str = Field(description="the error as OCPP spells it; `NoError` without one")
    info: str | None = Field(description="what the station says of it")
    vendor_id: str | None = Field(description="whose `vendor_error_code` it is")
    vendor_error_code: str | None = Field(description="the vendor's own error")


class ConnectorOutOfService(Contract):
    """A connector that served does not any more."""

    station_id: StationId
    evse_id: EvseId
    connector_id: ConnectorOrStation
    status: str = Field(description="`Faulted` or `Unavailable`")


class ConnectorAdded(Contract):
    """The first word of a connector."""

    station_id: StationId
    evse_id: EvseId
    connector_id: ConnectorId
