"""How much of the store is looked at to tell what is in it already."""

import pytest
from event_books import Books, read, told

from integration_service.event_store import recent


def _note_looks(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Return a list that gets the ids of each segment that is looked at from now on."""
    looked_at: list[bytes] = []
    keys_of = recent._keys

    def noted(ids: bytes) -> list[bytes]:
        looked_at.append(ids)
        return keys_of(ids)

    monkeypatch.setattr(recent, "_keys", noted)
    return looked_at


async def test_what_is_told_late_costs_no_look_at_what_others_told_early(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the store was away, one service is through its outbox long before another."""
    monkeypatch.setattr(recent, "REMEMBERED", 10)
    looked_at = _note_looks(monkeypatch)
    early = [told(60 * n, f"S-{n}") | {"source": "/csms/station-registry"} for n in range(40)]
    await books.store(early)
    for n in range(40):
        for second in (1, 2):
            looked_at.clear()
            await books.store([told(60 * n + second, "S-1")])
            assert len(looked_at) <= 1
    await books.store([*early, told(1, "S-1"), told(60 * 39 + 2, "S-1")])
    assert len(await books.numbers()) == 120


async def test_what_cannot_be_stored_costs_its_neighbours_no_look_at_all_that_is(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(20):
        await books.store([told(n)])
    looked_at = _note_looks(monkeypatch)
    deep: list[object] = []
    for _ in range(160):
        deep = [deep]
    bad = [told(100 + n, data={"n": deep}) for n in range(10)]
    _, failures = await books.storing(read([told(200), *bad, told(201), told(200)]))
    assert [failure.work for failure in failures] == read(bad)
    assert await books.numbers() == [*range(20), 200, 201]
    assert looked_at == []
