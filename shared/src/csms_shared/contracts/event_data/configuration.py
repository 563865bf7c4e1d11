"""Events of stations' configuration."""

from pydantic import Field

from csms_shared.contracts.envelope import Contract
from csms_shared.contracts.event_data.fields import CommandId, StationId


class ConfigurationChanged(Contract):
    """A station took a value for a key of its configuration."""

    station_id: StationId
    configuration_key: str = Field(description="the key")
    value: str | None = Field(description="the value; a secret reads `***`")
    status: str = Field(description="the station's answer: `Accepted` or `RebootRequired`")
    command_id: CommandId
