"""Sessions that have ended get one bill each, whatever comes twice, late or in the wrong order."""

import asyncio
import json
import random
from datetime import timedelta
from fractions import Fraction

import pytest
from bill_books import PER_KWH, START, Books, amounts, ended, started, until, updated
from sqlalchemy import text

from billing_service.bills.handlers.settling import Settling
from billing_service.database import SCHEMA
from csms_shared.contracts.billing import AssignmentTarget, BillKind, BillStatus
from csms_shared.contracts.refusals import ProblemRaised
from csms_shared.contracts.scopes import Scope
from csms_shared.db.engine import create_engine
from csms_shared.runtime.errors import Unavailable
from csms_shared.values.times import format_exact_time


async def test_a_session_that_has_ended_is_billed_told_and_recorded(books: Books) -> None:
    tariff_id = await books.assign()
    books.ask.know(1)
    await books.bill(1)
    cost = await books.cost(1)
    assert (cost.final, cost.status, *amounts(cost)) == (True, BillStatus.FINAL, "3.50", "4.17")
    assert (cost.tariff_id, cost.tariff_version, cost.energy_kwh) == (str(tariff_id), 1, "10")
    assert cost.time_zone == "Europe/Berlin"
    assert (cost.lines[0].type, cost.lines[0].amount_excl_vat) == ("ENERGY", "3.50")
    ((key, told),) = await books.told()
    assert key == "bill.issued"
    assert (told["total_incl_vat"], told["cdr_position"]) == ("4.17", 1)
    ((record),) = (await books.cdrs()).items
    assert record.cdr["id"] == told["cdr_id"]
    assert record.cdr["total_cost"] == {"excl_vat": 3.5, "incl_vat": 4.17}


async def test_nothing_is_settled_before_its_time(books: Books) -> None:
    await books.assign()
    books.ask.know(1)
    await books.tell(ended(1), delay_s=3600)
    await books.settle()
    assert (await books.cost(1)).status is BillStatus.SETTLING
    assert books.ask.asked == []
    await books.all_due()
    await books.settle()
    assert (await books.cost(1)).final


@pytest.mark.parametrize("seed", range(5))
async def test_order_and_repetition_of_events_change_nothing(books: Books, seed: int) -> None:
    await books.assign()
    books.ask.know(1, revision=3)
    events = [started(1), updated(1), ended(1), ended(1, 2), ended(1, 3)] * 2
    random.Random(seed).shuffle(events)
    for one in events:
        await books.tell(one)
        await books.running.round()
        await books.settle()
        await books.all_due()
    await books.settle()
    assert [(one.kind, one.revision) for one in await books.bills()] == [(BillKind.BILL, 3)]
    assert await books.keys() == ["bill.issued"]
    assert await books.run("SELECT 1 FROM session WHERE due_at IS NOT NULL") == []
    assert await books.run("SELECT 1 FROM session WHERE running_due_at IS NOT NULL") == []


async def test_an_end_of_which_the_facts_do_not_know_yet_waits_for_them(books: Books) -> None:
    await books.assign()
    books.ask.know(1, revision=1)
    await books.tell(ended(1, 2))
    await books.settling.round()
    assert await books.bills() == []
    books.ask.know(1, revision=2)
    await books.all_due()
    await books.settle()
    assert [one.revision for one in await books.bills()] == [2]


async def test_facts_that_are_newer_than_what_was_told_are_billed_once(books: Books) -> None:
    await books.assign()
    books.ask.know(1, revision=2)
    await books.tell(ended(1))
    await books.settle()
    await books.tell(ended(1, 2))
    await books.settle()
    assert [one.revision for one in await books.bills()] == [2]


async def test_several_who_settle_bill_each_session_once(books: Books) -> None:
    await books.assign()
    count = 120
    for one in range(1, count + 1):
        books.ask.know(one)
    await books.tell(*(ended(one) for one in range(1, count + 1)))
    settlers = [Settling(books.engine, books.ask, lambda: None) for _ in range(4)]

    async def settle(settler: Settling) -> None:
        while await settler.round():
            pass

    await asyncio.gather(*map(settle, settlers))
    (row,) = await books.run("SELECT count(*) AS n, count(DISTINCT transaction_id) AS m FROM bill")
    assert (row.n, row.m) == (count, count)
    assert await books.positions() == [*range(1, count + 1)]


async def test_a_claim_that_took_too_long_bills_nothing_twice(books: Books) -> None:
    await books.assign()
    books.ask.know(1)
    other = Settling(books.engine, books.ask, lambda: None)

    async def another_settles() -> None:
        books.ask.meanwhile = None
        await books.all_due()
        await other.round()

    books.ask.meanwhile = another_settles
    await books.tell(ended(1))
    await books.settle()
    assert len(await books.bills()) == 1
    assert await books.keys() == ["bill.issued"]
    assert await books.positions() == [1]


async def test_what_comes_while_a_session_is_settled_is_settled_after_it(books: Books) -> None:
    await books.assign()
    books.ask.know(1)

    async def corrected() -> None:
        books.ask.meanwhile = None
        await books.tell(ended(1, 2))

    books.ask.meanwhile = corrected
    await books.tell(ended(1))
    await books.settling.round()
    assert len(await books.bills()) == 1
    books.ask.know(1, revision=2, meter_stop=21_000)
    await books.settle()
    assert [one.kind for one in await books.bills()].count(BillKind.BILL) == 2
    assert amounts(await books.cost(1)) == ("7.00", "8.33")


async def test_services_that_are_away_lose_nothing(books: Books) -> None:
    await books.assign()
    books.ask.know(1)
    books.ask.away = 4
    await books.tell(ended(1))
    for _ in range(5):
        await books.settling.round()
        await books.all_due()
    await books.settle()
    assert (await books.cost(1)).final


async def test_a_bad_session_holds_back_none_of_its_neighbours(books: Books) -> None:
    await books.assign()
    for one in range(1, 8):
        books.ask.know(one)
    books.ask.know(2, meter_stop="many")
    books.ask.know(3, started_at="0001-01-01T00:00:00Z")
    books.ask.know(4, id_token="no\x00text")
    books.ask.of_places[5]["time_zone"] = "Europe/Atlantis"
    del books.ask.facts[6]
    await books.bill(*range(1, 8))
    states = {key: one.status for key, one in (await books.costs(*range(1, 8))).costs.items()}
    assert [key for key, state in states.items() if state is BillStatus.FINAL] == ["1", "7"]
    for one in range(2, 7):
        cost = await books.cost(one)
        assert (cost.final, cost.status) == (False, BillStatus.SETTLING)
        assert len(cost.review) == 1
    assert (
        await books.run("SELECT 1 FROM session WHERE problem IS NOT NULL AND due_at IS NULL") == []
    )
    books.ask.know(6)
    books.ask.know(4, id_token="a text")
    await books.all_due()
    await books.settle()
    assert [(await books.cost(one)).final for one in (4, 6)] == [True, True]
    assert (await books.cost(4)).review == []


async def test_a_question_that_is_refused_for_one_is_asked_for_each(books: Books) -> None:
    await books.assign()
    for one in (1, 2, 3):
        books.ask.know(one)
    books.ask.refused = {2}
    await books.bill(1, 2, 3)
    assert [(await books.cost(one)).final for one in (1, 2, 3)] == [True, False, True]


async def test_a_database_that_is_lost_in_the_middle_costs_nothing(
    books: Books, billing_url: str
) -> None:
    """Bills are written, and the number of their records waited for, when the connection ends."""
    await books.assign()
    books.ask.know(1)
    await books.bill(1)
    numbers = [*range(2, 31)]
    for one in numbers:
        books.ask.know(one)
    await books.tell(*map(ended, numbers))
    engine = create_engine(billing_url, SCHEMA, name="to be lost", pool_size=4)
    settling = Settling(engine, books.ask, lambda: None)
    of_it = "FROM pg_stat_activity WHERE application_name = 'to be lost'"
    async with books.engine.begin() as numbering:
        await numbering.execute(text("SELECT 1 FROM cdr_head FOR UPDATE"))
        lost = asyncio.create_task(settling.round())

        async def is_waiting() -> bool:
            return bool(await books.run(f"SELECT 1 {of_it} AND wait_event_type = 'Lock'"))

        await until(is_waiting)
        await books.run(f"SELECT pg_terminate_backend(pid) {of_it}")
        with pytest.raises(Unavailable):
            await lost
    assert await books.positions() == [1]
    await books.all_due()
    while await settling.round():
        pass
    await engine.dispose()
    assert await books.positions() == [1, *numbers]
    assert await books.keys() == ["bill.issued"] * 30


async def test_without_a_tariff_there_is_no_bill(books: Books) -> None:
    books.ask.know(1)
    await books.bill(1)
    cost = await books.cost(1)
    assert (cost.final, cost.status, cost.total_excl_vat) == (False, BillStatus.UNPRICED, None)
    assert (await books.bills(), await books.keys(), await books.positions()) == ([], [], [])
    await books.assign()
    await books.settle()
    assert (await books.cost(1)).status is BillStatus.UNPRICED


async def test_a_session_of_another_tenant_is_not_seen(books: Books) -> None:
    await books.assign(tenant_id="other")
    books.ask.know(1)
    await books.tell(ended(1, tenant_id="other"))
    await books.settle()
    assert (await books.cost(1, "other")).final
    assert (await books.costs(1)).costs == {}
    assert (await books.bills(), await books.positions()) == ([], [])
    with pytest.raises(ProblemRaised) as none:
        await books.cost(1)
    assert none.value.problem.status == 404
    async with books.requests_engine.connect() as connection:
        found = await connection.execute(text("SELECT 1 FROM bill"))
        assert found.first() is None


async def test_costs_are_seen_within_a_scope(books: Books) -> None:
    await books.assign()
    books.ask.know(1)
    books.ask.know(2, site_id="site-2", tags=[])
    await books.bill(1, 2)
    for scope, seen in (
        (Scope(site_ids=("site-2",)), ["2"]),
        (Scope(tags=("fast",)), ["1"]),
        (Scope(site_ids=("site-1", "site-2")), ["1", "2"]),
        (Scope(tags=("none",)), []),
    ):
        assert sorted((await books.costs(1, 2, scope=scope)).costs) == seen
        assert sorted(str(one.transaction_id) for one in await books.bills(scope=scope)) == seen


async def test_extremes_of_every_type_are_billed(books: Books) -> None:
    dear = {
        "currency": "UYW",
        "elements": [
            {"price_components": [{"type": "ENERGY", "price": 10**9, "vat": 100, "step_size": 0}]}
        ],
    }
    await books.assign(dear)
    most = 2**63 - 1
    books.ask.know(
        most,
        revision=2**31 - 1,
        meter_start=-(2**63),
        meter_stop=2**63 - 1,
        started_at="1969-12-31T00:00:00.000000Z",
        stopped_at="1970-01-02T00:00:00.000000Z",
        id_token="é" * 36,
        flags=["clock_not_set"],
        readings=[{"at": "1970-01-01T00:00:00.000001Z", "energy_wh": "0." + "0" * 30 + "1"}],
    )
    await books.tell(ended(most, 2**31 - 1))
    await books.settle()
    cost = await books.cost(most)
    assert cost.status is BillStatus.REVIEW
    assert cost.total_excl_vat == f"{(2**64 - 1) * 10**6}.0000"
    amounts_of_lines = [Fraction(one.amount_excl_vat) for one in cost.lines]
    assert sum(amounts_of_lines) == Fraction(cost.total_excl_vat)
    assert (await books.release(cost.bill_id or "")).cdr_position == 1


async def test_a_session_of_no_time_and_no_energy_is_billed(books: Books) -> None:
    await books.assign()
    at = format_exact_time(START)
    books.ask.know(1, started_at=at, stopped_at=at, meter_start=0, meter_stop=0)
    await books.bill(1)
    assert amounts(await books.cost(1)) == ("0.00", "0.00")
    assert await books.positions() == [1]


async def test_the_version_that_held_at_the_start_counts(books: Books) -> None:
    tariff_id = await books.assign()
    dearer = json.dumps(PER_KWH).replace("0.35", "0.45")
    changed_at = START + timedelta(minutes=30)
    await books.run(
        "INSERT INTO tariff_version (tariff_id, version, tenant_id, name, tariff, changed_at, "
        f"changed_by) VALUES ('{tariff_id}', 2, 'default', 'Dearer', CAST('{dearer}' AS jsonb), "
        f"'{changed_at.isoformat()}', 'test')"
    )
    for one, minutes in ((1, 0), (2, 30), (3, 60)):
        begins = START + timedelta(minutes=minutes)
        books.ask.know(
            one,
            started_at=format_exact_time(begins),
            stopped_at=format_exact_time(begins + timedelta(hours=1)),
        )
    await books.bill(1, 2, 3)
    assert [(await books.cost(one)).tariff_version for one in (1, 2, 3)] == [1, 2, 2]
    assert [amounts(await books.cost(one))[0] for one in (1, 2, 3)] == ["3.50", "4.50", "4.50"]


async def test_site_and_tags_are_those_of_the_start(books: Books) -> None:
    by_tag = await books.assign(target=AssignmentTarget.TAG, value="slow")
    by_site = await books.assign(target=AssignmentTarget.SITE, value="site-2")
    books.ask.know(1, site_id="site-2", tags=["slow"])
    books.ask.know(2, site_id="site-2", tags=[])
    await books.bill(1, 2)
    found = {one.transaction_id: one.tariff_id for one in await books.bills()}
    assert found == {1: str(by_tag), 2: str(by_site)}
    assert {one.site_id for one in books.ask.places_asked} == {"site-2"}


async def test_a_list_shows_no_amount_of_what_has_no_tariff_any_more(books: Books) -> None:
    await books.assign()
    books.ask.goes_on(1, (30, 6_000))
    await books.tell(updated(1))
    await books.running.round()
    assert (await books.costs(1)).costs["1"].total_excl_vat == "1.75"
    await books.run("DELETE FROM tariff_assignment")
    books.ask.know(
        1, revision=1, stopped_at=format_exact_time(START + timedelta(hours=1)), meter_stop=11_000
    )
    await books.bill(1)
    shown = (await books.costs(1)).costs["1"]
    assert (shown.status, shown.currency, shown.total_excl_vat) == (BillStatus.UNPRICED, None, None)
