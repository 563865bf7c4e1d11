"""Streams tell each event once and in order, whatever becomes of what is told live."""

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from live_events import ALL, StoreOfTests, opened, seen

from command_api.live_events.domain.events import Wanted
from command_api.live_events.domain.ring import Ring
from command_api.live_events.handlers import hub as hubs
from command_api.live_events.handlers import silence, streams
from command_api.live_events.handlers.hub import EventHub, TooManyStreams
from command_api.live_events.handlers.silence import break_silence
from command_api.live_events.handlers.stored_events import StoredEvents
from command_api.live_events.handlers.streams import Stream, StreamEnded
from command_api.ports import ServiceAway
from csms_shared.contracts.event_store import StoredEventBatch
from csms_shared.contracts.refusals import ProblemRaised

STATIONS = st.lists(st.sampled_from(["S1", "S2"]), max_size=6)
# What becomes of a batch on its way, and how many of those before it come once more after it.
FATES = st.tuples(STATIONS, st.sampled_from(["told", "lost", "late"]), st.integers(0, 3))


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "READ_AGAIN_S", 0.001)
    monkeypatch.setattr(silence, "ASK_EACH_S", 0.001)


async def test_a_stream_begins_with_what_is_stored_after_it_was_opened() -> None:
    hub, store = EventHub(), StoreOfTests()
    store.add("S1", "S1")
    stream = await opened(hub, store)
    assert stream.position == 2
    hub.take(store.add("S1", "S2"))
    assert await seen(stream, 4) == [3, 4]


async def test_a_stream_goes_on_where_another_has_ended() -> None:
    hub, store = EventHub(), StoreOfTests()
    store.add(*["S1"] * 30)
    stream = await opened(hub, store, after=11)
    assert await seen(stream, 30) == list(range(12, 31))


async def test_what_the_ring_has_is_not_asked_for() -> None:
    hub, store = EventHub(), StoreOfTests()
    hub.take(store.add("S1"))
    hub.take(store.add("S2", "S1"))
    stream = await opened(hub, store, Wanted("default", "S1"), after=0)
    assert await seen(stream, 3) == [1, 3]
    assert store.reads == 0


async def test_a_slow_stream_falls_back_on_the_store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hubs, "RING_EVENTS", 5)
    hub, store = EventHub(), StoreOfTests()
    slow, fast = await opened(hub, store), await opened(hub, store)
    for position in range(1, 41):
        hub.take(store.add("S1"))
        assert await seen(fast, position) == [position]
    assert store.reads == 0
    assert await seen(slow, 40) == list(range(1, 41))
    assert store.reads > 0


async def test_two_writers_whose_batches_overtake_each_other_cost_no_event() -> None:
    hub, store = EventHub(), StoreOfTests()
    stream = await opened(hub, store)
    batches = [store.add("S1"), store.add("S1"), store.add("S1"), store.add("S1")]
    for number in (1, 0, 3, 2):
        hub.take(batches[number])
    assert await seen(stream, 4) == [1, 2, 3, 4]


async def test_a_stream_stays_open_while_the_store_is_away_and_catches_up() -> None:
    hub, store = EventHub(), StoreOfTests()
    stream = await opened(hub, store)
    lost = store.add("S1", "S1")
    store.is_away = True
    hub.take(StoredEventBatch(items=[], after=lost.position, position=lost.position))
    reading = asyncio.create_task(seen(stream, 2))
    await asyncio.sleep(0.02)
    assert not reading.done()
    store.is_away = False
    assert await reading == [1, 2]


async def test_opening_a_stream_while_the_store_is_away_is_refused() -> None:
    hub, store = EventHub(), StoreOfTests()
    store.is_away = True
    with pytest.raises(ServiceAway):
        await opened(hub, store)


@pytest.mark.parametrize(("after", "status"), [(1, 410), (6, 422)])
async def test_positions_that_are_gone_or_not_there_yet_are_refused(
    after: int, status: int
) -> None:
    hub, store = EventHub(), StoreOfTests()
    store.add(*["S1"] * 5)
    store.kept_after = 3
    with pytest.raises(ProblemRaised) as refused:
        await opened(hub, store, after=after)
    assert refused.value.problem.status == status


async def test_a_stream_that_is_overtaken_by_the_retention_ends() -> None:
    hub, store = EventHub(), StoreOfTests()
    stream = await opened(hub, store)
    store.add(*["S1"] * 5)
    store.kept_after = 3
    hub.reach(5)
    with pytest.raises(StreamEnded, match="kept no longer"):
        await seen(stream, 5)


async def test_while_nothing_is_told_one_question_is_asked_for_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hubs, "SILENT_S", -1)
    hub, store = EventHub(), StoreOfTests()
    several = [await opened(hub, store) for _ in range(3)]
    store.heads = 0
    asking = asyncio.create_task(break_silence(hub, StoredEvents(store)))
    store.add("S1", "S1")
    assert [await seen(stream, 2) for stream in several] == [[1, 2]] * 3
    asking.cancel()


async def test_while_the_store_tells_of_itself_it_is_not_asked() -> None:
    hub, store = EventHub(), StoreOfTests()
    await opened(hub, store)
    assert not hub.is_silent()


@pytest.mark.parametrize("waits_for", ["nothing", "an answer"])
async def test_a_stream_that_is_ended_ends_at_once_and_tells_why(
    waits_for: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub, store = EventHub(), StoreOfTests()
    stream = await opened(hub, store)
    if waits_for == "an answer":

        async def never(*_: Any) -> None:
            await asyncio.Event().wait()

        monkeypatch.setattr(store, "ask", never)
        hub.reach(5)
    reading = asyncio.create_task(stream.next())
    await asyncio.sleep(0.01)
    hub.close()
    with pytest.raises(StreamEnded, match="shutting down"):
        await asyncio.wait_for(reading, 5)


async def test_no_more_streams_are_open_than_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hubs, "MAX_STREAMS", 2)
    hub, store = EventHub(), StoreOfTests()
    first, _ = [await opened(hub, store) for _ in range(2)]
    with pytest.raises(TooManyStreams):
        await opened(hub, store)
    hub.discard(first)
    await opened(hub, store)


async def test_events_are_wanted_while_a_stream_is_open() -> None:
    hub, store = EventHub(), StoreOfTests()
    wanted = asyncio.create_task(hub.until_wanted())
    await asyncio.sleep(0)
    assert not wanted.done()
    stream = await opened(hub, store)
    await asyncio.wait_for(wanted, 5)
    hub.discard(stream)
    assert not hub.is_listened_to


@settings(max_examples=200)
@given(told=st.lists(FATES, max_size=12), data=st.data())
def test_whatever_becomes_of_what_is_told_each_event_is_seen_once_and_in_order(
    told: list[tuple[list[str], str, int]], data: st.DataObject
) -> None:
    asyncio.run(_each_is_seen_once(told, data))


async def _each_is_seen_once(told: list[tuple[list[str], str, int]], data: st.DataObject) -> None:
    hub, store = EventHub(), StoreOfTests(window=data.draw(st.integers(1, 5)))
    hub.ring = Ring(data.draw(st.integers(0, 6)), hubs.RING_BYTES)
    store.add(*data.draw(STATIONS))
    after = data.draw(st.integers(0, store.head))
    wanted = data.draw(st.sampled_from([ALL, Wanted("default", "S1")]))
    stream = Stream(hub, StoredEvents(store), wanted)
    hub.open(stream)
    await stream.begin(after, "after")
    found: list[int] = []
    late: list[StoredEventBatch] = []
    every: list[StoredEventBatch] = []
    for station_ids, fate, again in told:
        every.append(store.add(*station_ids))
        if fate == "told":
            hub.take(every[-1])
        elif fate == "late":
            late.append(every[-1])
        for batch in every[-again:] if again else []:
            if batch not in late:
                hub.take(batch)
        if data.draw(st.booleans()):
            found += await seen(stream, hub.head)
    for batch in reversed(late):
        hub.take(batch)
    hub.reach(store.head)
    found += await seen(stream, store.head)
    station_ids = ["S1", "S2"] if wanted is ALL else ["S1"]
    expected = [one.position for one in store.events if one.event["subject"] in station_ids]
    assert found == [position for position in expected if position > after]
