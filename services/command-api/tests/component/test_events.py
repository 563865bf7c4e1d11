"""The live stream of events."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from command_api_fakes import Stations

pytestmark = pytest.mark.asyncio(loop_scope="package")

Event = dict[str, Any]


@asynccontextmanager
async def listening(
    admin: httpx.AsyncClient, **query: str
) -> AsyncIterator[AsyncIterator[tuple[str, Event]]]:
    """Open a stream and return its events, each with its name."""
    async with asyncio.timeout(15), admin.stream("GET", "/events", params=query) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.aiter_lines()
        assert await anext(lines) == ": open"

        async def events() -> AsyncIterator[tuple[str, Event]]:
            fields: dict[str, str] = {}
            async for line in lines:
                if not line and "data" in fields:
                    event = json.loads(fields["data"])
                    assert event["id"] == fields["id"]
                    yield fields["event"], event
                    fields = {}
                elif line and not line.startswith(":"):
                    name, _, value = line.partition(": ")
                    fields[name] = value

        yield events()


async def test_each_event_is_one_cloudevent_filtered_by_station(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    mine, other = stations.online(), stations.online()
    async with listening(admin, station_id=mine) as events:
        await stations.emit("connector.status_changed", other, {"connector_id": 1})
        await stations.emit("connector.status_changed", mine, {"connector_id": 2})
        name, event = await anext(events)
    assert name == event["type"] == "csms.connector.status_changed.v1"
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
    async with listening(admin, station_id=station_id, type="transaction") as events:
        await stations.emit("connector.status_changed", station_id, {})
        await stations.emit("transaction.stopped", station_id, {"transaction_id": 4})
        name, _ = await anext(events)
    assert name == "csms.transaction.stopped.v1"


async def test_a_stream_gets_events_whether_others_were_open_before_it_or_not(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    station_id = stations.online()
    for number in (1, 2, 3):
        async with listening(admin, station_id=station_id, type="connector") as events:
            await stations.emit("connector.status_changed", station_id, {"connector_id": number})
            _, event = await anext(events)
        assert event["data"]["connector_id"] == number


async def test_the_end_of_a_command_is_on_the_stream(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    station_id = stations.online()
    async with listening(admin, station_id=station_id, type="command.completed") as events:
        sent = await admin.post(f"/stations/{station_id}/commands/Reset", json={"type": "Soft"})
        _, event = await anext(events)
    assert event["data"]["command_id"] == sent.json()["command_id"]
    assert event["data"]["status"] == "completed"


async def test_the_stream_needs_credentials(rest_url: str) -> None:
    async with httpx.AsyncClient(base_url=rest_url, trust_env=False) as client:
        assert (await client.get("/api/v1/events")).status_code == 401
