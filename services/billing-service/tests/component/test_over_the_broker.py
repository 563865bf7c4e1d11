"""The service as others see it: events in, questions out, answers and events."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from bill_books import Books, ended, started, until, updated
from billing_fakes import Outside, running_outside, running_replica


@pytest.fixture
async def outside(broker_url: str) -> AsyncIterator[Outside]:
    """Who stands around the service."""
    async with running_outside(broker_url) as outside:
        yield outside


async def test_a_session_is_followed_from_its_start_to_its_record(
    books: Books, outside: Outside, broker_url: str, billing_url: str
) -> None:
    await books.assign()
    async with running_replica(broker_url, billing_url):
        outside.knows.goes_on(1, (10, 2_000))
        await outside.tell(started(1))
        await outside.tell(updated(1))
        await until(lambda: outside.told("transaction.cost_changed"))
        outside.knows.know(
            1, revision=1, stopped_at="2026-11-20T09:00:00.000000Z", meter_stop=11_000
        )
        await outside.tell(ended(1))
        await outside.until_final([1])
        await until(lambda: outside.told("bill.issued"))
        (told,) = outside.told("bill.issued")
        record = await outside.ask("cdrs.get", cdr_id=told["cdr_id"])
        assert (record["position"], record["cdr"]["currency"]) == (1, "EUR")
        assert await outside.ask("overview.bills") == {"bills": {"held": 0, "held_is_bound": False}}
        page = await outside.ask("cdrs.list")
        assert page == {"items": [record], "next_cursor": None}
        (bill,) = (await outside.ask("bills.list"))["items"]
        assert bill["bill_id"] == told["bill_id"]
        assert (await outside.ask("costs.get", transaction_id=1))["total_incl_vat"] == "4.17"
        assert await outside.ask("costs.get", transaction_id=2) == (404, "not_found")
        assert (await outside.ask("bills.release", bill_id=bill["bill_id"], released_by="me"))[
            0
        ] == 409


async def test_two_replicas_bill_each_session_once(
    books: Books, outside: Outside, broker_url: str, billing_url: str
) -> None:
    await books.assign()
    numbers = [*range(1, 201)]
    for one in numbers:
        outside.knows.know(one)
    async with (
        running_replica(broker_url, billing_url, outside.knows),
        running_replica(broker_url, billing_url, outside.knows),
    ):
        batches = [numbers[first : first + 20] for first in range(0, len(numbers), 20)]
        await asyncio.gather(*(outside.tell(*map(ended, batch)) for batch in batches * 2))
        await outside.until_final(numbers)
    assert await books.positions() == numbers
    assert sorted(await books.keys()) == ["bill.issued"] * len(numbers)


async def test_what_a_replica_that_is_gone_had_claimed_is_billed_by_another(
    books: Books, outside: Outside, broker_url: str, billing_url: str
) -> None:
    await books.assign()
    outside.knows.know(1)
    await books.tell(ended(1))
    await books.run("UPDATE session SET due_at = now() + interval '2 s'")
    async with running_replica(broker_url, billing_url, outside.knows):
        await outside.until_final([1])
    assert await books.positions() == [1]


async def test_what_is_no_event_is_parked_and_costs_nothing_else(
    books: Books, outside: Outside, broker_url: str, billing_url: str
) -> None:
    await books.assign()
    outside.knows.know(1)
    bad = ended(2)
    bad["data"]["revision"] = "the third"
    too_big = ended(2**63)
    async with running_replica(broker_url, billing_url, outside.knows):
        await outside.tell(bad, too_big, ended(1))
        await outside.until_final([1])

        async def are_parked() -> bool:
            return len(await books.run("SELECT 1 FROM parked")) == 2

        await until(are_parked)
