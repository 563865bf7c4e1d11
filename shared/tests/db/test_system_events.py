"""What a process did by itself, in its outbox: brought about with a real broker and database."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from outbox_stage import OUTBOX
from pydantic import SecretStr
from sqlalchemy import MetaData, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from csms_shared.broker.link import Link
from csms_shared.broker.publisher import DEFAULT_EXCHANGE, Outgoing, Publisher
from csms_shared.broker.topology import EVENTS, STATION_REGISTRY, reports_queue, service_queues
from csms_shared.contracts.event_data.system import SYSTEM_EVENTS
from csms_shared.db.outbox_messages import Destination
from csms_shared.db.outbox_refusals import Refusals
from csms_shared.db.settings import DatabaseSettings
from csms_shared.db.system_events import SystemEvents
from csms_shared.db.tables import outbox_table, parked_table
from csms_shared.db.upkeep import Upkeep, UpkeepTask
from csms_shared.observability.system_notices import Notice, SystemNotices
from csms_shared.runtime.errors import Unavailable
from csms_shared.service.inbox import Reply, Work
from csms_shared.service.owning_service import OwningService
from csms_shared.values.levels import Level

WITHIN_S = 30.0
Apply = Callable[[AsyncConnection, list[Work]], Awaitable[list[Reply]]]


def stopped() -> Notice:
    return Notice("system.instance_stopped", "i", Level.INFO, "Stopped.", {"ran_s": 1.0})


async def told(engine: AsyncEngine) -> list[dict[str, Any]]:
    """Return all system events in the outbox, each looked at."""
    async with engine.connect() as connection:
        rows = await connection.execute(
            text(
                "SELECT routing_key, events FROM outbox WHERE routing_key LIKE 'system.%' "
                "ORDER BY id"
            )
        )
        found = [(row.routing_key, one) for row in rows for one in orjson.loads(bytes(row.events))]
    for key, event in found:
        SYSTEM_EVENTS[key].model_validate(event["data"], extra="forbid")
    return [event for _, event in found]


async def until_told(engine: AsyncEngine, *kinds: str) -> list[dict[str, Any]]:
    """Return the first event of each of these kinds, once all are there."""
    wanted = [f"csms.system.{kind}.v1" for kind in kinds]
    async with asyncio.timeout(WITHIN_S):
        while True:
            events = await told(engine)
            first = {event["type"]: event for event in reversed(events)}
            if first.keys() >= set(wanted):
                return [first[kind] for kind in wanted]
            await asyncio.sleep(0.05)


def writer(engine: AsyncEngine, notices: SystemNotices, woken: list[int]) -> SystemEvents:
    return SystemEvents(engine, OUTBOX, notices, "/csms/numbers", lambda: woken.append(1))


async def test_notices_are_written_together_and_the_relay_is_woken(engine: AsyncEngine) -> None:
    notices, woken = SystemNotices("numbers", lambda: "numbers-1"), list[int]()
    events = writer(engine, notices, woken)
    await events.write()
    assert woken == []
    for _ in range(3):
        notices.add(stopped())
    await events.write()
    await events.write()
    assert len(await told(engine)) == 3
    assert woken == [1]


async def test_what_could_not_be_written_is_written_as_it_was(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    notices = SystemNotices("numbers", lambda: "numbers-1")
    events = writer(engine, notices, [])
    notices.add(stopped())

    async def lost(engine: AsyncEngine, work: Any) -> None:
        async with engine.begin() as connection:
            await work(connection)
        raise Unavailable("nobody knows whether it was committed")

    with monkeypatch.context() as away:
        away.setattr("csms_shared.db.system_events.in_transaction", lost)
        for _ in range(2):
            with pytest.raises(Unavailable):
                await events.write()
            notices.add(stopped())
    await events.write()
    await events.write()
    ids = [event["id"] for event in await told(engine)]
    # The first came three times, as one that has the same id; what came meanwhile once.
    assert sorted(ids.count(id) for id in set(ids)) == [1, 1, 3]


async def test_a_task_that_begins_to_fail_and_is_well_again_is_told(engine: AsyncEngine) -> None:
    notices = SystemNotices("numbers", lambda: "numbers-1")
    events = writer(engine, notices, [])
    well, attempts = [False], [0]

    async def work(connection: AsyncConnection) -> None:
        attempts[0] += 1
        if not well[0]:
            await connection.execute(text("SELECT 'a secret' / 0"))

    upkeep = Upkeep(engine, "numbers", [UpkeepTask("fail", 0.05, work)], notices.add)
    async with _running(upkeep.run(), events.run()):
        (failing,) = await until_told(engine, "upkeep_failing")
        seen = attempts[0]
        async with asyncio.timeout(WITHIN_S):
            while attempts[0] < seen + 3:
                await asyncio.sleep(0.01)
        well[0] = True
        (recovered,) = await until_told(engine, "upkeep_recovered")
    assert (failing["subject"], failing["data"]["count"]) == ("fail", 1)
    assert failing["data"]["level"] == "error"
    assert "secret" not in str(failing)
    assert recovered["data"]["failed_s"] >= 0
    assert len(await told(engine)) == 2


async def test_destinations_that_refuse_are_told_once_and_what_tells_it_is_not(
    engine: AsyncEngine,
) -> None:
    notices = SystemNotices("numbers", lambda: "numbers-1")
    refusals = Refusals(notices.add)
    keys = ("number.counted", "number.lost", "system.destination_refusing")
    for key in keys * 2:
        refusals.refused(Destination(EVENTS, key))
    for key in keys * 2:
        refusals.taken(Destination(EVENTS, key))
    await writer(engine, notices, []).write()
    refusing, recovered = await until_told(engine, "destination_refusing", "destination_recovered")
    assert len(await told(engine)) == 2
    assert (refusing["subject"], refusing["data"]["count"]) == (EVENTS, 2)
    assert (recovered["data"]["routing_key"], recovered["data"]["count"]) == ("number.lost", 2)


async def test_a_process_tells_of_its_life_of_what_it_parks_and_of_its_pauses(
    engine: AsyncEngine,
    link: Link,
    broker_url: str,
    role_url: Callable[[str], str],
    scripts: Path,
) -> None:
    away = [3]
    handled: list[Any] = []

    async def apply(_: AsyncConnection, works: list[Work]) -> list[Reply]:
        if any(work.item == {"n": "bad", "tenant_id": "north"} for work in works):
            raise ValueError("the secret of an item")
        if away[0]:
            away[0] -= 1
            raise Unavailable("the database does not answer")
        handled.extend(works)
        return []

    async with _serving(link, broker_url, role_url, scripts, apply) as service:
        publisher, queue = Publisher(link), reports_queue(STATION_REGISTRY).name

        async def send(*items: object) -> None:
            body = orjson.dumps({"items": items})
            await publisher.publish(Outgoing(DEFAULT_EXCHANGE, queue, "numbers.v1", body))

        (started,) = await until_told(engine, "instance_started")
        await send({"n": 1})
        paused, resumed = await until_told(engine, "consumer_paused", "consumer_resumed")
        await send({"n": "bad", "tenant_id": "north"}, {"n": 2})
        (parked,) = await until_told(engine, "item_parked")
        instance = service.incarnation
    (ended,) = await until_told(engine, "instance_stopped")
    assert started["data"]["instance"] == ended["data"]["instance"] == instance
    assert started["subject"] == ended["subject"] == instance
    assert (paused["subject"], paused["data"]["level"]) == (queue, "warning")
    assert paused["data"]["error"] == "the database does not answer"
    assert resumed["data"]["paused_s"] > 0
    assert (parked["subject"], parked["tenantid"]) == (queue, "north")
    assert (parked["data"]["message_type"], parked["data"]["error"]) == ("numbers.v1", "ValueError")
    assert "secret" not in str(parked)
    # The queue is probed too.
    assert [work.item["n"] for work in handled if work.type == "numbers.v1"] == [1, 2]


@contextlib.asynccontextmanager
async def _serving(
    link: Link, broker_url: str, role_url: Callable[[str], str], scripts: Path, apply: Any
) -> AsyncIterator[OwningService]:
    metadata = MetaData()
    settings = DatabaseSettings(
        broker_url=SecretStr(broker_url),
        database_url=SecretStr(role_url("test_numbers")),
        probe_port=0,
    )
    queue = reports_queue(STATION_REGISTRY)
    await link.declare(*service_queues(STATION_REGISTRY))
    service = OwningService(
        STATION_REGISTRY,
        settings,
        link,
        schema="numbers",
        migrations=scripts,
        outbox=outbox_table(metadata),
        parked=parked_table(metadata),
    )
    service.consume_reports(1, lambda engine: service.inbox(engine, queue, apply))
    stop = asyncio.Event()
    running = asyncio.create_task(service.run(stop))
    try:
        yield service
    finally:
        stop.set()
        async with asyncio.timeout(WITHIN_S):
            await running
        await service.close()


@contextlib.asynccontextmanager
async def _running(*coroutines: Any) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(one) for one in coroutines]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
