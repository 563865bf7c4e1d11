"""What subscribers are told: every event with its position, in messages of one kind, in order."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

import asyncpg
import pytest
from event_books import told
from public_stage import PublicStage, until
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.runtime.errors import Unavailable
from integration_service.public_exchange import feed as public_feed

STATIONS = ("S-1", "S-2", "S-3")


async def test_events_leave_in_one_message_per_key_each_with_its_position(
    stage: PublicStage,
) -> None:
    reader = await stage.read("all", f"{stage.key}.#")
    for n in range(1, 5):
        await stage.books.store([told(n, f"S-{n % 2}", f"{stage.key}.{'ab'[n % 2]}")])
    assert await stage.feed.round() is False
    await until(lambda: len(reader.events) == 4)
    assert await stage.feed.round() is False
    assert {
        key: [(one["data"]["n"], one["position"]) for one in events]
        for key, events in reader.messages
    } == {f"{stage.key}.a": [(2, "2"), (4, "4")], f"{stage.key}.b": [(1, "1"), (3, "3")]}
    assert len(reader.messages) == 2


async def test_the_end_of_a_command_reaches_everyone_once_and_those_who_follow_its_action(
    stage: PublicStage,
) -> None:
    everyone = await stage.read("all", "command.completed", "command.*", "command.#")
    resets = await stage.read("resets", "command.completed.Reset")
    unlocks = await stage.read("unlocks", "command.completed.UnlockConnector")
    actions = ("Reset", "ClearCache", "UnlockConnector", "Reset")
    await stage.books.store(
        [
            told(n, key="command.completed", data={"n": n, "action": action})
            for n, action in enumerate(actions)
        ]
    )
    await stage.feed.round()
    # A broker that is too busy to confirm in time is asked to take it again.
    is_once = not await stage.deferred()
    await stage.until_nothing_is_deferred(stage.feed)
    for reader, numbers in ((everyone, {0, 1, 2, 3}), (resets, {0, 3}), (unlocks, {2})):
        await until(partial(numbers.issubset, reader.copies))
        assert reader.copies.keys() == numbers
        assert not is_once or set(reader.copies.values()) == {1}
    assert {key for key, _ in everyone.messages + resets.messages} == {"command.completed"}


async def _write_mixed(stage: PublicStage, batches: range) -> None:
    for batch in batches:
        await stage.books.store(
            [
                told(batch * 12 + n, STATIONS[n % 3], f"{stage.key}.{'abcd'[n * n % 4]}")
                for n in range(12)
            ]
        )
        stage.feed.wake()


async def _positions_of(stage: PublicStage, subject: str) -> list[int]:
    return [at for at, event in await stage.books.all() if event["subject"] == subject]


@pytest.mark.parametrize("refusing", [False, True])
async def test_each_station_is_told_of_in_order_also_while_somebody_takes_nothing(
    stage: PublicStage, refusing: bool
) -> None:
    reader = await stage.read("all", f"{stage.key}.#")
    if refusing:
        await stage.refuse("classic", f"{stage.key}.a")
    stage.begin()
    await _write_mixed(stage, range(20))
    await until(lambda: len(reader.copies) == 240)
    for station in STATIONS:
        assert reader.first_positions(station) == await _positions_of(stage, station)


async def test_two_replicas_at_once_tell_every_event_once_and_in_order(stage: PublicStage) -> None:
    reader = await stage.read("all", f"{stage.key}.#")
    other = stage.another_feed()
    stage.begin()
    stage.begin(other)
    for batch in range(15):
        await _write_mixed(stage, range(batch, batch + 1))
        other.wake()
    await until(lambda: len(reader.copies) == 180)
    await stage.until_all_is_told()
    # What a slow broker confirms too late is told once more; all is not told by both.
    assert reader.copies.total() < 2 * 180
    for station in STATIONS:
        assert reader.first_positions(station) == await _positions_of(stage, station)


async def test_a_feed_that_dies_before_its_commit_repeats_and_overtakes_nothing(
    stage: PublicStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = await stage.read("all", f"{stage.key}.#")
    dying, reached = stage.another_feed(), asyncio.Event()
    publish = dying._publish

    async def publish_and_stop(connection: AsyncConnection, messages: object) -> bool:
        await publish(connection, messages)  # type: ignore[arg-type]
        reached.set()
        await asyncio.Event().wait()
        return True

    monkeypatch.setattr(dying, "_publish", publish_and_stop)
    await _write_mixed(stage, range(5))
    task = stage.begin(dying)
    await reached.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert await stage.position() == 0
    await _write_mixed(stage, range(5, 6))
    await stage.feed.round()
    await until(lambda: len(reader.events) == 60 + 72)
    for station in STATIONS:
        assert reader.first_positions(station) == await _positions_of(stage, station)


async def test_a_feed_that_is_frozen_holds_the_others_up_no_longer_than_its_time(
    stage: PublicStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(public_feed, "_LONGEST_IDLE", "300ms")
    reader = await stage.read("all", f"{stage.key}.#")
    frozen, reached, thawed = stage.another_feed(), asyncio.Event(), asyncio.Event()

    async def freeze(*_: object) -> bool:
        reached.set()
        await thawed.wait()
        return True

    monkeypatch.setattr(frozen, "_publish", freeze)
    await stage.write(3, f"{stage.key}.a")
    round_ = asyncio.create_task(frozen.round())
    await reached.wait()
    assert await stage.feed.round() is False
    assert reader.events == []
    stage.begin()
    await stage.until_all_is_told()
    await until(lambda: reader.copies == {1: 1, 2: 1, 3: 1})
    thawed.set()
    # What it holds for told was told by another; it has not moved on by itself.
    with pytest.raises(Unavailable):
        await round_


async def test_a_feed_that_stood_still_goes_on_with_what_is_kept(
    stage: PublicStage, own: Callable[[str], Awaitable[list[asyncpg.Record]]]
) -> None:
    reader = await stage.read("all", f"{stage.key}.#")
    await stage.write(5, f"{stage.key}.a")
    await own("DELETE FROM event_segment WHERE position <= 3")
    await own("UPDATE event_floor SET position = 3")
    await stage.feed.round()
    await until(lambda: len(reader.events) == 2)
    assert [one["position"] for one in reader.events] == ["4", "5"]
    assert await stage.position() == 5
