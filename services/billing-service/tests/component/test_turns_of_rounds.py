"""Who has much that takes long keeps nobody else waiting, round after round."""

import time
from typing import Any

import pytest
from bill_books import Books, ended

from billing_service.bills.domain.pricing import priced
from billing_service.bills.handlers import settling


async def test_a_tenant_of_one_session_is_settled_beside_those_of_many_slow_ones(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(*known: Any) -> Any:
        time.sleep(0.03)
        return priced(*known)

    monkeypatch.setattr(settling, "priced", slow)
    monkeypatch.setattr(settling, "SLICE_S", 0.02)
    monkeypatch.setattr(settling, "ROUND_S", 0.05)
    number = 0
    for tenant in range(24):
        await books.assign(tenant_id=f"many-{tenant}")
        for _ in range(10):
            number += 1
            books.ask.know(number)
            await books.tell(ended(number, tenant_id=f"many-{tenant}"))
    await books.assign()
    books.ask.know(1_000)
    await books.tell(ended(1_000))
    # Each round settles at least one: there are as many rounds as tenants.
    for _ in range(25):
        await books.settling.round()

    assert (await books.cost(1_000)).final
