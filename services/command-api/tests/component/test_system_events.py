"""What command-api tells operators of itself."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import asyncpg
import httpx
import orjson
import pytest
from command_api_fakes import is_problem

from command_api.live_events.handlers import hub
from csms_shared.contracts.event_data.system import SYSTEM_EVENTS

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def _told(database: asyncpg.Pool, kind: str) -> list[dict[str, Any]]:
    rows = await database.fetch(
        "SELECT events FROM outbox WHERE routing_key = $1 ORDER BY id", f"system.{kind}"
    )
    return [event for row in rows for event in orjson.loads(row["events"])]


async def _of_streams(database: asyncpg.Pool) -> list[dict[str, Any]]:
    # Other tests reach other limits.
    events = await _told(database, "limit_reached")
    return [event for event in events if event["subject"] == "streams"]


async def test_an_instance_tells_that_it_has_started(
    admin: httpx.AsyncClient, database: asyncpg.Pool
) -> None:
    async with asyncio.timeout(20):
        while not (events := await _told(database, "instance_started")):
            await asyncio.sleep(0.05)
    event = events[0]
    assert (event["source"], event["data"]["service"]) == ("/csms/command-api", "command-api")
    assert event["subject"] == event["data"]["instance"]
    SYSTEM_EVENTS["system.instance_started"].model_validate(event["data"], extra="forbid")


async def test_streams_beyond_the_limit_are_told_of(
    admin: httpx.AsyncClient, database: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "MAX_STREAMS", 1)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(admin.stream("GET", "/events"))
        is_problem(await admin.get("/events"), 429, "too_busy")
    async with asyncio.timeout(20):
        while not (events := await _of_streams(database)):
            await asyncio.sleep(0.05)
    (event,) = events
    assert (event["data"]["limit"], event["data"]["level"]) == ("streams", "warning")
    SYSTEM_EVENTS["system.limit_reached"].model_validate(event["data"], extra="forbid")
