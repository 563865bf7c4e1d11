"""The whole process against a real RabbitMQ and PostgreSQL."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import asyncpg
import orjson
import pytest
from driven_registry import Registry
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.broker import requests as requests_module
from csms_shared.broker.consumer import Consumer, Delivery
from csms_shared.broker.declarations import Binding
from csms_shared.broker.incarnation import new_incarnation
from csms_shared.broker.link import Link
from csms_shared.broker.publisher import Outgoing, Publisher
from csms_shared.broker.requests import Correlator, Requester, reply_message
from csms_shared.broker.topology import (
    CALLS,
    REQUESTS,
    STATION_REGISTRY,
    gateway_queue,
    incarnation_queue,
    leases_key,
    leases_queue,
    owner_look_ups_queue,
    parking_queue,
    reassertions_key,
    reassertions_queue,
    requests_queue,
    service_queues,
)
from csms_shared.contracts.message_types import MessageType
from csms_shared.contracts.orders import CompletedCommand
from csms_shared.contracts.requests import RequestBatch
from csms_shared.db.parking import PARKED_TYPE
from csms_shared.ocpp import v16 as ocpp16
from csms_shared.ocpp.versions import OCPP16
from csms_shared.service.inbox import Work
from csms_shared.service.owning_service import OwningService, opened
from csms_shared.service.requests_inbox import AT_ONCE
from station_registry.completed_commands import COMPLETED_COMMANDS
from station_registry.process import station_registry
from station_registry.settings import RegistrySettings


class Gateway:
    """A gateway's side of the broker."""

    def __init__(self, link: Link) -> None:
        self.id = new_incarnation("gateway-1")
        self.publisher = Publisher(link)
        self.correlator = Correlator(self.id)
        self.requester = Requester(self.publisher, self.correlator)
        self.received: list[tuple[str, str, dict[str, Any]]] = []
        self.changed = asyncio.Condition()

    async def __call__(self, deliveries: list[Delivery]) -> None:
        async with self.changed:
            for delivery in deliveries:
                if not self.correlator.resolve(delivery):
                    self.received += [
                        (delivery.type, delivery.routing_key, item) for item in delivery.items()
                    ]
            self.changed.notify_all()

    async def get(self, type_: str, count: int = 1) -> list[dict[str, Any]]:
        def found() -> list[dict[str, Any]]:
            return [item for kind, _, item in self.received if kind == type_]

        async with asyncio.timeout(20), self.changed:
            await self.changed.wait_for(lambda: len(found()) >= count)
            return found()

    async def send(self, exchange: str, key: str, type_: str, works: list[Work]) -> None:
        body = {**works[0].envelope, "items": [work.item for work in works]}
        body |= {"gateway_id": self.id, "reply_key": f"{self.id}.answers"}
        await self.publisher.publish(Outgoing(exchange, key, type_, orjson.dumps(body)))


@pytest.fixture
async def link(broker_url: str) -> AsyncIterator[Link]:
    queues = (*service_queues("station-registry"), leases_queue(), reassertions_queue())
    async with Link(broker_url, "test") as opened:
        # What an earlier run left in the queues is not for this one.
        await opened.declare(*queues)
        channel = await opened.consume_channel(1)
        for queue in queues:
            await (await channel.get_queue(queue.name)).purge()
        yield opened
        # Where it is left, those who ask other tests' registries would be heard by nobody.
        await channel.queue_delete(owner_look_ups_queue().name)


@pytest.fixture
async def service(
    link: Link, broker_url: str, registry_url: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[OwningService]:
    monkeypatch.setenv("CSMS_BROKER_URL", broker_url)
    monkeypatch.setenv("CSMS_DATABASE_URL", registry_url)
    monkeypatch.setenv("CSMS_PROBE_PORT", "0")
    monkeypatch.setenv("CSMS_UNKNOWN_STATIONS", "accept")
    stop = asyncio.Event()
    async with opened(STATION_REGISTRY, RegistrySettings(), station_registry) as running:
        task = asyncio.create_task(running.run(stop))
        async with asyncio.timeout(30):
            while await running.missing():
                await asyncio.sleep(0.05)
        yield running
        stop.set()
        async with asyncio.timeout(10):
            await task
        assert "draining" in await running.missing()


@pytest.fixture
async def gateway(link: Link) -> AsyncIterator[Gateway]:
    made = Gateway(link)
    consumers = [
        Consumer(link, gateway_queue(made.id), made, prefetch=50),
        Consumer(
            link,
            incarnation_queue(f"{made.id}-events", Binding("csms.events.v1", "station.*")),
            made,
            prefetch=50,
        ),
    ]
    tasks = [asyncio.create_task(consumer.run()) for consumer in consumers]
    async with asyncio.timeout(20):
        while not all(consumer.consuming for consumer in consumers):
            await asyncio.sleep(0.01)
    yield made
    await asyncio.gather(*(consumer.stop() for consumer in consumers))
    await asyncio.gather(*tasks)


async def test_a_claim_a_boot_and_a_request_are_answered_and_told(
    service: OwningService, gateway: Gateway, registry: Registry
) -> None:
    name = uuid.uuid4().hex
    decisions = "station-registry.decisions"
    await gateway.send(REQUESTS, decisions, "claims.v1", [registry.claim(name, "c1")])
    (claimed,) = await gateway.get("claim-replies.v1")
    assert (claimed["outcome"], claimed["epoch"]) == ("accepted", 1)
    boot = registry.call("BootNotification", name, registry.boot())
    await gateway.send(CALLS, "ocpp16.BootNotification", "calls.v1", [boot])
    (booted,) = await gateway.get("call-replies.v1")
    assert booted["payload"]["status"] == "Accepted"
    await gateway.send(REQUESTS, decisions, "claims.v1", [registry.claim(name, "c2")])
    (control,) = await gateway.get("controls.v1")
    assert (control["kind"], control["epoch"]) == ("superseded", 2)
    answer = await gateway.requester.request(
        "station-registry", "stations.get", {"station_id": name}, 10.0
    )
    assert answer.result["connection"]["connection_id"] == "c2"
    missing = await gateway.requester.request(
        "station-registry", "stations.get", {"station_id": name + "x"}, 10.0
    )
    assert missing.problem is not None
    assert missing.problem.status == 404


async def test_a_bad_item_is_parked_shown_and_its_neighbour_answered(
    service: OwningService, gateway: Gateway, registry: Registry
) -> None:
    good = registry.call("DataTransfer", "A", {"vendorId": "V"})
    bad = registry.call("DataTransfer", "A", {}, seq=2)
    await gateway.send(CALLS, "ocpp16.DataTransfer", "calls.v1", [good, bad])
    answers = {answer["seq"]: answer for answer in await gateway.get("call-replies.v1", 2)}
    assert answers[1]["payload"] == {"status": "UnknownVendorId"}
    assert answers[2]["fault"]["code"] == "InternalError"
    async with asyncio.timeout(20):
        while not (
            page := await gateway.requester.request("station-registry", "parked.list", {}, 5.0)
        ).result["items"]:
            await asyncio.sleep(0.05)
    (parked,) = page.result["items"]
    assert (parked["station_id"], parked["type"]) == ("A", "calls.v1")


async def test_a_storm_of_stations_is_answered_completely(
    service: OwningService, gateway: Gateway, registry: Registry
) -> None:
    names = [f"S{number}" for number in range(1000)]
    pages = [names[start : start + 50] for start in range(0, len(names), 50)]
    for some in pages:
        claims = [registry.claim(name, f"c-{name}") for name in some]
        await gateway.send(REQUESTS, "station-registry.decisions", "claims.v1", claims)
    claimed = await gateway.get("claim-replies.v1", len(names))
    for some in pages:
        boots = [
            registry.call("BootNotification", name, registry.boot(), connection_id=f"c-{name}")
            for name in some
        ]
        await gateway.send(CALLS, "ocpp16.BootNotification", "calls.v1", boots)
    booted = await gateway.get("call-replies.v1", len(names))
    assert {(reply["outcome"], reply["epoch"]) for reply in claimed} == {("accepted", 1)}
    assert {reply["connection_id"] for reply in booted} == {f"c-{name}" for name in names}
    assert {reply["payload"]["status"] for reply in booted} == {"Accepted"}


async def test_a_gateway_s_life_waits_for_no_station_that_connects(
    service: OwningService, gateway: Gateway, registry: Registry
) -> None:
    decisions = "station-registry.decisions"
    claims = [registry.claim("HELD", "c1"), registry.claim("OTHER", "c2")]
    await gateway.send(REQUESTS, decisions, "claims.v1", claims)
    await gateway.get("claim-replies.v1", 2)
    async with registry.engine.begin() as connection:
        await connection.execute(text("SELECT 1 FROM station WHERE station_id = 'HELD' FOR UPDATE"))
        await gateway.send(REQUESTS, decisions, "claims.v1", [registry.claim("HELD", "c3")])
        await _until_waiting_for_a_lock(registry, 1)
        await gateway.send(REQUESTS, leases_key(), "lease.v1", [registry.lease()])
        await gateway.get("lease-reply.v1", 1)
        other = [registry.reassertion("OTHER", "c2", 1)]
        await gateway.send(REQUESTS, reassertions_key(), "reassertions.v1", other)
        await gateway.get("reassertion-reply.v1", 1)
        # Neither for connections that are re-asserted.
        held = [registry.reassertion("HELD", "c1", 7)]
        await gateway.send(REQUESTS, reassertions_key(), "reassertions.v1", held)
        await _until_waiting_for_a_lock(registry, 2)
        await gateway.send(REQUESTS, leases_key(), "lease.v1", [registry.lease()])
        await gateway.get("lease-reply.v1", 2)
        replies = [kind for kind, _, _ in gateway.received if kind == "claim-replies.v1"]
        assert len(replies) == 2
    await gateway.get("reassertion-reply.v1", 2)
    await gateway.get("claim-replies.v1", 3)


async def _until_waiting_for_a_lock(registry: Registry, sessions: int) -> None:
    waiting = (
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
        "AND datname = current_database()"
    )
    async with asyncio.timeout(10):
        while (await registry.query(waiting))[0][0] < sessions:
            await asyncio.sleep(0.01)


async def test_a_gateway_of_the_version_before_renews_among_the_decisions(
    service: OwningService, gateway: Gateway, registry: Registry
) -> None:
    decisions = "station-registry.decisions"
    await gateway.send(REQUESTS, decisions, "claims.v1", [registry.claim("A", "c1")])
    await gateway.get("claim-replies.v1")
    await gateway.send(REQUESTS, decisions, "lease.v1", [registry.lease()])
    await gateway.get("lease-reply.v1")
    await gateway.send(REQUESTS, decisions, "reassertions.v1", [registry.reassertion("A", "c1", 1)])
    await gateway.get("reassertion-reply.v1")


async def test_the_end_of_a_command_reaches_the_handler_of_its_action(
    service: OwningService, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[CompletedCommand] = []
    arrived = asyncio.Event()

    async def note(_: AsyncConnection, commands: Sequence[CompletedCommand]) -> None:
        seen.extend(commands)
        arrived.set()

    monkeypatch.setitem(COMPLETED_COMMANDS, (OCPP16, ocpp16.RESET), note)
    command_id = uuid.uuid4()
    data = {
        "command_id": str(command_id),
        "station_id": "S1",
        "action": "Reset",
        "payload": {},
        "status": "completed",
        "response": {"status": "Accepted"},
        "created_by": "test",
        "created_at": "2026-01-01T00:00:00.000Z",
        "completed_at": "2026-01-01T00:00:01.000Z",
        "deadline": "2026-01-01T00:01:00.000Z",
    }
    event = {
        "id": str(command_id),
        "source": "/csms/command-api",
        "type": "csms.command.completed.v1",
        "subject": "S1",
        "time": "2026-01-01T00:00:01.000Z",
        "data": data,
    }
    await gateway.publisher.publish(
        Outgoing(
            "csms.internal-events.v1",
            "command.completed",
            "events.v1",
            orjson.dumps([event]),
            also=("command.completed.Reset",),
        )
    )
    async with asyncio.timeout(20):
        await arrived.wait()
    assert [command.command_id for command in seen] == [command_id]
    assert seen[0].response == {"status": "Accepted"}


@asynccontextmanager
async def locked(registry_urls: tuple[str, str], table: str) -> AsyncIterator[None]:
    """Let whatever reads this table wait."""
    owner = await asyncpg.connect(registry_urls[0])
    try:
        async with owner.transaction():
            await owner.execute(f"LOCK TABLE registry.{table} IN ACCESS EXCLUSIVE MODE")
            yield
    finally:
        await owner.close()


async def test_no_request_waits_for_a_slow_one_that_came_before(
    service: OwningService, gateway: Gateway, migrated_urls: tuple[str, str]
) -> None:
    ask = gateway.requester.request
    async with locked(migrated_urls, "station_listing"):
        slow = asyncio.create_task(ask(STATION_REGISTRY, "stations.list", {}, 20.0))
        for _ in range(5):
            answer = await ask(STATION_REGISTRY, "connections.list", {}, 10.0)
            assert answer.result == {"items": [], "next_cursor": None}
        assert not slow.done()
    assert (await slow).result == {"items": [], "next_cursor": None}


async def test_owners_are_looked_up_beside_as_many_slow_requests_as_there_may_be(
    service: OwningService, gateway: Gateway, registry: Registry, migrated_urls: tuple[str, str]
) -> None:
    await registry.send([registry.claim("A", "c1")])
    ask = gateway.requester.request
    async with locked(migrated_urls, "station_listing"):
        slow = [
            asyncio.create_task(ask(STATION_REGISTRY, "stations.list", {}, 20.0))
            for _ in range(2 * AT_ONCE)
        ]
        for _ in range(5):
            (owner,) = (
                await ask(STATION_REGISTRY, "owners.look_up", {"station_ids": ["A"]}, 10.0)
            ).result
            assert (owner["connection_id"], owner["epoch"]) == ("c1", 1)
        assert not any(task.done() for task in slow)
    for answer in await asyncio.gather(*slow):
        assert [station["station_id"] for station in answer.result["items"]] == ["A"]


async def test_an_older_command_api_looks_owners_up_among_all_requests(
    service: OwningService, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests_module, "request_keys", lambda service, _: (service,))
    answer = await gateway.requester.request(
        STATION_REGISTRY, "owners.look_up", {"station_ids": ["A"]}, 10.0
    )
    assert [owner["known"] for owner in answer.result] == [False]


async def test_an_older_registry_is_asked_among_all_requests(link: Link, gateway: Gateway) -> None:
    async def answer(deliveries: list[Delivery]) -> None:
        for delivery in deliveries:
            batch = RequestBatch.model_validate_json(delivery.body)
            message = reply_message(batch.reply_key, MessageType.RESPONSE, {"result": "older"})
            await gateway.publisher.publish(message)

    consumer = Consumer(link, requests_queue(STATION_REGISTRY), answer, prefetch=1)
    running = asyncio.create_task(consumer.run())
    found = await gateway.requester.request(
        STATION_REGISTRY, "owners.look_up", {"station_ids": ["A"]}, 10.0
    )
    await consumer.stop()
    await running
    assert found.result == "older"


async def test_a_control_to_a_gateway_that_refuses_delays_no_answer_and_no_other_gateway(
    service: OwningService, gateway: Gateway, link: Link, registry: Registry
) -> None:
    deaf = new_incarnation("gateway-2")
    queue = gateway_queue(deaf)
    await link.declare(
        replace(
            queue,
            arguments={**queue.arguments, "x-max-length": 0, "x-overflow": "reject-publish"},
        )
    )
    await registry.send([registry.claim(f"D{number}", "c", deaf) for number in range(100)])
    for number in range(100):
        # Another connection of each: the gateway that had it is told, and can't be.
        claim = registry.claim(f"D{number}", f"new-{number}")
        await gateway.send(REQUESTS, "station-registry.decisions", "claims.v1", [claim])
    claimed = await gateway.get("claim-replies.v1", 100)
    assert {reply["epoch"] for reply in claimed} == {2}
    assert await registry.query("SELECT 1 FROM parked") == []


@pytest.mark.parametrize(
    "body",
    [
        b"no JSON",
        b"5",
        b"{}",
        b'{"queue": "q", "type": "t", "error": "e", "body": 5}',
        b'{"queue": "q\\u0000", "type": "t", "error": "e", "body": "b"}',
        b'{"queue": "q", "type": "t", "error": "e", "body": "{\\"items\\": '
        b'[{\\"station_id\\": \\"\\\\u0000\\"}]}"}',
    ],
)
async def test_what_is_no_parked_item_is_kept_all_the_same_and_blocks_no_other(
    service: OwningService, gateway: Gateway, registry: Registry, body: bytes
) -> None:
    queue = parking_queue(STATION_REGISTRY).name
    good = orjson.dumps({"queue": "q", "type": "good.v1", "error": "e", "body": "{}"})
    for one in (body, good):
        await gateway.publisher.publish(Outgoing("", queue, PARKED_TYPE, one))
    async with asyncio.timeout(20):
        while len(await registry.query("SELECT 1 FROM parked")) < 2:
            await asyncio.sleep(0.05)
    types = {row.type for row in await registry.query("SELECT type FROM parked")}
    assert "good.v1" in types
