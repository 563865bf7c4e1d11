"""Charging profiles and configuration through the whole suite, with a station that says yes."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import websockets
from httpx import HTTPStatusError

from csms_local.run_state import RunState
from csms_simulator.operator import Operator
from csms_simulator.wire import Payload
from tests.admitted import admitted
from tests.integration.waiting import eventually

PROFILE = {
    "chargingProfileId": 1,
    "stackLevel": 0,
    "chargingProfilePurpose": "ChargePointMaxProfile",
    "chargingProfileKind": "Absolute",
    "chargingSchedule": {
        "chargingRateUnit": "A",
        "startSchedule": "2026-01-01T00:00:00Z",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 20.5}],
    },
}
ANSWERS: dict[str, dict[str, Any]] = {
    "GetConfiguration": {
        "configurationKey": [
            {"key": "HeartbeatInterval", "readonly": False, "value": "60"},
            {"key": "ChargeProfileMaxStackLevel", "readonly": True, "value": "3"},
        ]
    },
    "GetCompositeSchedule": {
        "status": "Accepted",
        "connectorId": 0,
        "scheduleStart": "2026-11-21T12:00:00Z",
        "chargingSchedule": {
            "chargingRateUnit": "A",
            "duration": 60,
            "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16.1}],
        },
    },
}


@pytest.fixture
async def obliging(run: RunState, station_id: str) -> AsyncIterator[list[tuple[str, Payload]]]:
    """The calls that a connected station got; it accepts each of them."""
    got: list[tuple[str, Payload]] = []
    boot = {"chargePointVendor": "ACME", "chargePointModel": "M1"}

    async def answer(socket: websockets.ClientConnection) -> None:
        async for frame in socket:
            kind, unique_id, *rest = json.loads(frame)
            if kind == 2:
                got.append((rest[0], rest[1]))
                response = ANSWERS.get(rest[0], {"status": "Accepted"})
                await socket.send(json.dumps([3, unique_id, response]))

    async with admitted(f"{run.ocpp_url}/{station_id}") as socket:
        await socket.send(json.dumps([2, "1", "BootNotification", boot]))
        answering = asyncio.create_task(answer(socket))
        yield got
        answering.cancel()


async def test_a_profile_is_sent_shown_computed_and_compared(
    obliging: list[tuple[str, Payload]], operator: Operator, station_id: str
) -> None:
    path = f"/stations/{station_id}"
    payload = {"connectorId": 0, "csChargingProfiles": PROFILE}
    command = await operator.command(station_id, "SetChargingProfile", payload)
    assert command["accepted"] is True
    assert ("SetChargingProfile", payload) in obliging
    asked = {"connectorId": 0, "duration": 60}
    await operator.command(station_id, "GetCompositeSchedule", asked)

    async def composite() -> Payload:
        query = {"connector_id": 0, "duration": 60}
        found: Payload = await operator.get(f"{path}/composite-schedule", **query)
        return found

    shown = await eventually(composite, lambda found: found["reported"] is not None)
    assert [period["limit"] for period in shown["computed"]["periods"]] == [20.5]
    assert shown["reported"]["differences"] == [
        {"start_period": 0, "computed": 20.5, "reported": 16.1, "kind": "lower"}
    ]
    (profile,) = await operator.items(f"{path}/charging-profiles")
    assert (profile["state"], profile["profile"]) == ("installed", PROFILE)


async def test_what_was_read_is_shown_and_bounds_profiles(
    obliging: list[tuple[str, Payload]], operator: Operator, station_id: str
) -> None:
    await operator.command(station_id, "GetConfiguration", {})

    async def known() -> dict[str, Any]:
        shown = await operator.get(f"/stations/{station_id}/configuration")
        return {each["key"]: each["value"] for each in shown["items"]}

    expected = {"ChargeProfileMaxStackLevel": "3", "HeartbeatInterval": "60"}
    await eventually(known, lambda found: found == expected)
    payload = {"connectorId": 0, "csChargingProfiles": PROFILE | {"stackLevel": 4}}
    with pytest.raises(HTTPStatusError, match="422"):
        await operator.command(station_id, "SetChargingProfile", payload)
    assert "SetChargingProfile" not in [action for action, _ in obliging]


async def test_a_message_is_triggered_by_either_command(
    obliging: list[tuple[str, Payload]], operator: Operator, station_id: str
) -> None:
    wanted = {"requestedMessage": "StatusNotification", "connectorId": 1}
    for action in ("TriggerMessage", "ExtendedTriggerMessage"):
        command = await operator.command(station_id, action, wanted)
        assert command["accepted"] is True
        assert (action, wanted) in obliging
