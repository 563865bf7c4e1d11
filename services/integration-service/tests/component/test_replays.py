"""Events of the past, once and in order, in a queue of one's own."""

from typing import Any

import orjson
import pytest
from event_books import told
from integration_fakes import Outside
from public_stage import PublicStage, until

from csms_shared.broker.link import Link
from csms_shared.broker.topology import replay_queue
from csms_shared.service.owning_service import OwningService
from integration_service.replays import requests as replay_requests
from integration_service.replays import sending

pytestmark = pytest.mark.usefixtures("service")


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Send few events at once, and soon again where a queue is full."""
    monkeypatch.setattr(sending, "BATCH_EVENTS", 10)
    monkeypatch.setattr(sending, "FULL_S", 0.1)
    monkeypatch.setattr(sending, "POLL_S", 0.1)


async def _start(outside: Outside, tenant_id: str = "default", **asked: Any) -> Any:
    return await outside.ask(
        "events.start_replay", tenant_id=tenant_id, **{"created_by": "somebody", **asked}
    )


async def _get(outside: Outside, replay: dict[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = await outside.ask("events.get_replay", replay_id=replay["replay_id"])
    return shown


async def _ended(outside: Outside, replay: dict[str, Any]) -> dict[str, Any]:
    async def has_ended() -> bool:
        return bool((await _get(outside, replay))["status"] != "running")

    await until(has_ended)
    return await _get(outside, replay)


async def _take_all(link: Link, name: str) -> list[dict[str, Any]]:
    """Return what is in a queue, and take it out."""
    channel = await link.consume_channel(1)
    queue = await channel.get_queue(name, ensure=False)
    events: list[dict[str, Any]] = []
    while (message := await queue.get(no_ack=True, fail=False)) is not None:
        events += orjson.loads(message.body)
    await channel.close()
    return events


async def _tell(outside: Outside, count: int, tenant_id: str = "default") -> None:
    head = (await outside.ask("events.head"))["position"]
    await outside.tell(
        [
            told(n, f"S-{n % 3}", ("transaction.started", "station.offline")[n % 2])
            | {"tenantid": tenant_id, "id": f"{tenant_id} {head + n}"}
            for n in range(count)
        ]
    )
    await outside.until_stored(head + count)


async def test_a_replay_brings_every_event_of_the_tenant_once_and_in_order(
    outside: Outside, small_batches: None
) -> None:
    await _tell(outside, 95)
    await _tell(outside, 20, "other")
    replay = await _start(outside)
    assert (replay["status"], replay["until"]) == ("running", 115)
    await _tell(outside, 5)
    ended = await _ended(outside, replay)
    assert (ended["status"], ended["events"], ended["position"]) == ("completed", 95, 115)
    assert ended["ended_at"] is not None
    events = await _take_all(outside.link, replay["queue"])
    assert [int(one["position"]) for one in events] == [
        one["position"] for one in await outside.stored() if one["position"] <= 115
    ]
    assert len(events) == 95


async def test_a_replay_brings_what_is_asked_for(outside: Outside, small_batches: None) -> None:
    await _tell(outside, 60)
    replay = await _start(outside, types=["transaction.*"], station_id="S-1", after=20)
    await _ended(outside, replay)
    events = await _take_all(outside.link, replay["queue"])
    assert events
    assert [int(one["position"]) for one in events] == [
        one["position"]
        for one in await outside.stored(types=["transaction.*"], station_id="S-1", after=20)
    ]
    assert await _start(outside, after=1000) == (422, "position_unknown")


async def test_a_full_queue_is_filled_on_once_it_is_read(
    outside: Outside, small_batches: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def small(number: str) -> Any:
        queue = replay_queue(number)
        kept = {name: to for name, to in queue.arguments.items() if name != "x-max-length-bytes"}
        return type(queue)(queue.name, {**kept, "x-max-length": 2})

    monkeypatch.setattr(replay_requests, "replay_queue", small)
    await _tell(outside, 100)
    replay = await _start(outside)

    async def is_full() -> bool:
        return bool((await _get(outside, replay))["events"] >= 20)

    await until(is_full)
    events = await _take_all(outside.link, replay["queue"])

    async def read_on() -> bool:
        events.extend(await _take_all(outside.link, replay["queue"]))
        return len({one["position"] for one in events}) == 100

    await until(read_on)
    assert (await _ended(outside, replay))["status"] == "completed"
    positions = [int(one["position"]) for one in events]
    assert positions == [*range(1, 101)]


@pytest.fixture
async def stuck(
    service: OwningService, outside: Outside, small_batches: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Let every replay wait: its queue takes nothing."""

    def full(number: str) -> Any:
        queue = replay_queue(number)
        kept = {name: to for name, to in queue.arguments.items() if name != "x-max-length-bytes"}
        return type(queue)(queue.name, {**kept, "x-max-length": 0})

    monkeypatch.setattr(replay_requests, "replay_queue", full)
    await _tell(outside, 30)


@pytest.mark.usefixtures("stuck")
async def test_a_replay_is_stopped_by_its_tenant_alone_and_once(outside: Outside) -> None:
    replay = await _start(outside)
    named = {"replay_id": replay["replay_id"]}
    for operation in ("events.get_replay", "events.stop_replay"):
        assert await outside.ask(operation, "other", **named) == (404, "unknown_replay")
        for wrong in ("none", "0199f3a1-7c5e-7d1a-9b64-0f6f1d2c3b4a"):
            assert await outside.ask(operation, replay_id=wrong) == (404, "unknown_replay")
    stopped = await outside.ask("events.stop_replay", **named)
    assert stopped["status"] == "stopped"
    assert await outside.ask("events.stop_replay", **named) == (409, "replay_ended")
    assert (await _get(outside, replay))["status"] == "stopped"
    assert (await outside.ask("events.list_replays", "other"))["items"] == []


@pytest.mark.usefixtures("stuck")
async def test_a_replay_whose_queue_was_deleted_has_failed(outside: Outside) -> None:
    replay = await _start(outside)
    channel = await outside.link.consume_channel(1)
    await channel.queue_delete(replay["queue"])
    await channel.close()
    ended = await _ended(outside, replay)
    assert (ended["status"], ended["problem"]) == ("failed", "its queue is not there any more")


@pytest.mark.usefixtures("stuck")
async def test_a_tenant_runs_three_replays_at_a_time_and_others_as_many(
    outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Of another tenant there is nothing to send, and so nothing to wait for.
    await _tell(outside, 3, "other")
    made: list[str] = []
    full = vars(replay_requests)["replay_queue"]

    def note(number: str) -> Any:
        queue = full(number)
        made.append(queue.name)
        return queue

    monkeypatch.setattr(replay_requests, "replay_queue", note)
    running = [await _start(outside) for _ in range(3)]
    assert await _start(outside) == (409, "too_many_replays")
    # One that is refused leaves no queue behind.
    channel = await outside.link.consume_channel(1)
    with pytest.raises(Exception, match="NOT_FOUND"):
        await channel.declare_queue(made[-1], passive=True)
    assert (await _start(outside, "other"))["status"] == "running"
    listed = []
    cursor = None
    for _ in range(3):
        page = await outside.ask("events.list_replays", limit=1, cursor=cursor)
        listed += page["items"]
        cursor = page["next_cursor"]
    assert cursor is None
    assert [one["replay_id"] for one in listed] == [one["replay_id"] for one in reversed(running)]
    await outside.ask("events.stop_replay", replay_id=running[0]["replay_id"])
    assert (await _start(outside))["status"] == "running"


async def test_a_replay_that_nobody_reads_ends_after_its_time(
    outside: Outside, stuck: None, stage: PublicStage
) -> None:
    replay = await _start(outside)
    async with stage.books.engine.begin() as connection:
        await connection.exec_driver_sql(
            "UPDATE replay SET created_at = now() - interval '25 hours'"
        )
    ended = await _ended(outside, replay)
    assert (ended["status"], ended["problem"]) == ("failed", "it was not read within a day")


@pytest.mark.usefixtures("stuck")
async def test_a_replay_whose_events_go_before_they_are_sent_has_failed(
    outside: Outside, stage: PublicStage
) -> None:
    replay = await _start(outside, after=0)
    # From a time, it brings what is kept of it.
    of_a_time = await _start(outside, from_time="2026-05-01T00:00:00Z")
    async with stage.books.engine.begin() as connection:
        await connection.exec_driver_sql("UPDATE event_floor SET position = 5")
    ended = await _ended(outside, replay)
    assert ended["status"] == "failed"
    assert ended["problem"].startswith("events after position 0 are not kept any more")
    assert (await _get(outside, of_a_time))["status"] == "running"
