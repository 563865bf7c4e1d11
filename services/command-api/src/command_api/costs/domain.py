"""Costs as REST shows them: billing-service's, whose times REST calls `from` and `to`."""

from typing import Any

from pydantic import BaseModel, Field

from csms_shared.contracts.billing import BillStatus, CostSummary, VatView
from csms_shared.contracts.reservations import ReservationStatus, ReservationView
from csms_shared.contracts.sessions import TransactionStatus, TransactionView

Document = dict[str, Any]

_TIMES = {"from_time": "from", "to_time": "to"}


class CostLineView(BaseModel):
    """A line of a cost. Amounts and quantities are decimal strings.

    `type`: ENERGY, TIME, PARKING_TIME, FLAT or ADJUSTMENT. `unit`: kWh, h, session or null.
    `element`: that of the tariff, counted from 0. `reason` of an adjustment: `rounding`,
    `min_price` or `max_price`.
    """

    type: str
    from_: str = Field(alias="from")
    to: str
    quantity: str | None
    unit: str | None
    unit_price: str | None
    amount_excl_vat: str
    vat_percent: str | None
    amount_incl_vat: str
    element: int | None
    reason: str | None
    of_reservation: bool


class CostPeriodView(BaseModel):
    """A time in which the same prices held: `elements` maps a dimension to the tariff's element.

    `kind`: CHARGING, PARKING or RESERVATION.
    """

    from_: str = Field(alias="from")
    to: str
    kind: str
    energy_kwh: str
    hours: str
    elements: dict[str, int]


class SimulatedCost(CostSummary):
    """What a session costs, and why. Without a tariff amounts are null and lines empty.

    Lines add up to the totals. `review`: why somebody has to look at it before it is sent on.
    """

    tariff_id: str | None
    tariff_name: str | None
    tariff_version: int | None
    time_zone: str | None
    energy_kwh: str | None
    lines: list[CostLineView]
    periods: list[CostPeriodView]
    vat: list[VatView]
    review: list[str]
    corrects: str | None


class TransactionCost(SimulatedCost):
    """What a transaction costs. `final`: nothing but a correction changes it any more.

    `bill_id`, `corrects`: its bill, and the one that this stands for instead. `missing`: what a
    charge detail record would need and nobody entered.
    """

    transaction_id: int
    assignment_id: str | None
    missing: list[str]
    bill_id: str | None
    cdr_position: int | None
    calculated_at: str | None


class ReservationCost(SimulatedCost):
    """What a reservation costs that nobody used, as `TransactionCost`.

    `final` without amounts: nothing is to be paid for it. What a transaction has used is part of
    the transaction's cost.
    """

    reservation_id: int
    assignment_id: str | None
    missing: list[str]
    bill_id: str | None
    cdr_position: int | None
    calculated_at: str | None


class CostedTransaction(TransactionView):
    """A charging session, and what it costs: null where billing-service does not say so in time."""

    # Of session-service, which knows no costs, it is null.
    cost: CostSummary | None = None  # type: ignore[assignment]


def shown(cost: Document) -> Document:
    """Return a cost of billing-service as REST shows it."""
    return {
        **cost,
        "lines": [_renamed(line) for line in cost["lines"]],
        "periods": [_renamed(period) for period in cost["periods"]],
    }


def unknown_yet(transaction: TransactionView) -> BillStatus:
    """Return the state of a transaction that billing-service has not been told of yet."""
    goes_on = transaction.status is TransactionStatus.ACTIVE
    return BillStatus.RUNNING if goes_on else BillStatus.SETTLING


def unsettled(reservation: ReservationView) -> BillStatus:
    """Return the state of a reservation that billing-service has not been told of."""
    match reservation.status:
        case ReservationStatus.PENDING | ReservationStatus.ACTIVE:
            return BillStatus.RUNNING
        case ReservationStatus.REFUSED:
            return BillStatus.FINAL
        case _:
            return BillStatus.SETTLING


def _renamed(part: Document) -> Document:
    return {_TIMES.get(name, name): value for name, value in part.items()}
