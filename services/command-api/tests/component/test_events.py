"""The live stream of events."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from command_api_fakes import Stations, is_problem

pytestmark = pytest.mark.asyncio(loop_scope="package")

Event = dict[str, Any]


@asynccontextmanager
async def listening(
    client: httpx.AsyncClient, headers: dict[str, str] | None = None, **query: Any
) -> AsyncIterator[AsyncIterator[tuple[str, Event]]]:
    """Open a stream and return its events, each with its `id`, after the `id` of its beginning."""
    async with (
        asyncio.timeout(30),
        client.stream("GET", "/events", params=query, headers=headers) as answer,
    ):
        assert answer.status_code == 200, await answer.aread()
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.aiter_lines()
        assert await anext(lines) == ": open"
        yield blocks(lines)


async def blocks(lines: AsyncIterator[str]) -> AsyncIterator[tuple[str, Event]]:
    fields: dict[str, str] = {}
    async for line in lines:
        if line and not line.startswith(":"):
            name, _, value = line.partition(": ")
            fields[name] = value
        elif fields and not line:
            event = json.loads(fields.get("data", "{}"))
            assert event.get("type") == fields.get("event")
            yield fields["id"], event
            fields = {}


async def test_each_event_is_one_cloudevent_filtered_by_station(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    mine, other = stations.online(), stations.online()
    async with listening(admin, station_id=mine) as events:
        await stations.emit("connector.status_changed", other, {"connector_id": 1})
        await stations.emit("connector.status_changed", mine, {"connector_id": 2})
        begun, _ = await anext(events)
        position, event = await anext(events)
    assert int(position) > int(begun)
    assert event["type"] == "csms.connector.status_changed.v1"
    assert (event["subject"], event["data"]["connector_id"]) == (mine, 2)
    assert event["specversion"] == "1.0"


async def test_a_stream_ends_soon_after_the_key_that_opened_it(
    admin: httpx.AsyncClient, stations: Stations, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("command_api.http.routes.events.KEEP_ALIVE_S", 0.2)
    name = secrets.token_hex(6)
    key = (await admin.post("/api-keys", json={"name": name, "role": "viewer"})).json()
    station_id = stations.online()
    async with (
        asyncio.timeout(60),
        httpx.AsyncClient(
            base_url=admin.base_url, headers={"X-API-Key": key["key"]}, trust_env=False, timeout=60
        ) as client,
        client.stream("GET", "/events", params={"station_id": station_id}) as answer,
    ):
        lines = answer.aiter_lines()
        assert await anext(lines) == ": open"
        await stations.emit("connector.status_changed", station_id, {"connector_id": 1})
        # It outlives some checks while the key is good.
        pings = 0
        while pings < 3:
            pings += (await anext(lines)).startswith(": ping")
        assert (await admin.delete(f"/api-keys/{key['id']}")).status_code == 204
        rest = [line async for line in lines]
    assert ": not authorized any more" in rest


async def test_events_are_filtered_by_the_beginning_of_their_type(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    station_id = stations.online()
    types = ["transaction", "reservation.*"]
    async with listening(admin, station_id=station_id, type=types) as events:
        await anext(events)
        for key in ("connector.status_changed", "transaction.stopped", "reservation.used"):
            await stations.emit(key, station_id, {})
        told = [(await anext(events))[1]["type"] for _ in range(2)]
    assert told == ["csms.transaction.stopped.v1", "csms.reservation.used.v1"]


async def test_a_stream_gets_events_whether_others_were_open_before_it_or_not(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    station_id = stations.online()
    for number in (1, 2, 3):
        async with listening(admin, station_id=station_id, type="connector") as events:
            await anext(events)
            await stations.emit("connector.status_changed", station_id, {"connector_id": number})
            _, event = await anext(events)
        assert event["data"]["connector_id"] == number


async def test_the_end_of_a_command_is_on_the_stream(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    station_id = stations.online()
    async with listening(admin, station_id=station_id, type="command.completed") as events:
        await anext(events)
        sent = await admin.post(f"/stations/{station_id}/commands/Reset", json={"type": "Soft"})
        _, event = await anext(events)
    assert event["data"]["command_id"] == sent.json()["command_id"]
    assert event["data"]["status"] == "completed"


async def test_the_stream_needs_credentials(rest_url: str) -> None:
    async with httpx.AsyncClient(base_url=rest_url, trust_env=False) as client:
        assert (await client.get("/api/v1/events")).status_code == 401


async def numbers(events: AsyncIterator[tuple[str, Event]], count: int) -> list[int]:
    return [(await anext(events))[1]["data"]["number"] for _ in range(count)]


async def emit(stations: Stations, station_id: str, *told: int) -> None:
    for number in told:
        await stations.emit("connector.status_changed", station_id, {"number": number})


@pytest.mark.parametrize("by", ["after", "Last-Event-ID", "both"])
async def test_a_stream_goes_on_after_the_last_event_that_was_seen(
    admin: httpx.AsyncClient, stations: Stations, by: str
) -> None:
    mine, other = stations.online(), stations.online()
    async with listening(admin, station_id=mine) as events:
        await anext(events)
        await emit(stations, mine, 1)
        seen, _ = await anext(events)
    # More than a page of the store looks through.
    await emit(stations, other, *range(100))
    await emit(stations, mine, 2, 3)
    query = {"after": {"after": seen}, "both": {"after": "0"}}.get(by, {})
    headers = {} if by == "after" else {"Last-Event-ID": seen}
    async with listening(admin, headers, station_id=mine, **query) as events:
        assert (await anext(events))[0] == seen
        assert await numbers(events, 2) == [2, 3]
        await emit(stations, mine, 4)
        assert await numbers(events, 1) == [4]


async def test_what_the_live_path_loses_is_read_from_the_store(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    mine = stations.online()
    async with listening(admin, station_id=mine) as events:
        await anext(events)
        await emit(stations, mine, 1)
        assert await numbers(events, 1) == [1]
        stations.store.is_told = False
        try:
            await emit(stations, mine, 2)
            # Nothing tells of it: the store is asked how far it is.
            assert await numbers(events, 1) == [2]
            await emit(stations, mine, 3)
        finally:
            stations.store.is_told = True
        await emit(stations, mine, 4)
        assert await numbers(events, 2) == [3, 4]


async def test_a_stream_outlives_the_store_and_none_is_opened_meanwhile(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    mine, store = stations.online(), stations.store
    async with listening(admin, station_id=mine) as events:
        await anext(events)
        store.service.silent = True
        store.is_told = False
        try:
            await emit(stations, mine, 1, 2)
            refused = await admin.get("/events")
        finally:
            store.service.silent = False
            store.is_told = True
        is_problem(refused, 503, "service_unavailable")
        assert refused.headers["retry-after"]
        await emit(stations, mine, 3)
        assert await numbers(events, 3) == [1, 2, 3]


@pytest.mark.parametrize("position", ["x", "-1", "1.5", "", str(2**63)])
async def test_what_is_no_position_is_refused_by_its_name(
    admin: httpx.AsyncClient, position: str
) -> None:
    for query, headers, name in (
        ({"after": position}, {}, "after"),
        ({"after": position}, {"Last-Event-ID": "0"}, "after"),
        ({}, {"Last-Event-ID": position}, "Last-Event-ID"),
    ):
        refused = await admin.get("/events", params=query, headers=headers)
        problem = is_problem(refused, 422, "validation_failed")
        assert [error["field"] for error in problem["errors"]] == [name]


async def test_positions_that_are_gone_or_not_there_yet_are_refused(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    store = stations.store
    await emit(stations, stations.online(), 1, 2)
    beyond = {"Last-Event-ID": str(len(store.events) + 1_000_000)}
    problem = is_problem(await admin.get("/events", headers=beyond), 422, "position_unknown")
    assert problem["errors"][0]["field"] == "Last-Event-ID"
    store.kept_after = len(store.events) - 1
    query = {"after": store.kept_after - 1}
    try:
        is_problem(await admin.get("/events/history", params=query), 410, "events_gone")
    finally:
        store.kept_after = 0


async def test_a_quiet_stream_tells_how_far_it_is(
    admin: httpx.AsyncClient, stations: Stations, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("command_api.http.routes.events.KEEP_ALIVE_S", 0.05)
    mine, other = stations.online(), stations.online()
    async with listening(admin, station_id=mine) as events:
        begun, _ = await anext(events)
        await asyncio.sleep(0.06)
        await emit(stations, other, 1)
        position, event = await anext(events)
    assert (event, int(position) > int(begun)) == ({}, True)
