"""Events of transactions. Registers and energy in Wh, times RFC 3339 UTC with `Z`."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from csms_shared.contracts.envelope import Contract, Open
from csms_shared.contracts.event_data.fields import (
    ConnectorId,
    Energy,
    Epoch,
    EvseId,
    Flags,
    IdTokenText,
    Seq,
    StationId,
    StationTransactionId,
    TransactionId,
)
from csms_shared.contracts.sessions import TransactionStatus

MeterStart = Annotated[int, Field(description="the station's register at the start, Wh")]
StartedAt = Annotated[str, Field(description="when it began, RFC 3339")]
StoppedAt = Annotated[str | None, Field(description="when it ended, RFC 3339")]
MeterStop = Annotated[int | None, Field(description="the station's register at the end, Wh")]
Reason = Annotated[str | None, Field(description="why it ended, as OCPP spells it")]


class StartAnswer(StrEnum):
    """What a start is answered about its token (OCPP 1.6, AuthorizationStatus)."""

    ACCEPTED = "accepted"
    BLOCKED = "blocked"
    EXPIRED = "expired"
    INVALID = "invalid"
    CONCURRENT_TX = "concurrent_tx"


class TransactionStarted(Contract):
    """A transaction has begun."""

    transaction_id: TransactionId
    station_transaction_id: StationTransactionId
    station_id: StationId
    evse_id: EvseId
    connector_id: ConnectorId
    id_token: IdTokenText
    started_at: StartedAt
    meter_start: MeterStart
    authorization_status: Open[StartAnswer] = Field(
        description="what the start was answered about its token"
    )
    status: Open[TransactionStatus] = Field(
        description="`stop_missing` where its connector has a newer one already"
    )
    epoch: Epoch
    seq: Seq
    reservation_id: int | None = Field(
        None, description="the station's number of the reservation that it used; absent without"
    )


class TransactionUpdated(Contract):
    """What is newest of an open transaction; figures that are not known are null."""

    transaction_id: TransactionId
    station_transaction_id: StationTransactionId
    station_id: StationId
    evse_id: EvseId
    connector_id: ConnectorId
    energy_wh: Energy
    power_w: float | None = Field(description="power in W; null where it is not known")
    soc_percent: float | None = Field(
        description="the vehicle's state of charge in percent; null where it is not known"
    )
    measured_at: str = Field(description="when the newest of the figures was measured, RFC 3339")


class TransactionStopped(Contract):
    """A transaction has ended; of several events the highest `revision` counts."""

    transaction_id: TransactionId
    station_transaction_id: StationTransactionId
    revision: int = Field(description="how often the end has been told with this: the first is 1")
    station_id: StationId
    evse_id: EvseId
    connector_id: ConnectorId
    id_token: IdTokenText
    started_at: StartedAt
    meter_start: MeterStart
    stopped_at: StoppedAt
    meter_stop: MeterStop
    energy_wh: Energy
    reason: Reason
    stop_id_token: str | None = Field(description="the id token that it was stopped with")
    flags: Flags
    epoch: int | None = Field(
        None, description="of the station's stop; absent where none is known (closed by hand)"
    )
    seq: int | None = Field(None, description="of the station's stop; absent with `epoch`")
    closed_by: str | None = Field(
        None, description="who closed it by hand; absent where the station ended it"
    )


class Correction(StrEnum):
    """Why an end is told anew.

    `own_stop`: a stop that names the transaction replaces one that was matched with it.
    `earlier_stop`: a stop that was sent earlier has come. `stop_after_close`: the station's own
    stop has come of a transaction that was closed by hand, and stays as it was closed.
    """

    OWN_STOP = "own_stop"
    EARLIER_STOP = "earlier_stop"
    STOP_AFTER_CLOSE = "stop_after_close"


class PreviousEnd(Contract):
    """The end as the revision before told it."""

    stopped_at: StoppedAt
    meter_stop: MeterStop
    energy_wh: Energy
    reason: Reason
    stop_id_token: str | None = Field(description="the id token that it was stopped with")
    flags: Flags


class StationStop(Contract):
    """What the station says of the end of a transaction that was closed by hand."""

    stopped_at: StoppedAt
    meter_stop: MeterStop
    energy_wh: Energy
    reason: Reason


class TransactionValuesLate(Contract):
    """Values of energy, current or a signature have come of a transaction that had ended."""

    transaction_id: TransactionId
    station_transaction_id: StationTransactionId
    station_id: StationId
    evse_id: EvseId
    connector_id: ConnectorId
    number: int = Field(description="how many values have come with this")


class TransactionCorrected(TransactionStopped):
    """The end of a transaction turned out otherwise than it was told; this is the whole result."""

    correction: Open[Correction] = Field(description="why it is told anew")
    previous: PreviousEnd = Field(description="the end as the revision before told it")
    station_stop: StationStop | None = Field(
        None, description="what the station says; absent where nobody closed it by hand"
    )
