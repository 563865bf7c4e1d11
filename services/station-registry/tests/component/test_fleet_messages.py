"""Recorded frames of all stations of a tenant: whose, how bad, page by page, and what is read."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import asyncpg
import orjson
import pytest
from driven_registry import Registry
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from csms_shared.contracts.messages import MessageView
from csms_shared.contracts.recorded_levels import LATE_MS, level_of, worst_of
from csms_shared.contracts.recordings import RecordedFrame, encode_body, filed_as, line, pack
from csms_shared.db.cursors import BadCursor
from csms_shared.db.index_plans import plan_by_indexes
from csms_shared.db.isolation import apply_isolated
from csms_shared.runtime.clock import now_ms
from csms_shared.service.inbox import Work
from csms_shared.values.levels import Level
from csms_shared.values.times import format_time_ms
from station_registry.database import SCHEMA
from station_registry.database.sql import at
from station_registry.routes import apply_by, recording_routes
from station_registry.traffic.handlers import fleet_messages, frame_pages
from station_registry.traffic.store import recordings
from station_registry.traffic.store.fleet_recordings import LAST_ID, backwards_sql

NOW = now_ms() - 60_000
FLEET_RECORDINGS = 20_000

_FILL = f"""
INSERT INTO recording (recording_id, gateway_id, first_at, last_at, frames, stations, body,
    tenants, level, actions)
SELECT gen_random_uuid(), 'gw-' || n % 8, moment - interval '2 seconds', moment, 100,
    ARRAY[n % 1000], decode(repeat(md5(n::text), 100), 'hex'), ARRAY['default'],
    CASE WHEN n % 2000 = 0 THEN 2 WHEN n % 500 = 0 THEN 1 ELSE 0 END, ARRAY['Heartbeat']
FROM generate_series(1, {FLEET_RECORDINGS}) AS n,
    LATERAL (SELECT now() - n * interval '1 second' AS moment) AS at
"""


def call(at_ms: int, message_id: str, **more: Any) -> RecordedFrame:
    action = more.pop("action", "Heartbeat")
    return RecordedFrame(at_ms, "in", "c1", f'[2,"{message_id}","{action}",{{}}]', action, **more)


def answer(at_ms: int, message_id: str, **more: Any) -> RecordedFrame:
    return RecordedFrame(at_ms, "out", "c1", f'[3,"{message_id}",{{}}]', "Heartbeat", **more)


def recording(
    frames: Mapping[str, Sequence[RecordedFrame]], *, told: bool = True, **more: Any
) -> Work:
    """Return a recording; one that is not `told` is of a gateway that says nothing of it."""
    every = [frame for of_station in frames.values() for frame in of_station]
    said = {
        "level": worst_of(every),
        "actions": sorted({frame.action for frame in every if frame.action}),
    }
    item = {
        "recording_id": uuid.uuid4().hex,
        "first_ms": min(frame.at_ms for frame in every),
        "last_ms": max(frame.at_ms for frame in every),
        "frames": len(every),
        "stations": list(frames),
        "body": encode_body(pack((name, line(of)) for name, of in frames.items())),
        **(said if told else {}),
        **more,
    }
    return Work("recordings.v1", {"gateway_id": "gw-1"}, item)


async def store(registry: Registry, *works: Work) -> None:
    _, failures = await apply_isolated(registry.engine, works, apply_by(recording_routes()))
    assert failures == []


async def listed(registry: Registry, **query: Any) -> list[MessageView]:
    found: list[MessageView] = []
    cursor = None
    while True:
        page = await registry.request("messages.fleet", cursor=cursor, **query)
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            return found


async def ids(registry: Registry, **query: Any) -> list[str | None]:
    return [view.message_id for view in await listed(registry, **query)]


@pytest.mark.parametrize(
    ("frame", "level"),
    [
        (call(1, "1"), Level.INFO),
        (answer(1, "1", latency_ms=LATE_MS - 1), Level.INFO),
        (answer(1, "1", latency_ms=LATE_MS), Level.WARNING),
        (call(1, "1", tolerated=("time_format",)), Level.WARNING),
        (RecordedFrame(1, "in", "c", '[3,"x",{}]', error="StrayAnswer"), Level.WARNING),
        (RecordedFrame(1, "gap", "", "", gap_frames=3), Level.WARNING),
        (RecordedFrame(1, "in", "c", "rubbish", error="Unreadable"), Level.ERROR),
        (call(1, "1", error="FormationViolation"), Level.ERROR),
        (call(1, "1", error="FormationViolation", tolerated=("time_format",)), Level.ERROR),
        (RecordedFrame(1, "out", "c", '[4,"1","NotImplemented","",{}]'), Level.ERROR),
        (RecordedFrame(1, "in", "c", ' [ 4 , "1","GenericError","",{}]'), Level.ERROR),
        (RecordedFrame(1, "in", "c", '[42,"1"]'), Level.INFO),
    ],
)
def test_the_level_of_a_frame_is_of_what_became_of_it(frame: RecordedFrame, level: Level) -> None:
    assert level_of(frame) == level


async def test_frames_of_all_stations_come_newest_first_whatever_the_page(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frame_pages, "MAX_RECORDINGS", 3)
    monkeypatch.setattr(fleet_messages, "_AT_ONCE", 3)
    monkeypatch.setattr(fleet_messages, "_LOOKED_AT_AT_ONCE", 4)
    works = []
    for number in range(12):
        # Overlapping, some at the same moment, and one of a day ago.
        at_ms = NOW - number * 700 - (86_400_000 if number == 11 else 0)
        works.append(
            recording(
                {
                    "A": [call(at_ms - 5_000, f"a{number}"), answer(at_ms, f"A{number}")],
                    f"B{number}": [call(at_ms - 1_000, f"b{number}"), call(at_ms, f"B{number}")],
                },
                told=number % 2 == 0,
            )
        )
    await store(registry, *works)
    everything = await listed(registry, limit=500)
    assert len({view.message_id for view in everything}) == len(everything) == 48
    ats = [view.at for view in everything]
    assert ats == sorted(ats, reverse=True)
    for limit in (1, 5, 47):
        assert await listed(registry, limit=limit) == everything
    assert {view.station_id for view in everything} == {"A", *(f"B{n}" for n in range(12))}
    assert await listed(registry, station_id="A", limit=7) == [
        view for view in everything if view.station_id == "A"
    ]


async def test_filters_hold_together_and_a_level_means_that_and_worse(registry: Registry) -> None:
    gap = RecordedFrame(NOW + 9, "gap", "", "", gap_from_ms=NOW, gap_to_ms=NOW, gap_frames=2)
    frames = {
        "A": [call(NOW, "plain"), call(NOW + 1, "forgiven", tolerated=("time_format",))],
        "B": [call(NOW + 2, "refused", error="ProtocolError", action="Reset"), gap],
        "C": [answer(NOW + 3, "late", latency_ms=LATE_MS)],
    }
    for told in (True, False):
        await registry.query("DELETE FROM recording")
        await store(registry, *[recording({name: of}, told=told) for name, of in frames.items()])
        assert await ids(registry) == [None, "late", "refused", "forgiven", "plain"]
        assert await ids(registry, level="info") == await ids(registry)
        assert await ids(registry, level="warning") == [None, "late", "refused", "forgiven"]
        assert await ids(registry, level="error") == ["refused"]
        assert await ids(registry, action="Reset") == ["refused"]
        assert await ids(registry, action="Reset", level="warning") == ["refused"]
        assert await ids(registry, action="Heartbeat", level="error") == []
        assert await ids(registry, direction="out") == ["late"]
        assert await ids(registry, station_id="A", level="warning") == ["forgiven"]
        within = {"sent_from": format_time_ms(NOW + 1), "sent_to": format_time_ms(NOW + 3)}
        assert await ids(registry, **within) == ["refused", "forgiven"]
    assert [view.level for view in await listed(registry)] == [
        "warning", "warning", "error", "warning", "info"
    ]  # fmt: skip
    for nothing in ({"station_id": "nobody"}, {"station_id": "x\0"}, {"action": "x\0"}):
        assert await ids(registry, **nothing) == []


async def test_a_tenant_sees_what_was_said_as_its_own_stations(registry: Registry) -> None:
    await registry.request("tenants.create", new_tenant_id="north", name="North")
    await store(
        registry,
        recording({"A": [call(NOW, "own")], filed_as("north", "A"): [call(NOW + 1, "theirs")]}),
        recording({filed_as("north", "N"): [call(NOW + 2, "theirs too")]}),
        # One that begins as names of other tenants do.
        recording({filed_as("default", "\x1fnorth\x1fA"): [call(NOW + 3, "odd")]}),
    )
    assert await ids(registry) == ["odd", "own"]
    theirs = await listed(registry, tenant_id="north")
    assert [(view.station_id, view.message_id) for view in theirs] == [
        ("N", "theirs too"), ("A", "theirs")
    ]  # fmt: skip
    assert await ids(registry, tenant_id="nobody") == []


async def test_within_a_scope_there_are_its_stations_alone(registry: Registry) -> None:
    for name, tags in (("A", ["inside"]), ("B", [])):
        await registry.request("stations.create", station_id=name, tags=tags)
    frames = {name: [call(NOW, name)] for name in ("A", "B", "deleted")}
    await store(registry, recording(frames))
    scope = {"tags": ["inside"]}
    assert await ids(registry, scope=scope) == ["A"]
    assert await ids(registry, scope=scope, station_id="A") == ["A"]
    assert await ids(registry, scope=scope, station_id="B") == []
    assert await ids(registry, scope={"site_ids": ["none"]}) == []


async def test_one_request_looks_back_so_far_and_says_where_to_go_on(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frame_pages, "MAX_LOOKED_AT", 6)
    monkeypatch.setattr(fleet_messages, "_LOOKED_AT_AT_ONCE", 3)
    read: list[int] = []
    bodies = recordings.bodies

    async def counted(connection: Any, wanted: Any) -> Any:
        read.append(len(wanted))
        return await bodies(connection, wanted)

    monkeypatch.setattr(recordings, "bodies", counted)
    await store(registry, *[recording({"A": [call(NOW + n, f"{n}")]}) for n in range(1, 20)])
    await store(registry, recording({"A": [call(NOW, "rare", action="Reset")]}))
    page = await registry.request("messages.fleet", action="Reset")
    assert page.items == []
    assert page.next_cursor is not None
    # What is known not to hold it is not read.
    assert read == []
    assert await ids(registry, action="Reset") == ["rare"]
    assert read == [1]


@pytest.mark.parametrize("cursor", ["x", "WzEsMl0", "Wy0xLCJhIiwwXQ"])
async def test_a_made_up_cursor_is_refused(registry: Registry, cursor: str) -> None:
    with pytest.raises(BadCursor):
        await registry.request("messages.fleet", cursor=cursor)


async def test_a_broken_recording_hides_no_other(registry: Registry) -> None:
    broken = encode_body(pack([("A", line([call(NOW, "1")]))])[:-3])
    await store(
        registry,
        recording({"A": [call(NOW, "1")]}, body=broken),
        recording({"A": [call(NOW, "2")]}, actions=["Heart\0beat"]),
    )
    assert await ids(registry) == ["2"]


async def test_a_page_looks_at_as_many_recordings_as_it_asks_for(
    engine: AsyncEngine, migrated_urls: tuple[str, str]
) -> None:
    owner = await asyncpg.connect(migrated_urls[0], server_settings={"search_path": SCHEMA})
    try:
        await owner.execute(_FILL)
        await owner.execute("VACUUM ANALYZE recording")
        # Deep in the past, too, and the 60 s behind it that may reach into it; of what is rare,
        # those alone that hold it.
        for level, before, limit, most in (
            (None, 0, 500, 520),
            (None, 15_000, 500, 580),
            (Level.INFO, 0, 1, 10),
            (Level.WARNING, 0, 20, 30),
            (Level.ERROR, 0, 500, FLEET_RECORDINGS // 2000),
        ):
            rows = await _rows_read(engine, level, now_ms() - before * 1000, limit)
            assert rows <= most, (level, before, rows)
    finally:
        await owner.execute("TRUNCATE recording")
        await owner.close()


async def _rows_read(engine: AsyncEngine, level: Level | None, before_ms: int, limit: int) -> int:
    parameters = {
        "tenant_id": "default",
        "action": None,
        "before_at": at(before_ms + 60_000),
        "before_id": LAST_ID,
        "sent_from": at(0),
        "sent_to": at(before_ms),
        "limit": limit,
    }
    async with engine.begin() as connection:
        await plan_by_indexes(connection)
        explain = f"EXPLAIN (ANALYZE, FORMAT JSON) {backwards_sql(level)}"
        found = (await connection.execute(text(explain), parameters)).scalar_one()
    plan = (orjson.loads(found) if isinstance(found, str) else found)[0]["Plan"]
    return sum(
        (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
        for node in _nodes(plan)
        if str(node.get("Relation Name", "")).startswith("recording")
    )


def _nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for part in plan.get("Plans", ()) for node in _nodes(part))]
