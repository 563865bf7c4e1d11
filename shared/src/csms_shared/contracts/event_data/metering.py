"""Events of meter values: in the words of the station and its version of OCPP."""

from pydantic import ConfigDict, Field

from csms_shared.contracts.envelope import Contract
from csms_shared.contracts.event_data.fields import ConnectorOrStation, Epoch, Seq, StationId


class SentSample(Contract):
    """A sample as the station sent it (OCPP 1.6, SampledValue); what is absent has its default."""

    model_config = ConfigDict(extra="allow")

    value: str = Field(description="the value, which need not be a number")
    context: str | None = Field(None, description="why it was measured (Sample.Periodic)")
    format: str | None = Field(None, description="Raw or SignedData (Raw)")
    measurand: str | None = Field(
        None, description="what was measured (Energy.Active.Import.Register)"
    )
    phase: str | None = Field(None, description="of which phases; absent: of all together")
    location: str | None = Field(None, description="where it was measured (Outlet)")
    unit: str | None = Field(None, description="the unit (Wh)")


class SentMeterValue(Contract):
    """Samples of one time as the station sent them (OCPP 1.6, MeterValue)."""

    model_config = ConfigDict(extra="allow")

    timestamp: str = Field(description="the station's text, which need not be a readable time")
    sampledValue: list[SentSample] = Field(  # noqa: N815 - as OCPP spells it
        description="the samples of that time"
    )


class MeterValuesReceived(Contract):
    """The meter values of one call of a station."""

    station_id: StationId
    connector_id: ConnectorOrStation
    transaction_id: int | None = Field(
        description="the transaction that they belong to; null where they belong to none"
    )
    meter_values: list[SentMeterValue] = Field(description="the values, as the station sent them")
    epoch: Epoch
    seq: Seq
