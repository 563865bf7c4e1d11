"""Charge detail records are numbered without a gap, in the order in which they are seen."""

import asyncio
import random

import pytest
from bill_books import Books, ended

from billing_service.bills.handlers.settling import Settling
from billing_service.bills.store.bills import bills_by_id
from billing_service.cdrs.handlers.requests import get_cdr
from csms_shared.contracts.billing import CdrName
from csms_shared.contracts.refusals import ProblemRaised
from csms_shared.db.engine import in_transaction


class Undone(Exception):
    """The transaction is given up, after everything was written."""


class Failing(Settling):
    """Settles, and gives up every other transaction at its very end."""

    async def _keep(self, connection, ready):  # type: ignore[no-untyped-def]
        await super()._keep(connection, ready)
        if ready and random.random() < 0.5:
            raise Undone
        return []


async def test_there_is_no_gap_whoever_writes_and_whatever_is_undone(books: Books) -> None:
    for tenant_id in ("default", "other"):
        await books.assign(tenant_id=tenant_id)
    count = 60
    for one in range(1, 2 * count + 1):
        books.ask.know(one)
    await books.tell(*(ended(one) for one in range(1, count + 1)))
    await books.tell(*(ended(one, tenant_id="other") for one in range(count + 1, 2 * count + 1)))
    settlers = [Failing(books.engine, books.ask, lambda: None) for _ in range(3)]
    seen: dict[str, list[int]] = {"default": [], "other": []}
    done = asyncio.Event()

    async def settle(settler: Settling) -> None:
        while await books.run("SELECT 1 FROM session WHERE due_at IS NOT NULL LIMIT 1"):
            await settler.round()
            await books.all_due()

    async def read(tenant_id: str) -> None:
        """Go on from the last number that was seen, as a reader does."""
        last = False
        while True:
            after = len(seen[tenant_id])
            page = await books.cdrs(tenant_id=tenant_id, after=after, limit=10)
            seen[tenant_id] += [one.position for one in page.items]
            if last and not page.items:
                return
            last = done.is_set()

    readers = [asyncio.create_task(read(tenant_id)) for tenant_id in seen]
    await asyncio.gather(*map(settle, settlers))
    done.set()
    await asyncio.gather(*readers)
    assert seen == {"default": [*range(1, count + 1)], "other": [*range(1, count + 1)]}
    (row,) = await books.run("SELECT count(DISTINCT bill_id) AS n FROM cdr")
    assert row.n == 2 * count


async def test_a_record_is_read_by_its_id_within_its_tenant(books: Books) -> None:
    await books.assign()
    books.ask.know(1)
    await books.bill(1)
    (record,) = (await books.cdrs()).items
    name = CdrName(cdr_id=record.cdr["id"])
    assert await in_transaction(books.engine, lambda one: get_cdr(one, name)) == record
    other = CdrName(cdr_id=record.cdr["id"], tenant_id="other")
    with pytest.raises(ProblemRaised) as none:
        await in_transaction(books.engine, lambda one: get_cdr(one, other))
    assert none.value.problem.status == 404


async def test_records_are_read_by_their_time(books: Books) -> None:
    await books.assign()
    for one in (1, 2, 3):
        books.ask.know(one)
        await books.bill(one)
    records = (await books.cdrs()).items
    second = records[1].cdr["last_updated"]
    rows = await books.run("SELECT created_at FROM cdr ORDER BY position")
    at = rows[1].created_at
    assert [one.position for one in (await books.cdrs(from_time=at)).items] == [2, 3]
    assert [one.position for one in (await books.cdrs(to_time=at)).items] == [1]
    assert second.endswith("Z")


async def test_what_is_missing_never_keeps_a_bill_back(books: Books) -> None:
    await books.assign()
    books.ask.know(1, site_id=None)
    del books.ask.of_places[1]
    await books.bill(1)
    (record,) = (await books.cdrs()).items
    assert {"party_id", "country_code", "cdr_location.address"} <= set(record.missing)
    assert (await books.cost(1)).missing == record.missing


async def test_facts_and_tariff_of_a_bill_give_its_cost_again(books: Books) -> None:
    from billing_service.bills.domain.pricing import ByTariff, known_of, priced
    from billing_service.tariffs.store.choosing import versions

    await books.assign()
    books.ask.know(1, readings=[{"at": "2026-11-20T08:20:00.000000Z", "energy_wh": "4321.0001"}])
    await books.bill(1)
    (row,) = await books.run("SELECT bill_id FROM bill")
    (bill,) = (await in_transaction(books.engine, lambda c: bills_by_id(c, [row[0]]))).values()
    named = (bill.tariff_id, bill.tariff_version)
    chosen = (await in_transaction(books.engine, lambda one: versions(one, {named})))[named]
    by = ByTariff(bill.tariff_id, bill.tariff_version, chosen.name, chosen.tariff)
    assert priced(known_of(bill.facts), by).cost == bill.cost
