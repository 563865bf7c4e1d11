"""A system that reads what changed has every session as the suite has it."""

import asyncio
from collections.abc import Iterable

import httpx
import pytest

from csms_local.run_state import RunState
from csms_simulator.operator import Operator
from csms_simulator.settings import StationSettings
from csms_simulator.station import SimulatedStation
from csms_simulator.wire import Payload
from tests.integration.third_party import now
from tests.integration.waiting import eventually

BY_HAND = StationSettings(automatic=False)
STATIONS = 4
SESSIONS = 5


async def _charge(run: RunState, station_id: str, id_token: str) -> None:
    url = run.gateways[0].ocpp_url
    async with SimulatedStation(station_id, url, settings=BY_HAND) as station:
        await station.link.online.wait()
        await station.boot()
        for number in range(SESSIONS):
            start = {"connectorId": 1, "idTag": id_token, "meterStart": number, "timestamp": now()}
            started = await station.call("StartTransaction", start)
            stop = {"transactionId": started["transactionId"], "meterStop": number + 1}
            await station.call("StopTransaction", {**stop, "timestamp": now()})


async def test_a_copy_that_is_kept_by_changes_equals_the_list(
    run: RunState, operator: Operator, station_id: str, id_token: str
) -> None:
    copy: dict[int, Payload] = {}
    first = await operator.get("/transactions", id_token=id_token)
    assert first["items"] == []
    changes = first["changes"]

    async def read_on() -> int:
        nonlocal changes
        page = await operator.get(
            "/transactions", id_token=id_token, changed_after=changes, limit=3
        )
        changes = page["changes"]
        copy.update({item["transaction_id"]: item for item in page["items"]})
        return len(page["items"])

    async with asyncio.TaskGroup() as group:
        charging = [
            group.create_task(_charge(run, f"{station_id}-{number}", id_token))
            for number in range(STATIONS)
        ]
        while not all(each.done() for each in charging):
            if not await read_on():
                await asyncio.sleep(0.02)

    async def read_to_the_end() -> bool:
        while await read_on():
            pass
        stored = await operator.items("/transactions", id_token=id_token)
        ended = [item for item in stored if item["status"] == "completed"]
        return len(ended) == STATIONS * SESSIONS and _changed(copy.values()) == _changed(stored)

    assert await eventually(read_to_the_end, bool)


def _changed(items: Iterable[Payload]) -> dict[int, Payload]:
    """Return transactions without what is no change of them: what they cost is told as bills."""
    return {item["transaction_id"]: {**item, "cost": None} for item in items}


@pytest.mark.parametrize("made_up", ["WzFd", "\0"])
async def test_what_was_not_given_by_the_list_is_no_cursor_of_changes(
    run: RunState, operator: Operator, made_up: str
) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        response = await client.get(
            f"{run.rest_url}/api/v1/transactions",
            params={"changed_after": made_up},
            headers={"Authorization": operator.authorization},
        )
    problem = response.json()
    assert (response.status_code, problem["code"]) == (422, "bad_cursor")
    assert [error["field"] for error in problem["errors"]] == ["changed_after"]
