"""Rows of an outbox are in the order in which their events were caused."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import orjson
import pytest
from outbox_fakes import make_event
from outbox_stage import OUTBOX
from sqlalchemy import text
from sqlalchemy.event import listen, remove
from sqlalchemy.ext.asyncio import AsyncEngine

from csms_shared.contracts.events import CloudEvent
from csms_shared.db.outbox import write_events


@pytest.fixture
async def statements(engine: AsyncEngine) -> AsyncIterator[list[str]]:
    """Statements in the order in which they are sent."""
    sent: list[str] = []

    def note(_: Any, __: Any, sql: str, *___: Any) -> None:
        sent.append(sql)

    listen(engine.sync_engine, "before_cursor_execute", note)
    yield sent
    remove(engine.sync_engine, "before_cursor_execute", note)


def caused(station_id: str, number: int, **data: Any) -> CloudEvent:
    """Return an event of a station."""
    event = make_event(number)
    return event.model_copy(update={"subject": station_id, "data": {"n": number, **data}})


async def _written(
    engine: AsyncEngine, events: Sequence[tuple[str, CloudEvent]]
) -> list[tuple[str, list[tuple[str, int]]]]:
    async with engine.begin() as connection:
        await write_events(connection, OUTBOX, events)
        rows = await connection.execute(
            text("SELECT routing_key, events, event_count FROM outbox ORDER BY id")
        )
        found = []
        for key, document, count in rows:
            told = [(one["subject"], one["data"]["n"]) for one in orjson.loads(document)]
            assert len(told) == count
            found.append((key, told))
        return found


async def test_each_station_is_told_of_in_order_row_by_row(engine: AsyncEngine) -> None:
    keys = ("started", "measured", "stopped")
    events = [(key, caused(f"S{n}", step)) for step, key in enumerate(keys) for n in range(50)]
    assert await _written(engine, events) == [
        (key, [(f"S{n}", step) for n in range(50)]) for step, key in enumerate(keys)
    ]


async def test_a_kind_that_comes_again_after_another_has_a_row_of_its_own(
    engine: AsyncEngine,
) -> None:
    events = [(key, caused("S", n)) for n, key in enumerate(("a", "b", "a", "a"))]
    events.append(("b", caused("OTHER", 9)))
    assert await _written(engine, events) == [
        ("a", [("S", 0)]),
        ("b", [("S", 1), ("OTHER", 9)]),
        ("a", [("S", 2), ("S", 3)]),
    ]


async def test_what_says_its_place_among_a_station_s_calls_is_put_there(
    engine: AsyncEngine,
) -> None:
    events = [
        ("stopped", caused("S", 3, epoch=2, seq=1)),
        ("started", caused("OTHER", 0, epoch=9, seq=9)),
        # The suite's own, which says no place, stays where it is.
        ("told", caused("S", 7)),
        ("started", caused("S", 1, epoch=1, seq=5)),
        ("measured", caused("S", 2, epoch=1, seq=6)),
        ("stopped", caused("OTHER", 4, epoch=9, seq=10)),
        ("told", caused("S", 8, epoch=True, seq=None)),
    ]
    told = [one for _, group in await _written(engine, events) for one in group]
    assert [n for subject, n in told if subject == "S"] == [1, 7, 2, 3, 8]
    assert [n for subject, n in told if subject == "OTHER"] == [0, 4]


@pytest.mark.parametrize("count", [1, 500])
async def test_all_events_of_a_transaction_cost_one_statement(
    engine: AsyncEngine, statements: list[str], count: int
) -> None:
    async with engine.begin() as connection:
        await connection.execute(text("SELECT 1"))
        statements.clear()
        await write_events(
            connection, OUTBOX, [(f"key.{n % 7}", caused(f"S{n % 11}", n)) for n in range(count)]
        )
        assert len(statements) == 1
        await write_events(connection, OUTBOX, [])
        assert len(statements) == 1
