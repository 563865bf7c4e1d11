"""A reservation that nobody used is billed as a session is: once, corrected, kept back."""

from datetime import timedelta
from typing import Any

import pytest
from bill_books import START, Books, amounts, reservation

from csms_shared.contracts.billing import BillKind, BillStatus
from csms_shared.contracts.refusals import ProblemRaised
from csms_shared.contracts.scopes import Scope
from csms_shared.values.times import format_exact_time


def _price(kind: str, price: float, **restrictions: Any) -> dict[str, Any]:
    component = {"type": kind, "price": price, "vat": 20, "step_size": 1}
    return {"price_components": [component], "restrictions": restrictions}


# As in docs/billing.md, Reservations.
_RESERVED: dict[str, Any] = {
    "currency": "EUR",
    "elements": [
        {"price_components": [{"type": "ENERGY", "price": 0.35, "step_size": 1}]},
        _price("TIME", 2, reservation="RESERVATION"),
        _price("TIME", 4, reservation="RESERVATION_EXPIRES"),
    ],
    "min_price": {"excl_vat": 5},
}
_FREE_IF_CANCELLED = _RESERVED | {
    "elements": [_price("FLAT", 3, reservation="RESERVATION_EXPIRES")]
}


@pytest.mark.parametrize(
    ("status", "total"), [("expired", ("2.00", "2.40")), ("cancelled", ("1.00", "1.20"))]
)
async def test_half_an_hour_that_nobody_used_is_billed(
    books: Books, status: str, total: tuple[str, str]
) -> None:
    tariff_id = await books.assign(_RESERVED)
    await books.end_reservation(7, status=status)
    (bill,) = await books.bills(reservation_id=7)
    assert (bill.transaction_id, bill.reservation_id) == (None, 7)
    assert (bill.kind, bill.status) == (BillKind.BILL, BillStatus.FINAL)
    assert (bill.tariff_id, bill.id_token, bill.energy_kwh) == (str(tariff_id), "TAG", "0")
    assert amounts(bill) == total
    ((key, told),) = await books.told("bill.")
    assert (key, told["transaction_id"], told["reservation_id"]) == ("bill.issued", None, 7)
    (record,) = (await books.cdrs()).items
    assert record.cdr["id"] == bill.cdr_id == bill.bill_id
    assert record.missing == []
    assert "session_id" not in record.cdr
    assert record.cdr["auth_method"] == "COMMAND"
    assert record.cdr["start_date_time"] == "2026-11-20T08:00:00.000Z"
    assert record.cdr["end_date_time"] == "2026-11-20T08:30:00.000Z"
    paid = {"excl_vat": float(total[0]), "incl_vat": float(total[1])}
    assert record.cdr["total_cost"] == record.cdr["total_reservation_cost"] == paid
    assert (record.cdr["total_energy"], record.cdr["total_time"]) == (0, 0)
    (period,) = record.cdr["charging_periods"]
    assert period["dimensions"] == [{"type": "RESERVATION_TIME", "volume": 0.5}]
    location = record.cdr["cdr_location"]
    assert {location[name] for name in ("evse_uid", "evse_id", "connector_id")} == {"#NA"}
    assert location["name"] == "Station road"


@pytest.mark.parametrize(
    "facts",
    [
        {"was_held": False},
        {"status": "used"},
        {"status": "refused"},
        {"status": "active", "stopped_at": None},
        {"stopped_at": format_exact_time(START)},
        {"stopped_at": format_exact_time(START - timedelta(minutes=1))},
        {"stopped_at": "0001-01-01T00:00:00.000000Z"},
    ],
)
async def test_what_was_not_held_for_somebody_who_did_not_come_is_not_billed(
    books: Books, facts: dict[str, Any]
) -> None:
    await books.assign(_RESERVED)
    books.ask.know_reservation(7, **facts)
    await books.tell(reservation("expired", 7))
    await books.settle()
    assert await books.bills() == []
    assert (await books.cdrs()).items == []
    (row,) = await books.run("SELECT state, due_at, problem FROM session")
    assert (row.state, row.due_at, row.problem) == ("final", None, None)
    cost = await books.reservation_cost(7)
    assert (cost.final, cost.status, amounts(cost)) == (True, BillStatus.FINAL, (None, None))


async def test_what_costs_nothing_has_no_bill(books: Books) -> None:
    await books.assign(_FREE_IF_CANCELLED)
    await books.end_reservation(7, status="cancelled")
    await books.end_reservation(8)
    assert [one.reservation_id for one in await books.bills()] == [8]


async def test_without_a_tariff_it_has_no_bill_until_it_is_settled_again(books: Books) -> None:
    await books.end_reservation(7)
    assert await books.bills() == []
    unpriced = await books.reservation_cost(7)
    assert (unpriced.status, unpriced.reservation_id) == (BillStatus.UNPRICED, 7)
    await books.assign(_RESERVED)
    await books.settle_reservation_again(7)
    cost = await books.reservation_cost(7)
    assert (cost.status, cost.final, cost.transaction_id) == (BillStatus.FINAL, True, None)
    (bill,) = await books.bills()
    assert (cost.bill_id, amounts(cost)) == (bill.bill_id, amounts(bill))
    (line,) = cost.lines
    assert (line.type, line.quantity, line.unit_price) == ("TIME", "0.5", "4")
    assert (line.element, line.of_reservation) == (2, True)
    assert cost.cdr_position == 1


async def test_what_is_not_there_has_no_cost_and_is_not_settled(books: Books) -> None:
    books.ask.know(7)
    await books.bill(7)
    for asking in (books.reservation_cost, books.settle_reservation_again):
        with pytest.raises(ProblemRaised) as refused:
            await asking(7)
        assert refused.value.problem.status == 404
    await books.end_reservation(8)
    for unknown in (-8, 0):
        with pytest.raises(ProblemRaised):
            await books.cost(unknown)
    with pytest.raises(ProblemRaised):
        await books.reservation_cost(8, tenant_id="other")
    with pytest.raises(ProblemRaised):
        await books.reservation_cost(8, scope=Scope(site_ids=("site-2",), tags=()))
    within = Scope(site_ids=(), tags=("fast",))
    assert (await books.reservation_cost(8, scope=within)).status is BillStatus.UNPRICED


async def test_events_of_a_reservation_come_in_any_order_and_again(books: Books) -> None:
    await books.assign(_RESERVED)
    books.ask.know_reservation(7, status="cancelled")
    told = [reservation(status, 7) for status in ("expired", "cancelled", "expired", "used")]
    for one in (*told, *reversed(told)):
        await books.tell(one, one)
        await books.settle()
    (bill,) = await books.bills()
    assert amounts(bill) == ("1.00", "1.20")


async def test_one_that_was_used_after_all_is_taken_back_and_nothing_comes_instead(
    books: Books,
) -> None:
    await books.assign(_RESERVED)
    await books.end_reservation(7)
    await books.end_reservation(7, status="used")
    credit, bill = await books.bills(reservation_id=7)
    assert (credit.kind, credit.corrects) == (BillKind.CREDIT, bill.bill_id)
    assert amounts(credit) == ("-2.00", "-2.40")
    assert await books.keys() == ["bill.issued", "bill.credited"]
    records = (await books.cdrs()).items
    assert [one.position for one in records] == [1, 2]
    assert records[1].cdr["credit_reference_id"] == bill.bill_id
    assert records[1].cdr["total_cost"] == {"excl_vat": -2, "incl_vat": -2.4}
    # Told again, nothing more is made; turned out otherwise, it is billed again.
    for _ in range(2):
        await books.end_reservation(7, status="expired")
    assert [amounts(one)[0] for one in await books.bills()] == ["2.00", "-2.00", "2.00"]
    assert await books.positions() == [1, 2, 3]


async def test_another_end_is_a_credit_and_a_new_bill(books: Books) -> None:
    await books.assign(_RESERVED)
    await books.end_reservation(7)
    quarter = format_exact_time(START + timedelta(minutes=15))
    await books.end_reservation(7, status="cancelled", stopped_at=quarter)
    assert [amounts(one)[0] for one in await books.bills()] == ["0.50", "-2.00", "2.00"]


async def test_one_that_the_station_gave_up_waits_for_somebody_to_look(books: Books) -> None:
    await books.assign(_RESERVED)
    await books.end_reservation(7, status="cancelled", reason="faulted")
    (bill,) = await books.bills()
    assert (bill.status, bill.review) == (BillStatus.REVIEW, ["reservation_given_up"])
    assert (await books.cdrs()).items == []
    released = await books.release(bill.bill_id)
    assert (released.reservation_id, released.cdr_position) == (7, 1)
    assert await books.keys() == ["bill.held", "bill.released"]


async def test_what_was_sent_is_taken_back_when_what_came_instead_waits_and_is_not_owed(
    books: Books,
) -> None:
    await books.assign(_RESERVED)
    await books.end_reservation(7)
    await books.end_reservation(7, status="cancelled", reason="faulted")
    assert await books.positions() == [1]
    await books.end_reservation(7, status="used", reason=None)
    records = (await books.cdrs()).items
    assert [one.cdr["total_cost"]["excl_vat"] for one in records] == [2, -2]
    assert {one.status for one in await books.bills()} == {BillStatus.FINAL}


async def test_a_reservation_and_a_transaction_of_one_number_are_apart(books: Books) -> None:
    await books.assign(_RESERVED)
    books.ask.know(7)
    await books.end_reservation(7)
    await books.bill(7)
    (of_session,) = await books.bills(transaction_id=7)
    (of_reservation,) = await books.bills(reservation_id=7)
    assert (of_session.transaction_id, of_reservation.reservation_id) == (7, 7)
    assert (await books.cost(7)).bill_id == of_session.bill_id
    # What a reservation is kept by names no transaction.
    assert await books.bills(transaction_id=-7) == []
    assert (await books.costs(-7)).costs == {}


async def test_one_that_can_not_be_read_holds_up_no_other(books: Books) -> None:
    await books.assign(_RESERVED)
    books.ask.know(1)
    books.ask.know_reservation(7, started_at=None)
    books.ask.know_reservation(9)
    await books.tell(*(reservation("expired", one) for one in (7, 8, 9)))
    await books.bill(1)
    assert (await books.reservation_cost(8)).review == ["session-service knows no such reservation"]
    assert {one.reservation_id or one.transaction_id for one in await books.bills()} == {1, 9}
    rows = await books.run("SELECT transaction_id, problem FROM session WHERE problem IS NOT NULL")
    problems = {row.transaction_id: row.problem for row in rows}
    assert problems.keys() == {-7, -8}
    assert "started_at" in problems[-7]
    assert problems[-8] == "session-service knows no such reservation"


async def test_who_is_asked_and_knows_no_reservations_puts_off_no_session(books: Books) -> None:
    await books.assign(_RESERVED)
    books.ask.know(1)
    books.ask.know_reservation(7)
    books.ask.knows_no_reservations = True
    await books.tell(reservation("expired", 7))
    await books.bill(1)
    assert [one.transaction_id for one in await books.bills()] == [1]
    books.ask.knows_no_reservations = False
    await books.all_due()
    await books.settle()
    assert {one.reservation_id for one in await books.bills()} == {None, 7}


async def test_a_session_that_turns_out_to_have_used_it_pays_for_it_and_the_former_one_does_not(
    books: Books,
) -> None:
    await books.assign(_RESERVED | {"min_price": {"excl_vat": 0}})
    early = {"reserved_at": format_exact_time(START - timedelta(minutes=30))}
    books.ask.know(1, reservation=early)
    books.ask.know(2)
    await books.bill(1, 2)
    assert [amounts(await books.cost(one))[0] for one in (1, 2)] == ["4.50", "3.50"]
    # It was the other one.
    books.ask.know(1, reservation=None)
    books.ask.know(2, reservation=early)
    books.ask.know_reservation(7, status="used")
    told = reservation("used", 7, transaction_id=2, former_transaction_id=1)
    await books.tell(told, told)
    await books.settle()
    assert [amounts(await books.cost(one))[0] for one in (1, 2)] == ["3.50", "4.50"]
    assert await books.bills(reservation_id=7) == []
    assert len(await books.bills()) == 6


async def test_one_that_a_session_goes_on_with_is_paid_at_its_end(books: Books) -> None:
    await books.assign(_RESERVED | {"min_price": {"excl_vat": 0}})
    books.ask.goes_on(1, (10, 2_000))
    books.ask.know_reservation(7, status="used")
    await books.tell(reservation("used", 7, transaction_id=1))
    await books.settle()
    assert await books.bills() == []
    early = {"reserved_at": format_exact_time(START - timedelta(minutes=30))}
    stopped = {"stopped_at": format_exact_time(START + timedelta(hours=1)), "meter_stop": 11_000}
    books.ask.know(1, revision=1, reservation=early, **stopped)
    await books.bill(1)
    (bill,) = await books.bills()
    assert amounts(bill)[0] == "4.50"


async def test_who_was_said_to_have_used_what_was_refused_does_not_pay_for_it(
    books: Books,
) -> None:
    await books.assign(_RESERVED | {"min_price": {"excl_vat": 0}})
    books.ask.know(1, reservation={"reserved_at": format_exact_time(START - timedelta(minutes=30))})
    await books.bill(1)
    books.ask.know(1, reservation=None)
    books.ask.know_reservation(7, status="refused", was_held=False)
    await books.tell(reservation("refused", 7, former_transaction_id=1))
    await books.settle()
    assert [amounts(one)[0] for one in await books.bills()] == ["3.50", "-4.50", "4.50"]
    assert (await books.reservation_cost(7)).final is True


@pytest.mark.parametrize("unreadable", [[7], {}, None, "7"])
async def test_an_id_that_is_none_holds_up_no_other(books: Books, unreadable: Any) -> None:
    await books.assign(_RESERVED)
    books.ask.know_reservation(7)
    books.ask.of_reservations[7]["reservation_id"] = unreadable
    books.ask.know_reservation(9)
    await books.tell(*(reservation("expired", one) for one in (7, 9)))
    await books.settle()
    assert [one.reservation_id for one in await books.bills()] == [9]
