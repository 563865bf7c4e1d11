"""What the suite publishes while much goes on is what its table and its documents say."""

import json
import secrets
from collections.abc import AsyncIterator
from typing import Any

import pytest
from jsonschema_rs import validator_for

from csms_local.run_state import RunState
from csms_shared.broker.declarations import Binding
from csms_shared.broker.topology import EVENTS, incarnation_queue
from csms_shared.contracts.event_data.checking import check_event
from csms_shared.contracts.event_data.table import EVENTS as ROWS
from csms_simulator.operator import Operator
from tests.asyncapi.parsed_document import DOCUMENT
from tests.faults.event_tap import EventTap
from tests.integration.driven_suite import Driver
from tests.integration.waiting import eventually

SEEN = {
    "command": ("completed",),
    "command_group": ("completed",),
    "configuration": ("changed",),
    "connector": ("added", "out_of_service", "status_changed"),
    "charging_profile": ("installed", "removed"),
    "id_token": ("changed",),
    "job": ("created", "finished", "status_changed"),
    "meter_values": ("received",),
    "quarantine": ("added",),
    "reservation": ("active", "cancelled", "created"),
    "rollout": ("completed",),
    "security": ("connection_refused", "event_detected", "event_reported"),
    "site": ("created", "deleted", "updated"),
    "station": (
        "booted",
        "connected",
        "created",
        "data_transferred",
        "deleted",
        "disconnected",
        "moved",
        "offline",
        "online",
        "placed",
    ),
    "tenant": ("created", "updated"),
    "transaction": ("corrected", "started", "stopped", "updated"),
}
KEYS = {f"{domain}.{event}" for domain, events in SEEN.items() for event in events}
# The events that come last may wait for a task of upkeep.
WITHIN_S = 60.0


@pytest.fixture
async def tap(run: RunState) -> AsyncIterator[EventTap]:
    """Everything on the public exchange, of which nothing is kept after the test."""
    name = f"test-of-events.{secrets.token_hex(4)}"
    queue = incarnation_queue(name, Binding(EVENTS, "#"), expires_ms=60_000)
    tap = EventTap(run.broker_url, queue)
    await tap.start()
    yield tap
    await tap.stop()


async def test_each_event_is_as_its_model_and_the_published_schema_say(
    run: RunState, operator: Operator, station_id: str, id_token: str, tap: EventTap
) -> None:
    driver = Driver(run, operator, station_id, id_token)
    await driver.places()
    await driver.tokens()
    await driver.refused()
    await driver.station()

    async def missing() -> set[str]:
        return {key for key in KEYS if not tap.of_type(key)}

    await eventually(missing, lambda missing: not missing, WITHIN_S)
    assert set(ROWS) >= KEYS
    components = json.loads(DOCUMENT.read_text())["components"]
    for event in told(tap):
        check_event(event)
        key = event["type"].removeprefix("csms.").removesuffix(".v1")
        schema = {"$ref": f"#/components/schemas/{key}", "components": components}
        validator_for(schema).validate(event)


def told(tap: EventTap) -> list[dict[str, Any]]:
    """Return each event that came."""
    return [event for copies in tap.events.values() for event in copies]
