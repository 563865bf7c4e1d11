"""Tenants with sessions that take long to price, beside others: nobody waits for nobody."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import pytest
from bill_books import WITHIN_S, Books, ended, until

from billing_service.bills.domain.pricing import ByTariff, Known, Priced, priced
from billing_service.bills.handlers import settling
from billing_service.bills.handlers.asking import SomeSessions
from billing_service.bills.handlers.settling import AT_ONCE, Settling
from billing_service.bills.store.sessions import claim_due
from csms_shared.db.engine import in_transaction

HEAVY, LIGHT = "heavy", "light"


class Slowly:
    """Prices as the service does, but takes its time for the sessions of a tenant."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
        self.priced: list[int] = []
        self._seconds = seconds
        monkeypatch.setattr(settling, "priced", self)

    def __call__(self, known: Known, by: ByTariff) -> Priced:
        if known.subject.id_token == HEAVY:
            time.sleep(self._seconds)
        self.priced.append(known.number)
        return priced(known, by)


async def _due(books: Books, tenant_id: str, transaction_ids: Sequence[int]) -> None:
    for one in transaction_ids:
        books.ask.know(one, id_token=tenant_id)
    await books.tell(*(ended(one, tenant_id=tenant_id) for one in transaction_ids))


async def _billed(books: Books, tenant_id: str) -> int:
    (row,) = await books.run(
        f"SELECT count(*) AS number FROM session WHERE tenant_id = '{tenant_id}' "
        "AND state = 'final'"
    )
    return int(row.number)


async def _assigned(books: Books) -> None:
    for tenant_id in (HEAVY, LIGHT):
        await books.assign(tenant_id=tenant_id)


async def test_neighbours_are_billed_while_a_tenants_sessions_take_long(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _assigned(books)
    slowly = Slowly(monkeypatch, 0.2)
    monkeypatch.setattr(settling, "SLICE_S", 0.2)
    await _due(books, HEAVY, range(1, 31))
    await _due(books, LIGHT, range(101, 121))
    round_ = asyncio.create_task(books.settling.round())

    async def neighbours_are_billed() -> bool:
        return await _billed(books, LIGHT) == 20

    await until(neighbours_are_billed)
    assert len([one for one in slowly.priced if one < 100]) < 30
    assert await asyncio.wait_for(round_, WITHIN_S) == AT_ONCE
    assert await _billed(books, HEAVY) == 30


async def test_who_has_much_that_is_due_takes_no_turn_of_others(books: Books) -> None:
    await _assigned(books)
    await _due(books, HEAVY, range(1, 4 * AT_ONCE))
    await _due(books, LIGHT, range(1001, 1011))
    assert await books.settling.round() == AT_ONCE
    assert (await _billed(books, LIGHT), await _billed(books, HEAVY)) == (10, AT_ONCE - 10)


async def test_two_who_settle_at_once_both_find_what_is_due(books: Books) -> None:
    await _assigned(books)
    await _due(books, HEAVY, range(1, 2 * AT_ONCE + 1))
    other = Settling(books.engine, books.ask, lambda: None)
    found = await asyncio.gather(books.settling.round(), other.round())
    assert tuple(found) == (AT_ONCE, AT_ONCE)
    assert await _billed(books, HEAVY) == 2 * AT_ONCE


async def test_who_is_still_claiming_leaves_what_it_does_not_take_to_others(books: Books) -> None:
    await _due(books, HEAVY, range(1, 2 * AT_ONCE + 1))
    async with books.engine.begin() as connection:
        claimed = await claim_due(connection, AT_ONCE)
        others = await in_transaction(books.engine, lambda one: claim_due(one, AT_ONCE))
    assert [one.transaction_id for one in claimed] == [*range(1, AT_ONCE + 1)]
    assert [one.transaction_id for one in others] == [*range(AT_ONCE + 1, 2 * AT_ONCE + 1)]


async def test_a_round_ends_before_its_claims_do_and_what_it_did_not_begin_is_due_as_it_was(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _assigned(books)
    slowly = Slowly(monkeypatch, 0.05)
    monkeypatch.setattr(settling, "SLICE_S", 0.0)
    monkeypatch.setattr(settling, "ROUND_S", 0.1)
    await _due(books, HEAVY, range(1, 31))
    due = await books.run("SELECT transaction_id, due_at, attempts FROM session ORDER BY 1")
    await books.settling.round()
    billed = len(slowly.priced)
    assert 0 < billed < 30
    left = await books.run(
        "SELECT transaction_id, due_at, attempts FROM session WHERE due_at IS NOT NULL ORDER BY 1"
    )
    assert left == [one for one in due if one.transaction_id not in slowly.priced]
    await books.settle()
    assert sorted(slowly.priced) == [*range(1, 31)]
    assert await books.positions(HEAVY) == [*range(1, 31)]


async def test_a_round_settles_something_however_long_its_answers_take(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _assigned(books)
    monkeypatch.setattr(settling, "SLICE_S", 0.0)
    monkeypatch.setattr(settling, "ROUND_S", 0.0)
    await _due(books, HEAVY, range(1, 4))
    await _due(books, LIGHT, range(101, 104))
    for number in range(1, 7):
        assert await books.settling.round() > 0
        assert await _billed(books, HEAVY) + await _billed(books, LIGHT) == number


async def test_a_tenant_whose_questions_are_not_answered_keeps_no_other_waiting(
    books: Books,
) -> None:
    await _assigned(books)
    await _due(books, HEAVY, range(1, 4))
    await _due(books, LIGHT, range(101, 104))
    answer = asyncio.Event()

    class Hanging:
        async def sessions(self, tenant_id: str, transaction_ids: Sequence[int]) -> SomeSessions:
            if tenant_id == HEAVY:
                await answer.wait()
            return await books.ask.sessions(tenant_id, transaction_ids)

        async def reservations(self, tenant_id: str, reservation_ids: Sequence[int]) -> list[Any]:
            return await books.ask.reservations(tenant_id, reservation_ids)

        async def places(self, tenant_id: str, sessions: Sequence[Any]) -> list[Any]:
            return await books.ask.places(tenant_id, sessions)

    round_ = asyncio.create_task(Settling(books.engine, Hanging(), lambda: None).round())

    async def neighbours_are_billed() -> bool:
        return await _billed(books, LIGHT) == 3

    await until(neighbours_are_billed)
    assert await _billed(books, HEAVY) == 0
    answer.set()
    assert await asyncio.wait_for(round_, WITHIN_S) == 6
    assert await _billed(books, HEAVY) == 3


async def test_answers_are_priced_one_after_another_and_not_kept_all_at_once(
    books: Books,
) -> None:
    await _assigned(books)
    await _due(books, HEAVY, range(1, 6))
    books.ask.at_once = 2
    billed: list[int] = []

    async def count() -> None:
        billed.append(await _billed(books, HEAVY))

    books.ask.meanwhile = count
    assert await books.settling.round() == 5
    assert billed == [0, 2, 4]
    assert await _billed(books, HEAVY) == 5
