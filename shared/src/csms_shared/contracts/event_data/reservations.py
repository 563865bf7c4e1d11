"""Events of reservations."""

from pydantic import Field

from csms_shared.contracts.envelope import Contract, Open
from csms_shared.contracts.event_data.fields import ConnectorOrStation, StationId
from csms_shared.contracts.reservations import ReservationStatus


class ReservationTold(Contract):
    """A reservation as it is now."""

    reservation_id: int = Field(description="the reservation, as REST calls it")
    station_reservation_id: int = Field(description="what the station calls it")
    station_id: StationId
    connector_id: ConnectorOrStation
    id_token: str = Field(description="whom it is for")
    status: Open[ReservationStatus] = Field(description="what became of it")
    reason: str | None = Field(description="why it is that (docs/reservations.md)")
    expires_at: str = Field(description="until when the connector is kept, RFC 3339")
    transaction_id: int | None = Field(description="the transaction whose start used it")
    former_transaction_id: int | None = Field(
        None, description="the transaction that was told to have used it before; absent without"
    )
