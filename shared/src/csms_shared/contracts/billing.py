"""Requests that billing-service answers (docs/billing.md). Times are RFC 3339 UTC with `Z`.

Amounts are decimal strings. Totals have the decimals of the currency; amounts of lines have more,
where a line is no whole number of its minor unit, and always add up to the total.
"""

from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, Field

from csms_shared.contracts.about import ABOUT_OPERATIONS
from csms_shared.contracts.envelope import Contract
from csms_shared.contracts.overview import BILLS_OVERVIEW_OPERATIONS
from csms_shared.contracts.pages import PAGE_DEFAULT, PAGE_MAX, PARKED_OPERATIONS, PageQuery
from csms_shared.contracts.requests import OfTenant, WithinScope
from csms_shared.values.numbers import INT64_MAX
from csms_shared.values.times import Expiry, Moment

TRANSACTIONS_MAX = PAGE_MAX
READINGS_MAX = 10_000
STATUSES_MAX = 1_000
TariffName = Annotated[str, Field(min_length=1, max_length=255, pattern="^[^\x00]*$")]


class TariffView(Contract):
    """A tariff in one of its versions: `tariff` is an OCPI 2.2.1 Tariff object without its ids.

    `version` counts from 1; `created_at` and `created_by` are of the first, `changed_*` of this.
    """

    tariff_id: str
    name: str
    version: int
    tariff: dict[str, Any]
    created_at: str
    created_by: str
    changed_at: str
    changed_by: str


class ListTariffs(PageQuery, OfTenant):
    """Tariffs by their newest version, newest first; `q` looks into names."""

    q: str | None = None


class GetTariff(OfTenant):
    """Names a tariff in its newest version, or in the one that is named."""

    tariff_id: UUID
    version: Annotated[int, Field(ge=1, le=2_147_483_647)] | None = None


class CreateTariff(OfTenant):
    """A new tariff. `tariff_id`: the id that it gets; asked again with it, it is the same one."""

    tariff_id: UUID
    name: TariffName
    tariff: dict[str, Any]
    created_by: str


class ChangeTariff(OfTenant):
    """A new version, which counts for what begins from now on. Without a change there is none."""

    tariff_id: UUID
    name: TariffName
    tariff: dict[str, Any]
    changed_by: str


class DeleteTariff(OfTenant):
    """Take a tariff away; 409 while it is assigned. What was billed by it stays readable."""

    tariff_id: UUID


class AssignmentTarget(StrEnum):
    """What a tariff is assigned to, in the order in which it is looked for."""

    ID_TOKEN = "id_token"  # noqa: S105 - a kind of target
    GROUP = "group_id"
    STATION = "station_id"
    TAG = "tag"
    SITE = "site_id"
    TENANT = "tenant"


class AssignmentView(Contract):
    """A tariff holds for sessions that begin at or after `valid_from` and before `valid_to`.

    Exactly one target is not null, or none: then it is assigned to the whole tenant.
    """

    assignment_id: str
    tariff_id: str
    tariff_name: str
    id_token: str | None = None
    group_id: str | None = None
    station_id: str | None = None
    tag: str | None = None
    site_id: str | None = None
    valid_from: str | None
    valid_to: str | None
    created_at: str
    created_by: str


class ListAssignments(PageQuery, OfTenant):
    """Filter of assignments, newest first."""

    tariff_id: UUID | None = None
    target: AssignmentTarget | None = None
    value: str | None = None


class CreateAssignment(OfTenant):
    """A new assignment; `value` is null for the whole tenant alone."""

    assignment_id: UUID
    tariff_id: UUID
    target: AssignmentTarget
    value: Annotated[str, Field(min_length=1, max_length=255)] | None = None
    valid_from: Moment | None = None
    valid_to: Expiry | None = None
    created_by: str


class AssignmentName(OfTenant):
    """Names an assignment."""

    assignment_id: UUID


class SimulatedReading(Contract):
    """What the register showed, in Wh."""

    at: Moment
    energy_wh: Annotated[float, Field(ge=0, le=1e12)]


class SimulatedStatus(Contract):
    """What the station said of its connector, as OCPP spells it."""

    at: Moment
    status: Annotated[str, Field(min_length=1, max_length=50)]


class Simulate(OfTenant):
    """What a session of these facts would cost by a tariff: its newest version, or `version`."""

    tariff_id: UUID
    version: Annotated[int, Field(ge=1, le=2_147_483_647)] | None = None
    started_at: Moment
    stopped_at: Moment
    time_zone: str
    meter_start: Annotated[float, Field(ge=0, le=1e12)]
    meter_stop: Annotated[float, Field(ge=0, le=1e12)]
    readings: list[SimulatedReading] = Field(default_factory=list, max_length=READINGS_MAX)
    statuses: list[SimulatedStatus] = Field(default_factory=list, max_length=STATUSES_MAX)


class CostLine(Contract):
    """A line of a cost. `type`: ENERGY, TIME, PARKING_TIME, FLAT or ADJUSTMENT.

    `unit`: kWh, h, session or null; `element`: that of the tariff, counted from 0; `reason` of an
    adjustment: `rounding`, `min_price` or `max_price`.
    """

    type: str
    from_time: str
    to_time: str
    quantity: str | None
    unit: str | None
    unit_price: str | None
    amount_excl_vat: str
    vat_percent: str | None
    amount_incl_vat: str
    element: int | None
    reason: str | None = None
    of_reservation: bool = False


class CostPeriod(Contract):
    """A time in which the same prices held: `elements` maps a dimension to the tariff's element.

    `kind`: CHARGING, PARKING or RESERVATION.
    """

    from_time: str
    to_time: str
    kind: str
    energy_kwh: str
    hours: str
    elements: dict[str, int]


class VatView(Contract):
    """What is owed at one rate."""

    percent: str
    amount_excl_vat: str
    vat: str


class BillStatus(StrEnum):
    """`running`: it goes on. `settling`: ended, not final yet. `unpriced`: no tariff is assigned.

    `final`: billed and told. `review`: billed, and kept back until an operator releases it.
    """

    RUNNING = "running"
    SETTLING = "settling"
    UNPRICED = "unpriced"
    REVIEW = "review"
    FINAL = "final"


class CostSummary(Contract):
    """What lists show; `final` where nothing but a correction can change it."""

    final: bool
    status: BillStatus
    currency: str | None
    total_excl_vat: str | None
    total_incl_vat: str | None


class SignatureView(Contract):
    """A value that the meter signed: `verified` is null where nobody can say, for this `reason`.

    `no_key`, `unreadable_key`, `unknown_algorithm`, `unknown_encoding` (only OCMF can be checked),
    `unreadable_value`; `signature_invalid` where it is false.
    """

    at: str
    nature: str
    verified: bool | None
    reason: str | None


class CostView(CostSummary):
    """What a transaction costs, and why. Without a tariff amounts are null and lines empty.

    Or what a reservation costs that nobody used; where nothing is to be paid for it, it is final
    without amounts. `bill_id`, `corrects`: the bill, and the one that it stands for instead;
    `review`: why somebody has to look at it; `missing`: what a CDR would need and nobody entered.
    """

    transaction_id: int | None = None
    reservation_id: int | None = None
    tariff_id: str | None = None
    tariff_name: str | None = None
    tariff_version: int | None = None
    assignment_id: str | None = None
    time_zone: str | None = None
    energy_kwh: str | None = None
    lines: list[CostLine] = Field(default_factory=list)
    periods: list[CostPeriod] = Field(default_factory=list)
    vat: list[VatView] = Field(default_factory=list)
    signatures: list[SignatureView] = Field(default_factory=list)
    review: list[str] = Field(default_factory=list)
    missing: list[str] = Field(default_factory=list)
    bill_id: str | None = None
    corrects: str | None = None
    cdr_position: int | None = None
    calculated_at: str | None = None


class BillKind(StrEnum):
    """`credit` takes a bill back: its amounts are negative, its energy is not."""

    BILL = "bill"
    CREDIT = "credit"


class BillView(Contract):
    """A bill or a credit. It never changes; what corrects it is a credit and a new bill.

    Of a transaction, or of a reservation that nobody used: the other one of both ids is null.
    `corrects`: of a credit the bill that it takes back, of a bill the one that it stands for.
    """

    bill_id: str
    kind: BillKind
    status: BillStatus
    transaction_id: int | None
    reservation_id: int | None = None
    station_id: str
    id_token: str | None
    revision: int
    corrects: str | None
    tariff_id: str
    tariff_version: int
    currency: str
    total_excl_vat: str
    total_incl_vat: str
    energy_kwh: str
    review: list[str]
    cdr_id: str | None
    cdr_position: int | None
    created_at: str
    released_at: str | None
    released_by: str | None


class ListBills(PageQuery, WithinScope):
    """Filter of bills and credits, newest first."""

    transaction_id: int | None = None
    reservation_id: int | None = None
    station_id: str | None = None
    status: BillStatus | None = None


class CostOf(WithinScope):
    """Names one transaction."""

    transaction_id: int


class CostsOf(WithinScope):
    """Names the transactions of a page."""

    transaction_ids: list[int] = Field(max_length=TRANSACTIONS_MAX)


class Costs(Contract):
    """By transaction id, as text; what nothing is known of is not there."""

    costs: dict[str, CostSummary]


class SettleAgain(WithinScope):
    """Have a transaction settled again: by what is known and assigned now, where it has no bill.

    Where it has one, that is corrected by what is known now, if an amount changes. 409 while the
    transaction goes on.
    """

    transaction_id: int


class ReservationOf(WithinScope):
    """Names a reservation: to be told its cost, or to have it settled again as by SettleAgain.

    404 until it has ended.
    """

    reservation_id: int


class ReleaseBill(WithinScope):
    """Send on a bill that was kept back; 409 where it was not."""

    bill_id: UUID
    released_by: str


class Cdr(Contract):
    """A charge detail record (OCPI 2.2.1, mod_cdrs) at its position, which is its number.

    `missing`: fields that OCPI demands and nobody entered.
    """

    position: int
    cdr: dict[str, Any]
    missing: list[str]


class ListCdrs(OfTenant):
    """CDRs after a position, in the order of positions; times are those of `last_updated`."""

    after: Annotated[int, Field(ge=0, le=INT64_MAX)] = 0
    limit: int = Field(PAGE_DEFAULT, ge=1, le=PAGE_MAX)
    from_time: Moment | None = None
    to_time: Moment | None = None


class CdrPage(Contract):
    """CDRs; `next_cursor` is the position to go on after, null at the end."""

    items: list[Cdr]
    next_cursor: int | None


class CdrName(OfTenant):
    """Names a CDR by its id."""

    cdr_id: UUID


# operation -> parameters; results: Page[TariffView], TariffView (get, create, change), null,
# CostView, Page[AssignmentView], AssignmentView (get, create), null, CostView (get,
# of_reservation), Costs, Page[BillView], BillView, null (settle, settle_reservation), CdrPage, Cdr,
# BillsOverview; then those of all services.
BILLING_OPERATIONS: dict[str, type[BaseModel]] = {
    "tariffs.list": ListTariffs,
    "tariffs.get": GetTariff,
    "tariffs.create": CreateTariff,
    "tariffs.change": ChangeTariff,
    "tariffs.delete": DeleteTariff,
    "tariffs.simulate": Simulate,
    "tariff_assignments.list": ListAssignments,
    "tariff_assignments.get": AssignmentName,
    "tariff_assignments.create": CreateAssignment,
    "tariff_assignments.delete": AssignmentName,
    "costs.get": CostOf,
    "costs.of_reservation": ReservationOf,
    "costs.of": CostsOf,
    "bills.list": ListBills,
    "bills.release": ReleaseBill,
    "bills.settle": SettleAgain,
    "bills.settle_reservation": ReservationOf,
    "cdrs.list": ListCdrs,
    "cdrs.get": CdrName,
    **BILLS_OVERVIEW_OPERATIONS,
    **PARKED_OPERATIONS,
    **ABOUT_OPERATIONS,
}
