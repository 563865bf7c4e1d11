"""Who has much that takes long keeps nobody else waiting, round after round."""

import time
from typing import Any

import pytest
from bill_books import Books, ended

from billing_service.bills.domain.pricing import priced
from billing_service.bills.handlers import settling

_TENANTS, _SESSIONS = 24, 20


async def test_a_tenant_of_one_session_is_settled_beside_those_of_many_slow_ones(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(*known: Any) -> Any:
        time.sleep(0.03)
        return priced(*known)

    monkeypatch.setattr(settling, "priced", slow)
    monkeypatch.setattr(settling, "SLICE_S", 0.02)
    monkeypatch.setattr(settling, "ROUND_S", 0.05)
    for tenant in range(_TENANTS):
        tenant_id = f"many-{tenant}"
        await books.assign(tenant_id=tenant_id)
        numbers = range(tenant * _SESSIONS + 1, (tenant + 1) * _SESSIONS + 1)
        for number in numbers:
            books.ask.know(number)
        await books.tell(*(ended(number, tenant_id=tenant_id) for number in numbers))
    await books.assign()
    books.ask.know(1_000)
    await books.tell(ended(1_000))
    # Each round begins with another tenant, and settles one at least. Were it always the last, all
    # others would be settled before it; that it is by chance happens once in a hundred million.
    while not (await books.cost(1_000)).final:
        assert await books.settling.round()
    (left,) = await books.run("SELECT count(*) AS number FROM session WHERE state = 'settling'")
    assert left.number > 0
