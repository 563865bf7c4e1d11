"""The whole process with a real broker: replies, probes, poison, a database that goes away."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import asyncpg
import orjson
import pytest
from prometheus_client import REGISTRY
from session_fakes import WITHIN_S, Gateway, running_gateway, running_replica, until
from session_records import Records
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.broker.declarations import Arguments
from csms_shared.broker.incarnation import new_incarnation
from csms_shared.broker.link import Link
from csms_shared.broker.publisher import Outgoing
from csms_shared.broker.topology import (
    CALLS,
    INTERNAL_EVENTS,
    SESSION_SERVICE,
    decisions_queue,
    replies_queue,
)
from csms_shared.contracts.message_types import MessageType
from csms_shared.contracts.orders import CompletedCommand
from csms_shared.db.tenancy import requests_login, service_login
from csms_shared.ocpp import v16
from csms_shared.ocpp.versions import OCPP16
from csms_shared.service.owning_service import PREFETCH, OwningService
from session_service.amqp import inboxes
from session_service.amqp.reports_barrier import Barrier
from session_service.completed_commands import COMPLETED_COMMANDS
from session_service.process import DECISION_CONSUMERS


@pytest.fixture
async def service(broker_url: str, session_url: str) -> AsyncIterator[OwningService]:
    async with running_replica(broker_url, session_url) as service:
        yield service


@pytest.fixture
async def gateway(broker_url: str, service: OwningService) -> AsyncIterator[Gateway]:
    async with running_gateway(broker_url) as gateway:
        yield gateway


async def test_a_session_is_answered_stored_and_told(gateway: Gateway, records: Records) -> None:
    await records.token("T1")
    await gateway.send(
        records.call("Authorize", 1, {"idTag": "T1"}), records.call("Authorize", 2, {"idTag": "?"})
    )
    await gateway.send(records.start(3), records.start(3, station_id="S2", id_tag="none"))
    await until(lambda: len(gateway.replies) == 4)
    by_stamp = {(reply["connection_id"], reply["seq"]): reply for reply in gateway.replies}
    assert by_stamp["S1-1", 1]["payload"] == {"idTagInfo": {"status": "Accepted"}}
    start = by_stamp["S1-1", 3]["payload"]
    assert start["idTagInfo"] == {"status": "Accepted"}
    transaction_id = start["transactionId"]
    await gateway.send(records.meter_values(4, transaction_id))
    await gateway.send(records.stop(5, transaction_id))

    def told() -> list[str]:
        # Live figures are told if the values come before the stop.
        types = sorted(event["type"] for event in gateway.events)
        return [one for one in types if one != "csms.transaction.updated.v1"]

    await until(lambda: len(told()) == 4)
    assert told() == [
        "csms.meter_values.received.v1",
        "csms.transaction.started.v1",
        "csms.transaction.started.v1",
        "csms.transaction.stopped.v1",
    ]
    shown = await gateway.requester.request(
        SESSION_SERVICE, "transactions.get", {"transaction_id": transaction_id}, 5
    )
    assert shown.result is not None
    assert shown.result["energy_wh"] == 5000
    missing = await gateway.requester.request(
        SESSION_SERVICE, "transactions.get", {"transaction_id": 99}, 5
    )
    assert missing.problem is not None
    assert missing.problem.status == 404


async def test_a_probe_is_answered_after_a_commit(gateway: Gateway) -> None:
    assert orjson.loads(await gateway.probe()) == {"service": "session-service"}


async def test_a_bad_item_is_parked_alone_and_answered_internal_error(
    gateway: Gateway, records: Records
) -> None:
    await records.token("T1")
    bad = records.start(2, station_id="BAD", connector_id=2**63)
    await gateway.send(records.start(1), bad, records.start(1, station_id="S3", id_tag="x"))
    await until(lambda: len(gateway.replies) == 3)
    faults = {
        reply["connection_id"]: reply["fault"]["code"]
        for reply in gateway.replies
        if "fault" in reply
    }
    assert faults == {"BAD-1": "InternalError"}

    async def parked() -> bool:
        return bool(await records.rows("SELECT * FROM parked"))

    await until(parked)
    (row,) = await records.rows("SELECT station_id, queue FROM parked")
    assert row == {"station_id": "BAD", "queue": "session-service.decisions.v1"}
    assert len(await records.transactions()) == 2


async def test_reports_wait_for_a_database_that_is_away(
    gateway: Gateway, records: Records, database_url: str, session_url: str
) -> None:
    roles = [login(session_url).role for login in (service_login, requests_login)]
    owner = await asyncpg.connect(database_url)
    try:
        for role in roles:
            await owner.execute(f"ALTER ROLE {role} CONNECTION LIMIT 0")
            await owner.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1", role
            )
        await gateway.send(*(records.meter_values(seq, None) for seq in range(20)))
        await gateway.send(records.start(21))
        refused = await gateway.requester.request(SESSION_SERVICE, "transactions.list", {}, 10)
        assert refused.problem is not None
        assert (refused.problem.status, refused.problem.code) == (503, "service_unavailable")
    finally:
        for role in roles:
            await owner.execute(f"ALTER ROLE {role} CONNECTION LIMIT -1")
        await owner.close()
    await until(lambda: len(gateway.replies) == 1)

    async def stored() -> bool:
        return len(await records.rows("SELECT digest FROM meter_value")) == 40

    await until(stored)
    assert await records.rows("SELECT * FROM parked") == []


async def test_a_token_freed_by_a_stop_on_its_way_is_not_refused(
    gateway: Gateway, records: Records
) -> None:
    await records.token("T1")
    await gateway.send(records.start(1))
    await until(lambda: len(gateway.replies) == 1)
    await gateway.send(records.stop(2, gateway.replies[0]["payload"]["transactionId"]))
    await gateway.send(records.start(1, station_id="S2"))
    await until(lambda: len(gateway.replies) == 2)
    assert gateway.replies[1]["payload"]["idTagInfo"]["status"] == "Accepted"


async def test_a_token_that_stays_busy_is_refused_within_the_deadline(
    gateway: Gateway, records: Records
) -> None:
    await records.token("T1")
    await gateway.send(records.start(1), records.start(1, station_id="S2"))
    await until(lambda: len(gateway.replies) == 2)
    statuses = [reply["payload"]["idTagInfo"]["status"] for reply in gateway.replies]
    assert statuses == ["Accepted", "ConcurrentTx"]


async def test_starts_of_a_busy_token_hold_up_no_other_decision(
    gateway: Gateway, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    await records.token("T1")
    await records.token("T2")
    await records.decide(records.start(1))
    stored = asyncio.Event()
    monkeypatch.setattr(inboxes, "HOLD_S", 2 * WITHIN_S)
    monkeypatch.setattr(Barrier, "wait", lambda _: stored.wait())
    # More messages than there are consumers, so that each has held starts to decide.
    for number in range(2, 8):
        await gateway.send(records.start(1, station_id=f"S{number}"))
    await gateway.send(records.start(1, station_id="S8", id_tag="T2"))
    await gateway.send(records.call("Authorize", 2, {"idTag": "T2"}))
    await until(lambda: len(gateway.replies) == 2)
    assert {reply["payload"]["idTagInfo"]["status"] for reply in gateway.replies} == {"Accepted"}
    stored.set()
    await until(lambda: len(gateway.replies) == 8)
    statuses = [reply["payload"]["idTagInfo"]["status"] for reply in gateway.replies[2:]]
    assert statuses == ["ConcurrentTx"] * 6


async def test_a_gateway_whose_queue_refuses_costs_the_others_no_decision(
    gateway: Gateway, broker_url: str, records: Records
) -> None:
    """Whatever the number of batches: more than all consumers may hold unacknowledged."""
    await records.token("T1")
    deaf, calls = new_incarnation("gateway"), 2 * DECISION_CONSUMERS * PREFETCH
    queue = replies_queue(deaf)
    refusing: Arguments = {"x-max-length": 0, "x-overflow": "reject-publish"}
    async with Link(broker_url, "deaf") as link:
        await link.declare(replace(queue, arguments={**queue.arguments, **refusing}))
        before = acknowledged()
        for seq in range(calls):
            work = records.call("Authorize", seq, {"idTag": "T1"}, station_id="DEAF")
            body = {**work.envelope, "reply_key": f"{deaf}.calls", "items": [work.item]}
            key = "ocpp16.Authorize"
            await gateway.publisher.publish(
                Outgoing(CALLS, key, MessageType.CALLS, orjson.dumps(body))
            )
            await gateway.send(records.call("Authorize", seq, {"idTag": "T1"}))
        await until(lambda: len(gateway.replies) == calls)
        # Acknowledged once each, those of the deaf gateway too: nothing is repeated for it.
        await until(lambda: acknowledged() - before >= 2 * calls)
        assert acknowledged("rejected") == 0
    assert len({(reply["connection_id"], reply["seq"]) for reply in gateway.replies}) == calls


def acknowledged(outcome: str = "ack") -> float:
    labels = {"queue": decisions_queue(SESSION_SERVICE).name, "outcome": outcome}
    return REGISTRY.get_sample_value("csms_bus_consume_total", labels) or 0.0


async def test_the_end_of_a_command_reaches_the_handler_of_its_action(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[CompletedCommand] = []

    async def note(_: AsyncConnection, commands: Sequence[CompletedCommand]) -> None:
        seen.extend(commands)

    monkeypatch.setitem(COMPLETED_COMMANDS, (OCPP16, v16.GET_LOCAL_LIST_VERSION), note)
    data = {
        "command_id": "0199f3a1-7c5e-7d1a-9b64-0f6f1d2c3b4a",
        "station_id": "S1",
        "action": "GetLocalListVersion",
        "payload": {},
        "status": "completed",
        "response": {"listVersion": 3},
        "created_by": "test",
        "created_at": "2026-01-01T00:00:00.000Z",
        "completed_at": "2026-01-01T00:00:01.000Z",
        "deadline": "2026-01-01T00:01:00.000Z",
    }
    event = {
        "id": data["command_id"],
        "source": "/csms/command-api",
        "type": "csms.command.completed.v1",
        "subject": "S1",
        "time": data["completed_at"],
        "data": data,
    }
    await gateway.publisher.publish(
        Outgoing(
            INTERNAL_EVENTS,
            "command.completed",
            MessageType.EVENTS,
            orjson.dumps([event]),
            also=("command.completed.GetLocalListVersion",),
        )
    )
    await until(lambda: bool(seen))
    assert [(str(one.command_id), one.response) for one in seen] == [
        (data["command_id"], data["response"])
    ]
