"""A bill never changes: a credit takes it back, and another comes instead."""

from datetime import timedelta
from typing import Any

import pytest
from bill_books import START, Books, amounts, ended, started, values_late

from csms_shared.contracts.billing import BillKind, BillStatus
from csms_shared.contracts.refusals import ProblemRaised
from csms_shared.contracts.scopes import Scope
from csms_shared.values.times import format_exact_time

# The session of an hour and 10 kWh begins at 9 o'clock in Berlin.
_DEAR_UNTIL_NINE_THIRTY: dict[str, Any] = {
    "currency": "EUR",
    "elements": [
        {
            "price_components": [{"type": "ENERGY", "price": 1, "step_size": 1}],
            "restrictions": {"end_time": "09:30"},
        },
        {"price_components": [{"type": "ENERGY", "price": 0.1, "step_size": 1}]},
    ],
}


async def test_an_end_that_turns_out_otherwise_is_a_credit_and_a_new_bill(books: Books) -> None:
    await books.assign()
    books.ask.know(1)
    await books.bill(1)
    before = await books.cdrs()
    await books.correct(1, 2, meter_stop=21_000)
    after, credit, first = await books.bills()
    assert [one.kind for one in (first, credit, after)] == [
        BillKind.BILL,
        BillKind.CREDIT,
        BillKind.BILL,
    ]
    assert (credit.corrects, after.corrects) == (first.bill_id, first.bill_id)
    assert amounts(credit) == ("-3.50", "-4.17")
    assert (first.energy_kwh, credit.energy_kwh, after.energy_kwh) == ("10", "10", "20")
    assert amounts(after) == ("7.00", "8.33")
    assert await books.keys() == ["bill.issued", "bill.credited", "bill.issued"]
    records = (await books.cdrs()).items
    assert records[0] == before.items[0]
    assert [one.position for one in records] == [1, 2, 3]
    assert records[1].cdr["credit"] is True
    assert records[1].cdr["credit_reference_id"] == records[0].cdr["id"]
    assert records[1].cdr["total_cost"] == {"excl_vat": -3.5, "incl_vat": -4.17}
    assert records[1].cdr["total_energy"] == 10
    shown = await books.cost(1)
    assert (shown.bill_id, shown.corrects, shown.cdr_position) == (after.bill_id, first.bill_id, 3)


async def test_a_correction_that_changes_no_amount_is_none(books: Books) -> None:
    await books.assign()
    books.ask.know(1)
    await books.bill(1)
    await books.correct(1, 2, stop_reason="Remote")
    assert [one.revision for one in await books.bills()] == [1]
    assert await books.keys() == ["bill.issued"]
    assert (await books.cost(1)).final


async def test_each_correction_takes_back_the_bill_before_it(books: Books) -> None:
    await books.assign()
    books.ask.know(1)
    await books.bill(1)
    for revision, meter_stop in ((2, 21_000), (3, 11_000), (4, 12_000)):
        await books.correct(1, revision, meter_stop=meter_stop)
    rows = await books.run("SELECT kind, total_incl_vat FROM bill ORDER BY sequence")
    assert [(row.kind, str(row.total_incl_vat)) for row in rows] == [
        ("bill", "4.17"),
        ("credit", "-4.17"),
        ("bill", "8.33"),
        ("credit", "-8.33"),
        ("bill", "4.17"),
        ("credit", "-4.17"),
        ("bill", "4.58"),
    ]
    assert await books.positions() == [1, 2, 3, 4, 5, 6, 7]


async def test_a_correction_keeps_the_tariff_of_the_first_bill(books: Books) -> None:
    first = await books.assign()
    books.ask.know(1)
    await books.bill(1)
    await books.run("DELETE FROM tariff_assignment")
    await books.assign({"currency": "SEK", "elements": [_per_session(5)]})
    await books.correct(1, 2, meter_stop=21_000)
    assert {one.tariff_id for one in await books.bills()} == {str(first)}


async def test_a_bill_that_somebody_has_to_look_at_is_kept_back_until_then(books: Books) -> None:
    await books.assign()
    books.ask.know(1, flags=["clock_not_set"])
    await books.bill(1)
    (bill,) = await books.bills(status=BillStatus.REVIEW)
    cost = await books.cost(1)
    assert (cost.final, cost.status, cost.review) == (False, BillStatus.REVIEW, ["clock_not_set"])
    assert (bill.cdr_id, await books.positions()) == (None, [])
    released = await books.release(bill.bill_id)
    assert (released.status, released.released_by) == (BillStatus.FINAL, "operator")
    assert (released.cdr_position, await books.positions()) == (1, [1])
    assert (await books.cost(1)).final
    assert await books.keys() == ["bill.held", "bill.released"]
    with pytest.raises(ProblemRaised) as refused:
        await books.release(bill.bill_id)
    assert refused.value.problem.status == 409


async def test_bills_that_wait_are_counted_by_tenant_and_scope_and_without_their_credits(
    books: Books,
) -> None:
    await books.assign()
    books.ask.know(1)
    books.ask.know(2, flags=["clock_not_set"], site_id="site-2", tags=[])
    books.ask.know(3, flags=["clock_not_set"])
    await books.bill(1, 2, 3)
    assert (await books.held(), await books.held(tenant_id="other")) == (2, 0)
    # A bill that was sent is to be taken back once somebody has looked at what comes instead.
    await books.correct(1, 2, meter_stop=21_000, flags=["clock_not_set"])
    assert len(await books.bills(status=BillStatus.REVIEW)) == 4
    assert await books.held() == 3
    for scope, seen in (
        (Scope(site_ids=("site-2",)), 1),
        (Scope(tags=("fast",)), 2),
        (Scope(site_ids=("elsewhere",)), 0),
    ):
        assert await books.held(scope=scope) == seen


async def test_what_is_not_there_is_not_released(books: Books) -> None:
    for tenant_id in ("default", "other"):
        with pytest.raises(ProblemRaised) as refused:
            await books.release("8f14e45f-ceea-4670-8b5a-1b6e3c0f7a10", tenant_id=tenant_id)
        assert refused.value.problem.status == 404


async def test_a_correction_of_what_was_kept_back_sends_neither_it_nor_its_credit(
    books: Books,
) -> None:
    await books.assign()
    books.ask.know(1, flags=["clock_not_set"])
    await books.bill(1)
    await books.correct(1, 2, meter_stop=21_000, flags=[])
    assert [(one.kind, one.cdr_position) for one in await books.bills()] == [
        (BillKind.BILL, 1),
        (BillKind.CREDIT, None),
        (BillKind.BILL, None),
    ]
    assert await books.bills(status=BillStatus.REVIEW) == []
    assert await books.keys() == ["bill.held", "bill.credited", "bill.issued"]
    first = (await books.bills())[-1]
    with pytest.raises(ProblemRaised) as refused:
        await books.release(first.bill_id)
    assert refused.value.problem.status == 409


async def test_what_was_kept_back_is_replaced_by_what_costs_the_same_but_was_otherwise(
    books: Books,
) -> None:
    await books.assign({"currency": "EUR", "elements": [_per_session(5)]})
    books.ask.know(1, flags=["conflicting_stops"])
    await books.bill(1)
    await books.correct(1, 2, meter_stop=21_000)
    await books.correct(1, 3)
    held = (await books.bills())[0]
    assert [len(await books.bills()), held.revision, held.energy_kwh] == [3, 2, "20"]
    await books.release(held.bill_id)
    (record,) = (await books.cdrs()).items
    assert record.cdr["total_energy"] == 20
    await books.correct(1, 4, meter_stop=31_000)
    assert await books.positions() == [1]


async def test_a_credit_is_sent_with_the_bill_that_comes_instead(books: Books) -> None:
    await books.assign()
    books.ask.know(1)
    await books.bill(1)
    await books.correct(1, 2, meter_stop=21_000, flags=["conflicting_stops"])
    assert await books.positions() == [1]
    after, credit, _ = await books.bills()
    with pytest.raises(ProblemRaised):
        await books.release(credit.bill_id)
    await books.release(after.bill_id)
    records = (await books.cdrs()).items
    assert [record.cdr["id"] for record in records[1:]] == [credit.bill_id, after.bill_id]
    assert await books.keys() == [
        "bill.issued",
        "bill.credited",
        "bill.held",
        "bill.credited",
        "bill.released",
    ]


async def test_what_was_sent_is_taken_back_though_what_came_instead_was_kept_back(
    books: Books,
) -> None:
    await books.assign()
    books.ask.know(1)
    await books.bill(1)
    await books.correct(1, 2, meter_stop=21_000, flags=["conflicting_stops"])
    await books.correct(1, 3, meter_stop=12_000, flags=[])
    records = [one.cdr for one in (await books.cdrs()).items]
    assert [one["total_cost"]["incl_vat"] for one in records] == [4.17, -4.17, 4.58]
    assert records[1]["credit_reference_id"] == records[0]["id"]
    assert await books.bills(status=BillStatus.REVIEW) == []
    assert (await books.cost(1)).final


async def test_values_that_came_late_count_when_somebody_has_it_settled_again(
    books: Books,
) -> None:
    await books.assign()
    books.ask.know(1)
    await books.bill(1)
    await books.settle_again(1)
    assert len(await books.bills()) == 1
    books.ask.know(1, meter_stop=21_000)
    await books.tell(ended(1))
    await books.settle()
    assert len(await books.bills()) == 1
    await books.settle_again(1)
    assert amounts((await books.bills())[0]) == ("7.00", "8.33")
    assert await books.keys() == ["bill.issued", "bill.credited", "bill.issued"]


async def test_values_that_came_after_the_bill_correct_it_where_an_amount_changes(
    books: Books,
) -> None:
    await books.assign(_DEAR_UNTIL_NINE_THIRTY)
    books.ask.know(1)
    await books.bill(1)
    assert amounts(await books.cost(1)) == ("5.50", "5.50")
    for minutes, wh, totals, number in ((45, 6_000, "4.00", 3), (30, 4_333, "4.00", 3)):
        readings = [
            {"at": format_exact_time(START + timedelta(minutes=minutes)), "energy_wh": str(wh)}
        ]
        books.ask.know(1, readings=readings)
        await books.tell(values_late(1), values_late(1))
        await books.settle()
        assert (amounts(await books.cost(1)), len(await books.bills())) == ((totals,) * 2, number)
    assert await books.keys() == ["bill.issued", "bill.credited", "bill.issued"]
    assert await books.positions() == [1, 2, 3]


async def test_values_that_come_late_put_nothing_off(books: Books) -> None:
    await books.assign()
    books.ask.know(1)
    await books.tell(ended(1))
    await books.tell(values_late(1), delay_s=3600)
    await books.settle()
    assert (await books.cost(1)).final


async def test_values_of_what_goes_on_or_has_no_tariff_settle_nothing(books: Books) -> None:
    await books.tell(values_late(1), started(2))
    await books.tell(values_late(2))
    books.ask.know(3)
    await books.bill(3)
    await books.assign()
    await books.tell(values_late(3))
    assert await books.settling.round() == 0
    assert (await books.cost(3)).status is BillStatus.UNPRICED
    assert [(await books.cost(one)).status for one in (1, 2)] == [BillStatus.RUNNING] * 2


async def test_a_tariff_that_is_assigned_later_bills_what_is_settled_again(books: Books) -> None:
    books.ask.know(1)
    await books.bill(1)
    await books.assign()
    await books.settle_again(1)
    assert (await books.cost(1)).final


async def test_a_session_that_goes_on_is_not_settled(books: Books) -> None:
    await books.tell(started(1))
    for transaction_id, status in ((1, 409), (2, 404)):
        with pytest.raises(ProblemRaised) as refused:
            await books.settle_again(transaction_id)
        assert refused.value.problem.status == status


async def test_readings_that_were_deleted_since_take_no_bill_back(books: Books) -> None:
    parking = {"type": "PARKING_TIME", "price": 6, "vat": 19, "step_size": 1}
    await books.assign({"currency": "EUR", "elements": [{"price_components": [parking]}]})
    early = [{"at": format_exact_time(START + timedelta(minutes=1)), "energy_wh": "11000"}]
    books.ask.know(1, readings=early)
    await books.bill(1)
    before = await books.cost(1)
    await books.correct(1, 2, readings=[], values_complete=False)
    assert len(await books.bills()) == 1
    assert await books.cost(1) == before
    # What is still known of another is corrected, however old it is.
    await books.correct(1, 3, readings=[], values_complete=True)
    assert [one.kind for one in await books.bills()][:2] == [BillKind.BILL, BillKind.CREDIT]


def _per_session(price: float) -> dict[str, object]:
    return {"price_components": [{"type": "FLAT", "price": price, "step_size": 1}]}


async def test_why_a_bill_can_not_be_corrected_is_shown_until_it_is(books: Books) -> None:
    await books.assign()
    books.ask.know(1)
    await books.bill(1)
    books.ask.refused = {1}
    await books.correct(1, 2, meter_stop=21_000)
    held = await books.cost(1)
    assert (amounts(held), held.review) == (("3.50", "4.17"), ["session-service met a defect"])
    assert [one.review for one in await books.bills()] == [[]]
    books.ask.refused = set()
    await books.all_due()
    await books.settle()
    mended = await books.cost(1)
    assert (amounts(mended), mended.review) == (("7.00", "8.33"), [])
