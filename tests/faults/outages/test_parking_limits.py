"""F26: the queue that takes what could not be processed is missing, or takes nothing."""

import asyncio
import json
import secrets

from csms_shared.broker.link import Link
from csms_shared.broker.publisher import Outgoing, Publisher
from csms_shared.broker.topology import (
    CALLS,
    SESSION_SERVICE,
    parking_queue,
)
from csms_shared.contracts.message_types import MessageType
from csms_shared.runtime.clock import now_ms
from tests.faults.scale import Scale
from tests.faults.scenario import Scenario
from tests.faults.suite_on_paths import SuiteOnPaths

_PARKING = parking_queue(SESSION_SERVICE).name
_POLICY = "full"


async def _poison(link: Link) -> str:
    """Publish MeterValues that a gateway would never let pass; return their station."""
    station_id = f"POISON-{secrets.token_hex(4)}"
    item = {
        "station_id": station_id,
        "connection_id": secrets.token_hex(16),
        "epoch": 1,
        "seq": 1,
        "boot_count": 1,
        "received_ms": now_ms(),
        "deadline_ms": now_ms() + 10_000,
        "payload": {"connectorId": "no number", "meterValue": "no list"},
        "tolerated": [],
    }
    body = {
        "gateway_id": "fault-tests",
        "reply_key": "fault-tests.calls",
        "version": "ocpp16",
        "action": "MeterValues",
        "items": [item],
    }
    await Publisher(link).publish(
        Outgoing(CALLS, "ocpp16.MeterValues", MessageType.CALLS, json.dumps(body).encode())
    )
    return station_id


async def test_poison_waits_where_it_is_while_the_parking_queue_is_full(
    suite: SuiteOnPaths, scale: Scale
) -> None:
    seconds = scale.pick(8, 60)
    title = f"parking queue full for {seconds} s, with poison"
    async with (
        Link(suite.nodes.broker_url, "fault tests") as link,
        Scenario("F26", title, suite) as scenario,
    ):
        await scenario.fleet.progress(8)
        await suite.broker.control(
            "set_policy",
            _POLICY,
            f"^{_PARKING}$",
            '{"max-length": 1, "overflow": "reject-publish"}',
            "--apply-to",
            "queues",
        )
        # With its table locked nothing leaves the parking queue either.
        async with suite.database_server.locked("session.parked"):
            for _ in range(5):
                scenario.poison.append(await _poison(link))
                suite.note("poison while parking is full")
                await asyncio.sleep(seconds / 5)
        await suite.broker.control("clear_policy", _POLICY)
        await scenario.recovered()


async def test_poison_is_parked_although_the_parking_queue_was_deleted(
    suite: SuiteOnPaths, scale: Scale
) -> None:
    async with (
        Link(suite.nodes.broker_url, "fault tests") as link,
        Scenario("F26", "parking queue deleted, with poison", suite) as scenario,
    ):
        for _ in range(scale.pick(2, 10)):
            await scenario.fleet.progress(4)
            await suite.broker.delete_queue(_PARKING)
            suite.note("parking queue deleted")
            scenario.poison.append(await _poison(link))
            suite.note("poison")
            await scenario.recovered()
