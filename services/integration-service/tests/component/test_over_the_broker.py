"""The whole process with a real broker: what is told comes out wherever it is followed."""

import asyncio
from itertools import pairwise

import orjson
import pytest
from event_books import told
from integration_fakes import Outside, running_replica
from public_stage import until

from csms_shared.broker.publisher import DEFAULT_EXCHANGE, Outgoing
from csms_shared.broker.topology import event_store_queue
from csms_shared.contracts.message_types import MessageType
from csms_shared.service.owning_service import OwningService

pytestmark = pytest.mark.usefixtures("service")
KEYS = ("transaction.started", "meter_values.received", "transaction.stopped")


async def test_what_is_told_is_stored_and_told_to_those_who_follow(outside: Outside) -> None:
    events = [told(n, f"S-{n % 3}", KEYS[n // 3 % 3]) for n in range(90)]
    await until(lambda: bool(outside.batches))
    for begin in range(0, 90, 10):
        await outside.tell(events[begin : begin + 10])
    await outside.until_stored(90)
    stored = await outside.stored(limit=40)
    assert [one["position"] for one in stored] == [*range(1, 91)]
    by_number = {one["event"]["data"]["n"]: one["event"] for one in stored}
    assert by_number == {event["data"]["n"]: event for event in events}
    for station in range(3):
        own = [one["event"]["data"]["n"] for one in stored]
        assert [n for n in own if n % 3 == station] == [*range(station, 90, 3)]
    # The public exchange tells the same, each event with its position, as the batches do.
    await until(lambda: len(outside.public) == 90)
    assert {one["position"]: {**one, "position": None} for one in outside.public} == {
        str(one["position"]): {**one["event"], "position": None} for one in stored
    }
    await until(lambda: len(outside.told_items()) == 90)
    assert outside.told_items() == stored


async def test_batches_follow_each_other_without_a_gap_and_say_how_far_the_store_is(
    outside: Outside,
) -> None:
    await until(lambda: bool(outside.batches))
    for n in range(700):
        await outside.tell([told(n, f"S-{n % 5}")])
    await until(lambda: len(outside.told_items()) == 700)
    quiet = len(outside.batches)
    await until(lambda: len(outside.batches) > quiet)
    assert [item["position"] for item in outside.told_items()] == [*range(1, 701)]
    for before, after in pairwise(outside.batches):
        assert after["after"] == before["position"]
    assert outside.batches[-1] == {"after": 700, "position": 700, "items": []}


async def test_what_is_no_event_is_parked_alone(outside: Outside) -> None:
    no_event = {"id": "1", "source": "/csms/test", "type": "csms.a.b.v1", "subject": "S-1"}
    await outside.tell([told(1), no_event, told(2)])
    await outside.send(b"no JSON")
    await outside.tell([told(3)])
    await outside.until_stored(3)
    assert [one["event"]["data"]["n"] for one in await outside.stored()] == [1, 2, 3]

    async def parked() -> list[dict[str, str]]:
        items: list[dict[str, str]] = (await outside.ask("parked.list"))["items"]
        return items

    async def both() -> bool:
        return len(await parked()) == 2

    await until(both)
    items = sorted(await parked(), key=lambda item: item["body"])
    assert {item["queue"] for item in items} == {event_store_queue().name}
    assert orjson.loads(items[0]["body"]) == [no_event]
    assert "its time is no text" in items[0]["error"]
    assert items[1]["body"] == "no JSON"


@pytest.mark.parametrize("levels", [60, 140, 160, 245, 253, 900])
async def test_an_event_is_read_again_or_parked_alone_however_deep_it_is_nested(
    outside: Outside, levels: int
) -> None:
    deep = b"[" * levels + b"]" * levels
    event = orjson.dumps(told(2, "S-2", data={"n": 2, "deep": 0})).replace(b"0}", deep + b"}")
    no_event = b'{"deep":' + deep + b"}"
    await outside.send(b"[%b,%b,%b,%b]" % (orjson.dumps(told(1)), no_event, event, b"1"))
    await outside.tell([told(3)])

    async def parked() -> set[str]:
        return {item["body"] for item in (await outside.ask("parked.list"))["items"]}

    async def all_are_somewhere() -> bool:
        head = (await outside.ask("events.head"))["position"]
        return bool(head + len(await parked()) == 5)

    await until(all_are_somewhere)
    bodies = {"[1]", "[" + no_event.decode() + "]"}
    numbers = {one["event"]["data"]["n"] for one in await outside.stored()}
    assert (numbers, await parked()) in (
        ({1, 2, 3}, bodies),
        ({1, 3}, bodies | {"[" + event.decode() + "]"}),
    )
    assert (numbers == {1, 2, 3}) or levels > 100
    await until(lambda: {one["data"]["n"] for one in outside.public} == numbers)


async def test_a_probe_without_items_does_no_harm(outside: Outside, service: OwningService) -> None:
    queue = event_store_queue().name
    for _ in range(3):
        await outside.publisher.publish(
            Outgoing(DEFAULT_EXCHANGE, queue, MessageType.PROBE, orjson.dumps({"items": []}))
        )
    await outside.tell([])
    await outside.tell([told(1)])
    await outside.until_stored(1)
    assert [one["event"]["data"]["n"] for one in await outside.stored()] == [1]
    assert (await outside.ask("parked.list"))["items"] == []
    assert await service.missing() == {}


async def test_two_replicas_at_once_store_every_event_once_also_while_one_stops(
    outside: Outside, broker_url: str, integration_url: str
) -> None:
    async def tell(first: int) -> None:
        for n in range(first, first + 60):
            await outside.tell([told(n, f"S-{n % 3}", KEYS[n // 3 % 3])])

    async with running_replica(broker_url, integration_url):
        await tell(0)
        telling = asyncio.create_task(tell(60))
    await telling
    await tell(120)
    await outside.until_stored(180)
    stored = await outside.stored()
    assert [one["position"] for one in stored] == [*range(1, 181)]
    numbers = [one["event"]["data"]["n"] for one in stored]
    for station in range(3):
        assert [n for n in numbers if n % 3 == station] == [*range(station, 180, 3)]
    await until(lambda: {one["position"] for one in outside.public} == {*map(str, range(1, 181))})


async def test_the_replica_that_stays_goes_on_where_the_one_that_consumed_has_stopped(
    outside: Outside, broker_url: str, integration_url: str, service: OwningService
) -> None:
    """The broker gives the queue to one of them: to the first, until that stops."""
    async with running_replica(broker_url, integration_url):
        consumer = next(one for one in service._consumers if one._in_order)
        await outside.tell([told(n) for n in range(20)])
        await outside.until_stored(20)
        await consumer.stop()
        for n in range(20, 60):
            await outside.tell([told(n)])
        await outside.until_stored(60)
        numbers = [one["event"]["data"]["n"] for one in await outside.stored()]
        assert numbers == [*range(60)]
