"""Recorded frames against a real PostgreSQL: stored once, found by station, gone in time."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from driven_registry import Registry
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from csms_shared.contracts.messages import MessageView
from csms_shared.contracts.pages import Page
from csms_shared.contracts.recordings import (
    RecordedFrame,
    encode_body,
    filed_as,
    line,
    pack,
)
from csms_shared.contracts.refusals import ProblemRaised
from csms_shared.db.cursors import BadCursor
from csms_shared.db.isolation import apply_isolated
from csms_shared.runtime.clock import now_ms
from csms_shared.service.inbox import Work
from station_registry.routes import apply_by, recording_routes
from station_registry.traffic.handlers import frame_pages
from station_registry.traffic.handlers import recordings as handler
from station_registry.traffic.store.recordings import make_partitions, upkeep_tasks

DAY_MS = 86_400_000
NOW = now_ms() - 60_000


def recording(
    frames: Mapping[str, Sequence[RecordedFrame]], gateway: str = "gw-1", **more: Any
) -> Work:
    times = [frame.at_ms for of_station in frames.values() for frame in of_station]
    item = {
        "recording_id": uuid.uuid4().hex,
        "first_ms": min(times),
        "last_ms": max(times),
        "frames": len(times),
        "stations": list(frames),
        "body": encode_body(pack((name, line(of)) for name, of in frames.items())),
        **more,
    }
    return Work("recordings.v1", {"gateway_id": gateway}, item)


def call(at_ms: int, message_id: str, action: str = "Heartbeat") -> RecordedFrame:
    return RecordedFrame(at_ms, "in", "c1", f'[2,"{message_id}","{action}",{{}}]', action)


def answer(at_ms: int, message_id: str, action: str = "Heartbeat") -> RecordedFrame:
    return RecordedFrame(at_ms, "out", "c1", f'[3,"{message_id}",{{}}]', action, 3)


async def store(registry: Registry, *works: Work) -> list[Exception]:
    _, failures = await apply_isolated(registry.engine, works, apply_by(recording_routes()))
    return [failure.error for failure in failures]


@pytest.fixture
async def known(registry: Registry) -> Registry:
    await registry.send([registry.claim(name, f"c-{name}") for name in "AB"])
    return registry


async def _all(registry: Registry, station_id: str = "A", **query: Any) -> list[MessageView]:
    found: list[MessageView] = []
    cursor = None
    while True:
        page: Page[MessageView] = await registry.request(
            "messages.list", station_id=station_id, cursor=cursor, **query
        )
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            return found


async def test_a_recording_is_stored_once(known: Registry) -> None:
    work = recording({"A": [call(NOW, "1")]})
    for _ in range(2):
        assert await store(known, work, work) == []
    assert [view.message_id for view in await _all(known)] == ["1"]


async def test_a_body_that_is_not_base64_is_parked_and_its_neighbours_are_stored(
    known: Registry,
) -> None:
    bad = recording({"A": [call(NOW, "1")]}, body="not base64!")
    assert len(await store(known, bad, recording({"A": [call(NOW, "2")]}))) == 1
    assert [view.message_id for view in await _all(known)] == ["2"]


async def test_a_station_sees_its_own_frames_only(
    known: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Even where hashes collide.
    monkeypatch.setattr("station_registry.traffic.store.recordings.station_hash", lambda _: 7)
    await store(
        known,
        recording({"A": [call(NOW, "of A")], "B": [call(NOW + 1, "of B")]}),
        recording({"B": [call(NOW + 2, "of B too")]}),
        recording({'A"': [call(NOW + 3, "of another")]}),
    )
    assert [view.message_id for view in await _all(known, "A")] == ["of A"]
    assert [view.message_id for view in await _all(known, "B")] == ["of B too", "of B"]


async def test_a_tenant_reads_what_was_said_while_the_station_was_its_own(
    known: Registry,
) -> None:
    await known.request("tenants.create", new_tenant_id="north", name="North")
    await store(known, recording({"A": [call(NOW, "of default")]}))
    move = {"set": ["to_tenant_id"], "to_tenant_id": "north"}
    await known.request("stations.change", station_id="A", **move)
    frames = {"A": [call(NOW + 1, "late")], filed_as("north", "A"): [call(NOW + 2, "of north")]}
    await store(known, recording(frames))
    assert [view.message_id for view in await _all(known, tenant_id="north")] == ["of north"]
    # The former one goes on reading what was said as its own.
    assert [view.message_id for view in await _all(known)] == ["late", "of default"]
    with pytest.raises(ProblemRaised):
        await _all(known, tenant_id="nobody")
    # Another tenant's new station of the id of a deleted one has nothing of it.
    await known.request("stations.delete", station_id="A", tenant_id="north")
    await known.request("stations.create", station_id="A")
    assert [view.message_id for view in await _all(known)] == ["late", "of default"]


async def test_frames_of_several_gateways_are_in_order_whatever_the_page_and_the_direction(
    known: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frame_pages, "MAX_RECORDINGS", 3)
    monkeypatch.setattr(handler, "_AT_ONCE", 2)
    # Overlapping, equal times, over several days, and one whose span reaches over others.
    times = [NOW - DAY_MS * day + offset for day in (0, 1, 3) for offset in range(0, 48_000, 8_000)]
    works = [
        recording({"A": [call(at, f"{at}") for at in times[start::7]][:1]}) for start in range(7)
    ]
    works += [
        recording(
            {"A": [call(at, f"g{gateway} {at}"), call(at + 30_000, f"G{gateway} {at}")]},
            gateway=f"gw-{gateway}",
        )
        for gateway in (1, 2)
        for at in times
    ]
    await store(known, *works)
    everything = await _all(known, limit=500)
    assert len(everything) == 7 + 4 * len(times)
    ats = [view.at for view in everything]
    assert ats == sorted(ats, reverse=True)
    for limit in (3, 50):
        assert await _all(known, limit=limit) == everything
        assert await _all(known, limit=limit, order="oldest") == everything[::-1]


async def test_every_filter_finds_what_it_names_and_gaps_always_show(known: Registry) -> None:
    gap = RecordedFrame(NOW + 5, "gap", "", "", gap_from_ms=NOW, gap_to_ms=NOW + 3, gap_frames=9)
    refused = RecordedFrame(NOW + 3, "in", "c1", "garbage", error="Unreadable")
    await store(
        known,
        recording(
            {
                "A": [
                    call(NOW, "1"),
                    answer(NOW + 1, "1"),
                    call(NOW + 2, "2", "Authorize"),
                    refused,
                    gap,
                ]
            }
        ),
    )

    async def found(**query: Any) -> list[str]:
        views = await _all(known, **query)
        assert views.pop(0).gap_frames == 9
        return [f"{view.kind} {view.message_id}" for view in views]

    assert await found() == ["unreadable None", "call 2", "result 1", "call 1"]
    assert await found(action="Heartbeat") == ["result 1", "call 1"]
    assert await found(direction="out") == ["result 1"]
    assert await found(message_id="2") == ["call 2"]
    assert await found(q="AUTHOR") == ["call 2"]
    within = {"sent_from": _time(NOW + 1), "sent_to": _time(NOW + 3)}
    views = await _all(known, **within)
    assert [view.message_id for view in views] == ["2", "1"]
    (answered,) = [view for view in views if view.kind == "result"]
    assert (answered.action, answered.latency_ms, answered.gateway_id) == ("Heartbeat", 3, "gw-1")


def _time(at_ms: int) -> str:
    from csms_shared.values.times import format_time_ms

    return format_time_ms(at_ms)


async def test_a_request_looks_at_so_many_recordings_and_says_where_to_go_on(
    known: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frame_pages, "MAX_RECORDINGS", 5)
    monkeypatch.setattr(handler, "_AT_ONCE", 2)
    await store(known, *[recording({"A": [call(NOW + n, f"{n}")]}) for n in range(20)])
    page = await known.request("messages.list", station_id="A", message_id="0")
    assert page.items == []
    assert page.next_cursor is not None
    assert [view.message_id for view in await _all(known, message_id="0")] == ["0"]


async def test_a_recording_that_cannot_be_read_hides_no_other(known: Registry) -> None:
    broken = encode_body(pack([("A", line([call(NOW, "1")]))])[:-3])
    await store(
        known, recording({"A": [call(NOW, "1")]}, body=broken), recording({"A": [call(NOW, "2")]})
    )
    assert [view.message_id for view in await _all(known)] == ["2"]


@pytest.mark.parametrize(
    "cursor", ["x", "WzEsMl0", "Wy0xLCJhIiwwXQ", "WzkyMjMzNzIwMzY4NTQ3NzU4MDAsImEiLDBd"]
)
async def test_a_made_up_cursor_is_refused(known: Registry, cursor: str) -> None:
    await store(known, recording({"A": [call(NOW, "1")]}))
    with pytest.raises(BadCursor):
        await known.request("messages.list", station_id="A", cursor=cursor)


async def test_a_station_that_never_was_is_not_found_and_a_deleted_one_keeps_its_frames(
    known: Registry,
) -> None:
    for name in ("X", "x\0"):
        with pytest.raises(ProblemRaised) as raised:
            await known.request("messages.list", station_id=name)
        assert raised.value.problem.status == 404
    await store(known, recording({"A": [call(NOW, "1")]}))
    await known.request("stations.delete", station_id="A")
    assert len(await _all(known)) == 1


async def _partitions(engine: AsyncEngine) -> list[str]:
    async with engine.connect() as connection:
        rows = await connection.execute(
            text(
                "SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid "
                "WHERE inhparent = 'recording'::regclass ORDER BY relname"
            )
        )
        return [row.relname for row in rows]


async def test_partitions_are_made_ahead_and_dropped_after_the_retention(
    known: Registry, migrated_urls: tuple[str, str]
) -> None:
    async with known.engine.begin() as connection:
        await make_partitions(connection)
    assert len(await _partitions(known.engine)) >= 6
    old = NOW - 30 * DAY_MS
    await store(known, recording({"A": [call(old, "old")]}), recording({"A": [call(NOW, "new")]}))
    await known.query("UPDATE recording SET received_at = last_at")
    (_, drop) = upkeep_tasks(7)
    async with known.engine.begin() as connection:
        await drop.work(connection)
    assert [view.message_id for view in await _all(known)] == ["new"]
    # A day's partition goes as a whole: as if today were nine days later.
    owner_url = migrated_urls[0]
    before = await _partitions(known.engine)
    await _rename_as_old(owner_url)
    async with known.engine.begin() as connection:
        await drop.work(connection)
    assert "recording_20200101" not in await _partitions(known.engine)
    assert set(before) <= set(await _partitions(known.engine))


async def _rename_as_old(owner_url: str) -> None:
    import asyncpg

    owner = await asyncpg.connect(owner_url, server_settings={"search_path": "registry"})
    try:
        await owner.execute(
            "CREATE TABLE recording_20200101 PARTITION OF recording "
            "FOR VALUES FROM ('2020-01-01Z') TO ('2020-01-02Z')"
        )
    finally:
        await owner.close()
