"""Events of charging profiles."""

from enum import StrEnum

from pydantic import Field

from csms_shared.contracts.charging import ProfileStateName
from csms_shared.contracts.envelope import Contract, Open
from csms_shared.contracts.event_data.fields import CommandId, ConnectorOrStation, StationId


class PurposeName(StrEnum):
    """What a profile limits: the station as a whole, any transaction, or one transaction."""

    STATION_MAX = "station_max"
    TX_DEFAULT = "tx_default"
    TX = "tx"


class ChargingProfileTold(Contract):
    """A charging profile in a station, or not in it any more."""

    station_id: StationId
    connector_id: ConnectorOrStation
    profile_id: int = Field(description="the profile's number in the station")
    purpose: Open[PurposeName] = Field(description="what it limits")
    stack_level: int = Field(description="of several profiles the highest level counts")
    transaction_id: int | None = Field(description="the transaction that it is for")
    command_id: CommandId
    state: Open[ProfileStateName] = Field(description="what became of it (docs/smart-charging.md)")
