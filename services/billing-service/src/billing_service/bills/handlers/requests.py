"""What is asked about costs and bills."""

from decimal import Decimal
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from billing_service.bills.domain.subject import (
    number_of_reservation,
    number_of_transaction,
    reservation_of,
    transaction_of,
)
from billing_service.bills.handlers.events import CREDITED, RELEASED, bill_told
from billing_service.bills.handlers.sending import send
from billing_service.bills.store.bills import (
    bill_of_tenant,
    close_bills,
    read_bill,
    unsent_credits,
)
from billing_service.bills.store.pages import (
    bill_within,
    cost_row,
    count_held,
    page_of_bills,
    summaries,
)
from billing_service.bills.store.sessions import have_settled, lock_sessions, released
from billing_service.costs.domain.shown import decimal_text
from billing_service.database.service_tables import outbox
from billing_service.tariffs.domain.currencies import MINOR_DIGITS
from csms_shared.contracts.billing import (
    BillKind,
    BillStatus,
    BillView,
    CostOf,
    Costs,
    CostsOf,
    CostSummary,
    CostView,
    ListBills,
    ReleaseBill,
    ReservationOf,
    SettleAgain,
)
from csms_shared.contracts.overview import (
    COUNTED_MAX,
    AskBillsOverview,
    BillCounts,
    BillsOverview,
)
from csms_shared.contracts.pages import Page
from csms_shared.contracts.refusals import refuse
from csms_shared.contracts.requests import WithinScope
from csms_shared.db.outbox import write_events
from csms_shared.runtime.clock import utc_now
from csms_shared.values.times import format_time


async def get_cost(connection: AsyncConnection, asked: CostOf) -> CostView:
    """Return what a transaction costs, or has cost so far.

    Raises:
        ProblemRaised: nothing is known of it.
    """
    number = number_of_transaction(asked.transaction_id)
    return _cost_view(await _known(connection, asked, number))


async def get_reservation_cost(connection: AsyncConnection, asked: ReservationOf) -> CostView:
    """Return what a reservation costs that nobody used; nothing where somebody did.

    Raises:
        ProblemRaised: nothing is known of it.
    """
    number = number_of_reservation(asked.reservation_id)
    return _cost_view(await _known(connection, asked, number))


async def _known(connection: AsyncConnection, asked: WithinScope, number: int) -> Row[Any]:
    row = await cost_row(connection, asked, number)
    if row is None:
        raise refuse(404, "not_found", "nothing is known of it")
    return row


def _cost_view(row: Row[Any]) -> CostView:
    status = BillStatus(row.state)
    if row.bill_id is None:
        return _without_bill(row, status)
    # Why it can't be corrected, where somebody has to look: what is shown may not be right.
    problem = [] if row.problem is None else [row.problem]
    return CostView(
        **(row.cost | {"review": [*row.cost["review"], *problem]}),
        final=status is BillStatus.FINAL,
        status=status,
        transaction_id=transaction_of(row.transaction_id),
        reservation_id=reservation_of(row.transaction_id),
        tariff_id=str(row.tariff_id),
        tariff_name=row.tariff_name,
        tariff_version=row.tariff_version,
        assignment_id=_text(row.assignment_id),
        time_zone=row.time_zone,
        missing=list(row.missing or ()),
        bill_id=str(row.bill_id),
        corrects=_text(row.corrects),
        cdr_position=row.position,
        calculated_at=format_time(row.created_at),
    )


def _without_bill(row: Row[Any], status: BillStatus) -> CostView:
    nothing = {"currency": None, "total_excl_vat": None, "total_incl_vat": None}
    cost = nothing if row.running is None else row.running
    # Why it has no bill yet, where that is not only a matter of seconds.
    problem = {} if row.problem is None else {"review": [row.problem]}
    return CostView(
        **(cost | problem),
        # A reservation for which nothing is to be paid is final as it is.
        final=status is BillStatus.FINAL,
        status=status,
        transaction_id=transaction_of(row.transaction_id),
        reservation_id=reservation_of(row.transaction_id),
        calculated_at=None if row.calculated_at is None else format_time(row.calculated_at),
    )


async def costs_of(connection: AsyncConnection, asked: CostsOf) -> Costs:
    """Return what lists show of the costs of transactions."""
    rows = await summaries(connection, asked, asked.transaction_ids)
    return Costs(costs={str(row.transaction_id): _summary(row) for row in rows})


def _summary(row: Row[Any]) -> CostSummary:
    status = BillStatus(row.state)
    billed = row.bill_id is not None
    currency = row.currency if billed else row.running_currency
    excl = row.total_excl_vat if billed else row.running_excl_vat
    incl = row.total_incl_vat if billed else row.running_incl_vat
    return CostSummary(
        final=status is BillStatus.FINAL,
        status=status,
        currency=currency,
        total_excl_vat=None if currency is None else _amount(excl, currency),
        total_incl_vat=None if currency is None else _amount(incl, currency),
    )


async def list_bills(connection: AsyncConnection, asked: ListBills) -> Page[BillView]:
    """Return bills and credits, newest first."""
    rows, cursor = await page_of_bills(connection, asked)
    return Page(items=[_bill_view(row) for row in rows], next_cursor=cursor)


async def overview(connection: AsyncConnection, asked: AskBillsOverview) -> BillsOverview:
    """Return how many bills wait for somebody to look at them."""
    held = await count_held(connection, asked, COUNTED_MAX + 1)
    counts = BillCounts(held=min(held, COUNTED_MAX), held_is_bound=held > COUNTED_MAX)
    return BillsOverview(bills=counts)


async def release_bill(connection: AsyncConnection, asked: ReleaseBill) -> BillView:
    """Send on a bill that was kept back, after the credits of what it stands for.

    Raises:
        ProblemRaised: there is no such bill, or it is not kept back.
    """
    found = await bill_within(connection, asked, asked.bill_id)
    if found is None:
        raise refuse(404, "not_found", f"there is no bill {asked.bill_id}")
    # Nothing else is done about the session meanwhile.
    key = (asked.tenant_id, found.transaction_id)
    session = (await lock_sessions(connection, [key]))[key]
    row = await bill_of_tenant(connection, asked.tenant_id, asked.bill_id)
    assert row is not None
    if row.kind == BillKind.CREDIT or row.status != BillStatus.REVIEW:
        raise refuse(409, "not_held", "this bill is not kept back")
    assert session.bill_id == row.bill_id, "a bill that is kept back is the one that holds"
    bill = read_bill(row)
    credits = await unsent_credits(connection, *key)
    sent = [*credits, bill]
    now = utc_now()
    await close_bills(connection, [one.bill_id for one in sent], now, asked.released_by)
    records = await send(connection, sent)
    await released(connection, key)
    told = [bill_told(CREDITED, one, records[one.bill_id]) for one in credits]
    told.append(bill_told(RELEASED, bill, records[bill.bill_id]))
    await write_events(connection, outbox, told)
    shown = await bill_within(connection, asked, asked.bill_id)
    assert shown is not None
    return _bill_view(shown)


async def settle_again(connection: AsyncConnection, asked: SettleAgain) -> None:
    """Have a session settled again, of which there may be more to know, or a tariff by now.

    Raises:
        ProblemRaised: nothing is known of it, or it goes on.
    """
    number = number_of_transaction(asked.transaction_id)
    row = await _known(connection, asked, number)
    if row.revision == 0:
        raise refuse(409, "transaction_active", "the transaction goes on")
    await have_settled(connection, (asked.tenant_id, number))


async def settle_reservation_again(connection: AsyncConnection, asked: ReservationOf) -> None:
    """Have a reservation settled again, of which there may be more to know, or a tariff by now.

    Raises:
        ProblemRaised: nothing is known of it, as of one that has not ended.
    """
    number = number_of_reservation(asked.reservation_id)
    await _known(connection, asked, number)
    await have_settled(connection, (asked.tenant_id, number))


def _bill_view(row: Row[Any]) -> BillView:
    return BillView(
        bill_id=str(row.bill_id),
        kind=row.kind,
        status=row.status,
        transaction_id=transaction_of(row.transaction_id),
        reservation_id=reservation_of(row.transaction_id),
        station_id=row.station_id,
        id_token=row.id_token,
        revision=row.revision,
        corrects=_text(row.corrects),
        tariff_id=str(row.tariff_id),
        tariff_version=row.tariff_version,
        currency=row.currency,
        total_excl_vat=_amount(row.total_excl_vat, row.currency),
        total_incl_vat=_amount(row.total_incl_vat, row.currency),
        energy_kwh=decimal_text(row.energy_kwh),
        review=list(row.review),
        cdr_id=_text(row.cdr_id),
        cdr_position=row.position,
        created_at=format_time(row.created_at),
        released_at=None if row.released_at is None else format_time(row.released_at),
        released_by=row.released_by,
    )


def _amount(amount: Decimal, currency: str) -> str:
    return decimal_text(amount, MINOR_DIGITS[currency])


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
