"""F18: the service that sends one command to many stations dies in the middle of it."""

import asyncio
from typing import Any

import httpx
import pytest

from tests.faults.faulty_suite import FaultySuite
from tests.faults.scale import Scale
from tests.faults.scenario import RECOVERY_S, Scenario
from tests.integration.waiting import eventually

_GONE = [f"GONE-{number:03d}" for number in range(250)]


@pytest.mark.in_subset
async def test_each_station_of_a_group_gets_its_command_once_and_the_group_ends(
    suite: FaultySuite, scale: Scale
) -> None:
    """Most of the stations are not there: so a group takes several steps."""
    async with Scenario("F18", "command-api killed amid a command group", suite) as scenario:
        wanted = sorted([*scenario.fleet.station_ids, *_GONE])
        groups = []
        for number in range(scale.pick(2, 20)):
            await scenario.fleet.progress(4)
            killing = asyncio.create_task(suite.kill("command-api"))
            groups.append(await _send(scenario, f"group-{number}-{wanted[0]}", wanted))
            await killing
            await scenario.recovered()
        for group_id in groups:
            await _ends(scenario, group_id)
            items = await scenario.operator.items(f"/command-groups/{group_id}/commands")
            assert [item["station_id"] for item in items] == wanted
            ended = {item["station_id"]: item["status"] for item in items}
            assert {ended[station_id] for station_id in _GONE} == {"error"}


async def _send(scenario: Scenario, key: str, station_ids: list[str]) -> str:
    """Ask for a group until it is known to be made, which the key makes one."""
    body: dict[str, Any] = {
        "action": "ClearCache",
        "payload": {},
        "to": {"station_ids": station_ids},
        "timeout": 120,
    }

    async def made() -> str:
        try:
            answer = await scenario.operator.http.post(
                "/command-groups", json=body, headers={"Idempotency-Key": key}
            )
        except httpx.TransportError:
            return ""
        return str(answer.json()["command_group_id"]) if answer.status_code == 202 else ""

    return await eventually(made, bool, RECOVERY_S)


async def _ends(scenario: Scenario, group_id: str) -> None:
    async def status() -> str:
        found = await scenario.operator.get(f"/command-groups/{group_id}")
        return str(found["status"])

    await eventually(status, lambda found: found == "completed", 180.0)
