"""What a stream that ends says last: no position beyond what it has told."""

import asyncio
import itertools
from typing import Any, cast

import pytest
from fastapi import Request
from live_events import StoreOfTests, opened

from command_api.http.routes import events
from command_api.live_events.handlers.hub import EventHub


async def test_a_stream_that_ends_with_events_at_hand_does_not_say_that_it_told_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its client goes on elsewhere from the last `id` that came."""
    # Each look at the clock is long after the one before: a keep-alive is always due.
    monkeypatch.setattr(events, "monotonic", itertools.count(0, 100).__next__)
    hub, store = EventHub(), StoreOfTests()
    stream = await opened(hub, store)
    hub.take(store.add("S1"))
    asyncio.get_running_loop().call_soon(hub.close)
    told: list[Any] = [
        one async for one in events._events(cast(Request, None), hub, stream, within=None)
    ]
    assert [one.id for one in told if one.id is not None and one.data is None] == ["0"]
