"""Which streams are open, and whether events reach them."""

import asyncio

import pytest

from command_api.live_events import handlers as event_hub
from command_api.live_events.handlers import EventFilter, EventHub, LiveEvent
from csms_shared.contracts.event_data.table import EVENTS, Subject
from csms_shared.contracts.events import event_type

ALL = EventFilter("default", None, None)


async def test_events_are_wanted_while_a_stream_is_open() -> None:
    hub = EventHub()
    wanted = asyncio.create_task(hub.until_wanted())
    await asyncio.sleep(0)
    assert not wanted.done()
    stream = hub.open(ALL)
    await asyncio.wait_for(wanted, 5)
    hub.discard(stream)
    wanted = asyncio.create_task(hub.until_wanted())
    await asyncio.sleep(0)
    assert not wanted.done()
    wanted.cancel()


async def test_a_stream_waits_until_events_reach_it_and_not_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(event_hub, "CONNECT_TIMEOUT_S", 0.01)
    hub = EventHub()
    assert not await hub.until_connected()
    hub.connected = True
    assert await hub.until_connected()


async def test_streams_that_end_tell_why() -> None:
    hub = EventHub()
    stream = hub.open(ALL)
    hub.end_all("events could not be had from the broker")
    assert await stream.next() == "events could not be had from the broker"


@pytest.mark.parametrize(
    "key", [key for key, row in EVENTS.items() if row.subject is not Subject.STATION]
)
def test_no_event_whose_subject_is_something_else_counts_as_one_of_a_station(key: str) -> None:
    assert not LiveEvent("1", event_type(key), "default", "S1", "{}").is_of_station
