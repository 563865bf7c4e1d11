"""What requests read of a large store: the segments that hold what they ask for, and few others."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import asyncpg
import orjson
import pytest
from event_books import NOON, Books, told
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from csms_shared.contracts.event_store import ListSystemEvents, ReadEvents
from csms_shared.db.tenancy import acting_for
from csms_shared.values.tenants import DEFAULT_TENANT
from integration_service.event_store import reading, system_events
from integration_service.event_store.reading import read_events
from integration_service.event_store.system_events import list_system_events

SEGMENTS = 20_000
STATIONS = 1_000
RARE = "reservation.expired"
Own = Callable[[str], Awaitable[list[asyncpg.Record]]]

# A fact and five measurements of each station, a segment each, and one rare one.
_FILL = f"""
    INSERT INTO event_segment (kept, position, first_position, tenant_id, keys, ids, events)
    SELECT kept, 10 * n, 10 * n, '{DEFAULT_TENANT}', ARRAY['s ' || subject, 't ' || key], '\\x00',
        convert_to(key || E'\\t"' || subject || E'"\\t{{"time":"2026-05-01T12:00:00Z","type":"csms.'
            || key || '.v1","subject":"' || subject || '","data":{{}}}}', 'UTF8')
    FROM generate_series(1, {SEGMENTS}) AS n, LATERAL (SELECT
        'S-' || n % {STATIONS} AS subject,
        CASE WHEN n % 10 < 5 THEN 'facts' ELSE 'measurements' END AS kept,
        CASE WHEN n % 10 >= 5 THEN 'meter_values.received' WHEN n = {SEGMENTS - 10} THEN '{RARE}'
            WHEN n % 2000 = 1 THEN 'system.started' ELSE 'transaction.started' END AS key) AS told
"""
_TYPES = f"""
    INSERT INTO event_type VALUES ('meter_values.received'), ('{RARE}'), ('transaction.started'),
        ('system.started')
"""


@pytest.fixture
async def store(books: Books, own: Own) -> AsyncIterator[Books]:
    """A store with many segments."""
    for statement in (_FILL, _TYPES, f"UPDATE event_head SET position = {10 * SEGMENTS}"):
        await own(statement)
    await own("VACUUM (ANALYZE) event_segment")
    yield books
    await own("TRUNCATE event_segment")


class _Watched:
    """A connection that notes the rows that each look into the segments has read."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self.looks: list[int] = []

    async def execute(self, statement: Any, parameters: dict[str, Any] | None = None) -> Any:
        sql = str(statement)
        if "FROM event_segment" in sql:
            explain = f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {sql}"
            found = (await self._connection.execute(text(explain), parameters)).scalar_one()
            plan = (orjson.loads(found) if isinstance(found, str) else found)[0]["Plan"]
            self.looks.append(sum(map(_rows_of, _nodes(plan))))
        return await self._connection.execute(statement, parameters)


def _nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for part in plan.get("Plans", ()) for node in _nodes(part))]


def _rows_of(node: dict[str, Any]) -> int:
    if not node.get("Relation Name", "").startswith("event_segment"):
        return 0
    removed = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    return int((node["Actual Rows"] + removed) * node["Actual Loops"])


async def _looks(engine: AsyncEngine, asked: ReadEvents | ListSystemEvents) -> list[int]:
    """Return how many segments each look of a request has read."""
    with acting_for(DEFAULT_TENANT):
        async with engine.begin() as connection:
            watched: Any = _Watched(connection)
            if isinstance(asked, ReadEvents):
                await read_events(watched, asked)
            else:
                await list_system_events(watched, asked)
    return list(watched.looks)


@pytest.mark.parametrize(
    ("asked", "most"),
    [
        ({"station_id": "S-7"}, SEGMENTS // STATIONS),
        ({"station_id": "S-7", "types": ["transaction.*"]}, SEGMENTS // STATIONS),
        ({"types": [RARE]}, 1),
        ({"station_id": "none"}, 0),
    ],
)
async def test_what_is_asked_for_is_found_by_its_keys(
    store: Books, requests_engine: AsyncEngine, asked: dict[str, Any], most: int
) -> None:
    looks = await _looks(requests_engine, ReadEvents(tenant_id=DEFAULT_TENANT, limit=500, **asked))
    assert looks
    assert max(looks) <= most
    assert len(await store.all(**asked)) <= most


async def test_what_the_suite_did_by_itself_is_found_by_its_keys(
    store: Books, requests_engine: AsyncEngine
) -> None:
    looks = await _looks(requests_engine, ListSystemEvents(tenant_id=DEFAULT_TENANT, limit=500))
    assert looks
    assert max(looks) <= SEGMENTS // 2000


@pytest.mark.parametrize("types", [[], ["transaction.*"]])
async def test_a_page_of_what_is_frequent_reads_little_more_than_it_shows(
    store: Books, requests_engine: AsyncEngine, types: list[str]
) -> None:
    asked = ReadEvents(tenant_id=DEFAULT_TENANT, limit=50, types=types)
    looks = await _looks(requests_engine, asked)
    assert looks
    assert max(looks) <= 4 * reading._SEGMENTS_AT_ONCE


async def test_quick_looks_for_a_rare_event_grow(
    store: Books, requests_engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "WINDOW", 1_000)
    monkeypatch.setattr(system_events, "WINDOW", 1_000)
    monkeypatch.setattr(reading, "_QUICK_S", 1e9)
    looks = await _looks(requests_engine, ReadEvents(tenant_id=DEFAULT_TENANT, types=[RARE]))
    assert len(looks) <= 6
    back = await _looks(requests_engine, ListSystemEvents(tenant_id=DEFAULT_TENANT, limit=500))
    assert len(back) <= 6
    monkeypatch.setattr(reading, "_QUICK_S", 0)
    monkeypatch.setattr(reading, "LONGEST_S", 1e9)
    looks = await _looks(requests_engine, ReadEvents(tenant_id=DEFAULT_TENANT, types=[RARE]))
    assert len(looks) >= 10 * SEGMENTS // 1_000


async def test_requests_see_no_segment_before_they_say_what_they_look_for(
    books: Books, requests_engine: AsyncEngine
) -> None:
    await books.store([told(1, at=NOON)])
    with acting_for(DEFAULT_TENANT):
        async with requests_engine.begin() as connection:
            count = await connection.execute(text("SELECT count(*) FROM event_segment"))
            assert count.scalar_one() == 0
