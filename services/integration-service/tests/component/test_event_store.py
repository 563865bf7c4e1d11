"""Every event once, at a position, in an order that readers can rely on."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import asyncpg
import pytest
from event_books import NOON, Books, told
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.refusals import ProblemRaised
from csms_shared.db.engine import in_transaction
from csms_shared.runtime.errors import Unavailable
from integration_service.event_store import reading, recent, store
from integration_service.event_store.storing import Storing


async def test_positions_grow_by_one_in_the_order_in_which_a_station_was_told_of(
    books: Books,
) -> None:
    await books.store([told(n, f"S-{n % 3}") for n in range(10)])
    await books.store([told(n, f"S-{n % 3}") for n in range(10, 20)])
    found = await books.all()
    assert [position for position, _ in found] == [*range(1, 21)]
    for station in range(3):
        own = [event["data"]["n"] for _, event in found if event["subject"] == f"S-{station}"]
        assert own == [n for n in range(20) if n % 3 == station]


async def test_a_stop_after_measurements_of_its_station_stays_after_them(books: Books) -> None:
    keys = ("transaction.started", "meter_values.received", "transaction.stopped")
    await books.store([told(n, f"S-{n % 2}", keys[n // 2 % 3]) for n in range(12)])
    for station in range(2):
        assert await books.numbers(station_id=f"S-{station}") == [
            n for n in range(12) if n % 2 == station
        ]


async def test_what_comes_again_is_stored_once(books: Books) -> None:
    await books.store([told(1), told(2), told(1)])
    assert await books.store([told(2), told(1)]) == []
    await books.store([told(2), told(3)])
    assert await books.numbers() == [1, 2, 3]


async def test_a_process_knows_what_others_have_stored(books: Books) -> None:
    first, second = Storing(books.engine), Storing(books.engine)
    await books.store([told(1)], first)
    await books.store([told(1), told(2)], second)
    await books.store([told(2), told(3), told(1)], first)
    assert await books.numbers() == [1, 2, 3]


async def test_what_is_no_longer_remembered_is_found_in_the_store(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recent, "REMEMBERED", 10)
    await books.store([told(1), told(2, "S-2")])
    for n in range(10, 60):
        await books.store([told(n, at=NOON + timedelta(days=n))])
    for storing in (books.storing, Storing(books.engine)):
        await books.store([told(2, "S-2"), told(1), told(70)], storing)
    assert await books.numbers() == [1, 2, *range(10, 60), 70]


async def test_what_is_stored_is_known_after_a_restore_has_moved_positions_on(
    books: Books, own: Callable[[str], Awaitable[list[asyncpg.Record]]]
) -> None:
    await books.store([told(1), told(2, "S-2")])
    await own("UPDATE event_head SET position = 1500000")
    await own("SELECT make_event_partitions(2500000)")
    await books.store([told(2, "S-2"), told(1), told(3)], Storing(books.engine))
    assert [at for at, _ in await books.all()] == [1, 2, 1500001]


async def test_large_segments_are_read_in_parts(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("integration_service.event_store.reading.PAGE_MAX_BYTES", 2000)
    monkeypatch.setattr("integration_service.event_store.reading._SEGMENTS_AT_ONCE", 3)
    for n in range(0, 40, 4):
        await books.store([told(m, f"S-{m}") for m in range(n, n + 4)])
    assert await books.numbers() == [*range(40)]
    assert await books.numbers(station_id="S-33") == [33]


async def test_writers_at_once_leave_no_gap_that_is_filled_later(books: Books) -> None:
    """A reader who goes on from the newest position that it saw misses nothing."""
    writers = [Storing(books.engine) for _ in range(4)]
    seen: list[int] = []
    done = asyncio.Event()

    async def write(storing: Storing, first: int) -> None:
        for n in range(first, first + 40):
            await books.store([told(n, f"S-{n % 7}"), told(n, "shared")], storing)

    async def follow() -> None:
        after = 0
        while True:
            ended = done.is_set()
            page = await books.page(after=after)
            seen.extend(item.position for item in page.items)
            after = page.position
            if ended and page.is_end:
                return

    following = asyncio.create_task(follow())
    await asyncio.gather(*(write(one, number * 1000) for number, one in enumerate(writers)))
    done.set()
    await following
    assert seen == [*range(1, 321)]


async def test_a_writer_that_is_frozen_in_its_transaction_hides_nothing_that_comes_later(
    books: Books,
) -> None:
    """Nobody stores beside it; what it had begun is stored once, by whoever comes."""
    begun, go_on = asyncio.Event(), asyncio.Event()
    frozen = Storing(books.engine)

    async def freeze() -> None:
        async with books.engine.begin() as connection:
            await store.lock_head(connection)
            await frozen._store_new(connection, [])
            begun.set()
            await go_on.wait()

    freezing = asyncio.create_task(freeze())
    await begun.wait()
    waiting = asyncio.create_task(books.store([told(1)]))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await asyncio.shield(waiting)
    assert await books.numbers() == []
    go_on.set()
    await freezing
    await waiting
    assert await books.numbers() == [1]


async def test_a_transaction_that_is_rolled_back_is_not_remembered(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise Unavailable("away")

    with monkeypatch.context() as broken:
        broken.setattr(store, "store_segments", fail)
        with pytest.raises(Unavailable):
            await books.store([told(1)])
    await books.store([told(1)])
    assert [position for position, _ in await books.all()] == [1]


async def test_the_site_of_a_station_is_that_of_its_place_in_the_order(books: Books) -> None:
    def placed(n: int, site: str | None, version: int) -> dict[str, object]:
        data: dict[str, object] = {
            "station_id": "S-1",
            "site_id": site,
            "tags": [],
            "version": version,
            "n": n,
        }
        return told(n, key="station.placed", data=data)

    await books.store([told(1), placed(2, "north", 5), told(3), told(3, "S-2")])
    await books.store([told(4), placed(5, "old", 4), told(6)])
    await books.store([placed(7, None, 6), told(8), told(9, key="site.updated")])
    found = [(event["data"]["n"], event.get("siteid")) for _, event in await books.all()]
    assert found == [
        (1, None),
        (2, "north"),
        (3, "north"),
        (3, None),
        (4, "north"),
        (5, "north"),
        (6, "north"),
        (7, None),
        (8, None),
        (9, None),
    ]


async def test_segments_end_where_windows_do(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("domain", "reading"):
        monkeypatch.setattr(f"integration_service.event_store.{module}.WINDOW", 10)
    await books.store([told(n, f"S-{n}") for n in range(35)])
    assert await books.numbers() == [*range(35)]
    for after in range(36):
        assert [position for position, _ in await books.all(after=after, limit=3)] == [
            *range(after + 1, 36)
        ]


async def test_filters_by_type_station_and_time(books: Books) -> None:
    keys = ("transaction.started", "transaction.stopped", "station.connected", "site.updated")
    await books.store([told(n, f"S-{n % 5}", keys[n % 4]) for n in range(100)])
    assert await books.numbers(types=["transaction.*"]) == [n for n in range(100) if n % 4 < 2]
    assert await books.numbers(types=["transaction"]) == [n for n in range(100) if n % 4 < 2]
    assert await books.numbers(types=["csms.site.updated.v1", "station.connected"]) == [
        n for n in range(100) if n % 4 >= 2
    ]
    assert await books.numbers(types=["nothing.*"]) == []
    assert await books.numbers(station_id="S-3", types=["*.connected"]) == [
        n for n in range(100) if n % 5 == 3 and n % 4 == 2
    ]
    assert await books.numbers(of_stations=True) == [n for n in range(100) if n % 4 != 3]
    within = {"from_time": NOON + timedelta(seconds=30), "to_time": NOON + timedelta(seconds=60)}
    assert await books.numbers(**within) == [*range(30, 60)]
    assert await books.numbers(station_id="S-1", **within) == [
        n for n in range(30, 60) if n % 5 == 1
    ]
    assert await books.numbers(from_time=NOON + timedelta(days=1)) == []


async def test_nobody_sees_another_tenants_events(books: Books) -> None:
    await books.store([told(n, tenant_id=("a", "b")[n % 2]) for n in range(10)])
    assert await books.numbers(tenant_id="a") == [0, 2, 4, 6, 8]
    assert await books.numbers(tenant_id="b", station_id="S-1") == [1, 3, 5, 7, 9]
    assert await books.numbers(tenant_id="c") == []
    # Positions are everybody's: to go on from another tenant's misses nothing of one's own.
    assert len(await books.all(tenant_id="a", after=0)) == 5
    seen = [at for at, _ in await books.all(tenant_id="b")]
    for after in range(11):
        assert [at for at, _ in await books.all(tenant_id="b", after=after)] == [
            at for at in seen if at > after
        ]


async def test_a_position_that_was_not_given_out_is_refused(books: Books) -> None:
    await books.store([told(1)])
    assert (await books.page(after=1)).is_end
    with pytest.raises(ProblemRaised) as refused:
        await books.page(after=2)
    assert refused.value.problem.status == 422
    assert refused.value.problem.errors[0].field == "after"


async def test_the_head_is_moved_by_nobody_but_who_holds_its_lock(books: Books) -> None:
    await books.store([told(1), told(2)])
    assert await in_transaction(books.engine, store.read_head) == 2
    assert await books.storing.head() == 2


async def test_what_a_failover_has_taken_back_is_stored_when_it_comes_again(
    books: Books, own: Callable[[str], Awaitable[list[asyncpg.Record]]]
) -> None:
    """The process lives on, and its connections find a database that is behind."""
    await books.store([told(1)])
    await books.store([told(2, key="station.offline")])
    await own("DELETE FROM event_segment WHERE position = 2")
    await own("DELETE FROM event_type WHERE routing_key = 'station.offline'")
    await own("UPDATE event_head SET position = 1")
    await books.store([told(2, key="station.offline"), told(1)])
    assert await books.numbers() == [1, 2]
    assert await books.numbers(types=["station.*"]) == [2]


async def test_a_reader_is_told_of_what_goes_while_it_reads(
    books: Books,
    own: Callable[[str], Awaitable[list[asyncpg.Record]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Between a look at what is kept and one at the events, the oldest of them are purged."""
    await books.store([told(1)])
    await books.store([told(2)])
    show_found = reading.show_found

    async def purged_meanwhile(connection: AsyncConnection, wanted: reading.Wanted) -> None:
        await show_found(connection, wanted)
        await own("UPDATE event_floor SET position = 1 WHERE kept = 'facts'")
        await own("DELETE FROM event_segment WHERE position = 1")

    monkeypatch.setattr(reading, "show_found", purged_meanwhile)
    with pytest.raises(ProblemRaised) as gone:
        await books.page(after=0)
    assert gone.value.problem.code == "events_gone"
    assert await books.numbers(after=1) == [2]
