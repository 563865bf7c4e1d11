"""A session's messages in random order, repeated, over two consumers: the same rows and events.

Where guesses are among them, some events tell of what did not last; the last revision does not.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from session_records import Records
from sqlalchemy.ext.asyncio import AsyncEngine

from csms_local.pytest_scale import scaled
from csms_shared.db.engine import create_engine, in_transaction
from csms_shared.runtime.errors import Unavailable
from csms_shared.service.inbox import Work
from session_service.database import SCHEMA
from session_service.quarantine.handlers.reconciling import reconcile_due

_COLUMNS = (
    "id, station_id, connector_id, id_token, status, authorization_status, started_at, "
    "meter_start, epoch, seq, stop_epoch, stop_seq, stopped_at, meter_stop, flags"
)


def session(records: Records) -> list[Work]:
    """Return the reports of a session whose stop was sent twice, the second time anew."""
    return [
        *(records.meter_values(seq) for seq in range(2, 8)),
        records.stop(8, transactionData=records.meter_values(3).item["payload"]["meterValue"]),
        records.stop(2, epoch=2),
        records.meter_values(3, epoch=2, minutes=7),
        records.stop(4, 0, epoch=2, idTag="T1", meter_stop=9, timestamp="2026-11-20T07:00:00Z"),
    ]


def session_with_guesses(records: Records) -> list[Work]:
    """Return the reports of a session among which are stops and values of another system's id."""
    return [
        *(records.meter_values(seq) for seq in range(2, 5)),
        records.meter_values(5, 77, minutes=4),
        records.stop(6, 77, meter_stop=900_000),
        records.stop(7, 0, idTag="T1", meter_stop=5000),
        records.stop(8, meter_stop=5300),
        records.stop(9),
        records.stop(2, epoch=2, meter_stop=5300),
    ]


async def rows_and_last_revisions(records: Records) -> tuple[object, ...]:
    # What was looked at before its start, or before the stop that counts, finds its place now.
    await records.execute("UPDATE quarantine SET next_at = now()")
    await in_transaction(records.engine, reconcile_due)
    assert await records.rows("SELECT * FROM quarantine WHERE status = 'open'") == []
    events = await records.events()
    contents = {event["id"]: event["data"] for event in events}
    assert all(contents[event["id"]] == event["data"] for event in events)
    told = [data for data in contents.values() if "revision" in data]
    last = max(told, key=lambda data: data["revision"])
    assert sorted(data["revision"] for data in told) == list(range(1, last["revision"] + 1))
    (row,) = await records.rows("SELECT revision FROM transaction")
    assert row["revision"] == last["revision"]
    figures = ("energy_wh", "meter_stop", "stopped_at", "reason")
    return (
        await records.rows(f"SELECT {_COLUMNS} FROM transaction"),
        await records.rows("SELECT connection_id, seq, payload::text FROM stop ORDER BY 1, 2"),
        await records.rows(
            "SELECT sampled_at, digest, raw, transaction_id FROM meter_value ORDER BY 1, 2"
        ),
        {name: last[name] for name in figures},
    )


# Live figures are told by the clock, and only while the session is open. What came after the end
# depends on the order.
_OF_AN_ORDER = ("csms.transaction.updated.v1", "csms.transaction.values_late.v1")


async def rows_and_events(records: Records) -> tuple[object, ...]:
    events = {event["id"] for event in await records.events() if event["type"] not in _OF_AN_ORDER}
    return (
        await records.rows(f"SELECT {_COLUMNS} FROM transaction ORDER BY started_at"),
        await records.rows("SELECT connection_id, seq, payload::text FROM stop ORDER BY 1, 2"),
        await records.rows(
            "SELECT sampled_at, digest, raw, transaction_id FROM meter_value ORDER BY 1, 2"
        ),
        await records.rows("SELECT id, kind, status FROM quarantine ORDER BY id"),
        events,
    )


async def replay(
    records: Records, starts: Sequence[Work], order: Sequence[tuple[Work, bool]]
) -> None:
    """Decide one copy of the start, then bring everything else to two consumers in this order."""
    await records.token("T1")
    await records.decide(starts[0])

    async def consumer(mine: list[Work]) -> None:
        for first in range(0, len(mine), 3):
            await until_applied(partial(records.report, *mine[first : first + 3]))

    await asyncio.gather(
        consumer([work for work, left in order if left]),
        consumer([work for work, left in order if not left]),
        *(until_applied(partial(records.decide, start)) for start in starts[1:]),
    )


async def until_applied(apply: Callable[[], Awaitable[object]]) -> None:
    """Apply a batch once more where the database ended a deadlock by it, as consumers do."""
    for _ in range(10):
        with contextlib.suppress(Unavailable):
            await apply()
            return
    await apply()


@pytest.mark.parametrize(
    ("works_of", "outcome"),
    [(session, rows_and_events), (session_with_guesses, rows_and_last_revisions)],
    ids=["facts", "guesses"],
)
@pytest.mark.scaled
def test_any_order_and_repetition_of_a_session_gives_the_same_rows_and_events(
    session_url: str,
    records_of: Callable[[AsyncEngine], Records],
    clear: Callable[[], Awaitable[None]],
    works_of: Callable[[Records], list[Work]],
    outcome: Callable[[Records], Awaitable[tuple[object, ...]]],
) -> None:
    number = len(works_of(records_of(cast(AsyncEngine, None))))

    # Hypothesis calls a plain function, so each example has an event loop of its own.
    async def check(order: list[int], sides: list[bool], starts: list[int]) -> tuple[object, ...]:
        await clear()
        engine = create_engine(session_url, SCHEMA, name="any order", pool_size=6)
        records = records_of(engine)
        try:
            works = works_of(records)
            copies = [records.start(1), records.start(2), records.start(1, epoch=2)]
            await replay(
                records,
                [copies[index] for index in starts],
                [(works[index], side) for index, side in zip(order, sides, strict=True)],
            )
            return await outcome(records)
        finally:
            await engine.dispose()

    expected = asyncio.run(check(list(range(number)), [True] * number, [0, 1, 2]))

    @settings(
        max_examples=scaled(25, 6),
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    @given(data=st.data())
    def any_order(data: st.DataObject) -> None:
        extra = data.draw(st.lists(st.integers(0, number - 1), max_size=8))
        order = data.draw(st.permutations([*range(number), *extra]))
        sides = data.draw(st.lists(st.booleans(), min_size=len(order), max_size=len(order)))
        starts = data.draw(st.permutations([0, 1, 2]))
        assert asyncio.run(check(order, sides, starts)) == expected

    any_order()
