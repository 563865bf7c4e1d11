"""Events of bills. Amounts are decimal strings, times RFC 3339 UTC with `Z`."""

from typing import Annotated

from pydantic import Field

from csms_shared.contracts.envelope import Contract
from csms_shared.contracts.event_data.fields import StationId, TransactionId

Currency = Annotated[str, Field(description="ISO 4217")]
ExclVat = Annotated[str, Field(description="without VAT, in the currency's decimals")]
InclVat = Annotated[str, Field(description="with VAT, in the currency's decimals")]


class CostChanged(Contract):
    """What an open transaction has cost so far; the end is told as a bill."""

    transaction_id: TransactionId
    station_id: StationId
    currency: Currency
    total_excl_vat: ExclVat
    total_incl_vat: InclVat
    measured_at: str = Field(description="up to when it is paid, RFC 3339")


class BillTold(Contract):
    """A bill or a credit, whole but for its lines."""

    bill_id: str = Field(description="the bill or credit")
    transaction_id: TransactionId | None = Field(
        description="the transaction; null where it is of a reservation that nobody used"
    )
    reservation_id: int | None = Field(
        None, description="that reservation, as REST calls it; null where it is of a transaction"
    )
    station_id: StationId
    revision: int = Field(
        description="of the end of the transaction that it is of; 1 of a reservation"
    )
    corrects: str | None = Field(
        description="of a credit the bill that it takes back, of a bill the one it stands for"
    )
    tariff_id: str = Field(description="the tariff")
    tariff_version: int = Field(description="its version")
    currency: Currency
    total_excl_vat: ExclVat
    total_incl_vat: InclVat
    energy_kwh: str = Field(description="energy in kWh; of a credit that of the bill")
    review: list[str] = Field(description="why somebody has to look at it; empty without reason")
    cdr_id: str | None = Field(description="its charge detail record; null while it is kept back")
    cdr_position: int | None = Field(description="the number of that record")
