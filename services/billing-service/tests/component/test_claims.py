"""What becomes known of a session while it is being settled is not lost, and not undone."""

import copy
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from bill_books import Books, amounts, ended, values_late

from billing_service.bills.handlers.asking import SomeSessions
from billing_service.bills.handlers.settling import Settling
from csms_shared.contracts.session_facts import ConnectorTimes


class Meanwhile:
    """Asks what is known, and then has something happen before anything is made of it."""

    def __init__(self, books: Books, happens: Callable[[], Awaitable[None]]) -> None:
        self._ask = books.ask
        self._happens = happens

    async def sessions(self, tenant_id: str, transaction_ids: Sequence[int]) -> SomeSessions:
        """Answer with what is known now."""
        return copy.deepcopy(await self._ask.sessions(tenant_id, transaction_ids))

    async def reservations(self, tenant_id: str, reservation_ids: Sequence[int]) -> list[Any]:
        """Answer with what is known now."""
        return copy.deepcopy(await self._ask.reservations(tenant_id, reservation_ids))

    async def places(self, tenant_id: str, sessions: Sequence[ConnectorTimes]) -> list[Any]:
        """Answer when it has happened."""
        await self._happens()
        return await self._ask.places(tenant_id, sessions)


def _settling(books: Books, happens: Callable[[], Awaitable[None]]) -> Settling:
    return Settling(books.engine, Meanwhile(books, happens), lambda: None)


async def test_who_was_slow_does_not_undo_what_others_have_settled(books: Books) -> None:
    await books.assign()
    books.ask.know(1)
    await books.bill(1)
    books.ask.know(1, revision=2, meter_stop=21_000)
    await books.tell(ended(1, 2))

    async def others_settle() -> None:
        books.ask.know(1, revision=3, meter_stop=11_000)
        await books.all_due()
        await books.tell(ended(1, 3))
        await books.settle()

    assert await _settling(books, others_settle).round() == 1
    await books.settle()
    assert amounts(await books.cost(1)) == ("3.50", "4.17")
    assert len(await books.bills()) == 1
    assert await books.run("SELECT 1 FROM session WHERE settled_revision = 3") != []


async def test_what_is_asked_for_while_a_session_is_settled_is_done_afterwards(
    books: Books,
) -> None:
    await books.assign()
    books.ask.know(1)
    await books.tell(ended(1))

    async def somebody_asks() -> None:
        books.ask.know(1, meter_stop=21_000)
        await books.want_settled(1)

    assert await _settling(books, somebody_asks).round() == 1
    assert amounts(await books.cost(1)) == ("3.50", "4.17")
    await books.settle()
    assert amounts(await books.cost(1)) == ("7.00", "8.33")


async def test_a_failure_does_not_put_off_what_is_asked_for_meanwhile(books: Books) -> None:
    await books.assign()
    books.ask.know(1)
    books.ask.of_places[1]["time_zone"] = "Nowhere"
    await books.tell(ended(1))

    async def somebody_asks() -> None:
        await books.want_settled(1)

    assert await _settling(books, somebody_asks).round() == 1
    books.ask.of_places[1]["time_zone"] = None
    await books.settle()
    assert (await books.cost(1)).final


async def test_values_that_come_late_while_a_session_is_settled_count(books: Books) -> None:
    await books.assign()
    books.ask.know(1)
    await books.tell(ended(1))

    async def values_come() -> None:
        books.ask.know(1, meter_stop=21_000)
        await books.tell(values_late(1))

    assert await _settling(books, values_come).round() == 1
    await books.all_due()
    await books.settle()
    assert amounts(await books.cost(1)) == ("7.00", "8.33")


async def test_a_failure_counts_though_others_have_begun_with_it_since(books: Books) -> None:
    await books.assign()
    books.ask.know(1)
    books.ask.of_places[1]["time_zone"] = "Nowhere"
    await books.tell(ended(1))

    async def the_claim_runs_out() -> None:
        await books.all_due()
        await _settling(books, nothing).round()

    async def nothing() -> None:
        pass

    assert await _settling(books, the_claim_runs_out).round() == 1
    (row,) = await books.run("SELECT attempts, due_at > now() AS waits FROM session")
    assert (row.attempts, row.waits) == (2, True)
