"""Another service answers, but with a defect, with a strange refusal, or with nonsense."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import NoReturn

import asyncpg
import httpx
import pytest
from command_api_fakes import Answer, Stations, answered, eventually, is_problem
from commands_over_rest import becomes
from fake_service import Gibberish
from prometheus_client import REGISTRY

from csms_shared.broker.publisher import Outgoing
from csms_shared.broker.topology import COMMAND_ORDERS_KEY, COMMAND_ORDERS_QUEUE, REQUESTS
from csms_shared.contracts.command_ids import new_command_id
from csms_shared.contracts.message_types import MessageType
from csms_shared.contracts.orders import CommandOrder, CommandOrderBatch
from csms_shared.contracts.refusals import refuse
from csms_shared.runtime.clock import now_ms

pytestmark = pytest.mark.asyncio(loop_scope="package")


def defect(_: Answer) -> NoReturn:
    raise refuse(500, "internal_error", "this request met a defect")


def unknown_operation(_: Answer) -> NoReturn:
    raise refuse(404, "unknown_operation", "there is no such operation")


def gibberish(_: Answer) -> NoReturn:
    raise Gibberish


def other_contract(_: Answer) -> list[dict[str, str]]:
    return [{"owner": "somebody"}]


Failing = Callable[[Answer], object]
FAILING = (defect, unknown_operation, gibberish, other_contract)
ROTATION = {"key": "AuthorizationKey", "value": "0123456789abcdef0123456789abcdef"}


@contextmanager
def failing_look_ups(stations: Stations, failing: Failing) -> Iterator[None]:
    right = stations.registry.operations["owners.look_up"]
    stations.registry.operations["owners.look_up"] = failing
    try:
        yield
    finally:
        stations.registry.operations["owners.look_up"] = right


async def looked_up(stations: Stations, station_id: str, times: int) -> None:
    async def asked() -> int:
        questions = stations.registry.asked("owners.look_up")
        return sum(station_id in question["station_ids"] for question in questions)

    before = await asked()
    await eventually(asked, lambda count: count >= before + times, within_s=60)


@pytest.mark.parametrize("failing", FAILING)
async def test_a_held_command_waits_while_the_registry_fails_and_the_service_lives_on(
    admin: httpx.AsyncClient, stations: Stations, failing: Failing
) -> None:
    station_id = stations.offline()
    until = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    held = await admin.post(
        f"/stations/{station_id}/commands/ClearCache",
        json={},
        params={"wait": 0, "hold_until": until},
    )
    stations.online(station_id)
    with failing_look_ups(stations, failing):
        await stations.emit_connected(station_id)
        await looked_up(stations, station_id, times=2)
    await becomes(admin, held.json()["command_id"], 60, status="completed")


@pytest.mark.parametrize("failing", FAILING)
async def test_an_order_waits_while_the_registry_fails_and_is_never_handed_back_to_the_broker(
    admin: httpx.AsyncClient, stations: Stations, failing: Failing
) -> None:
    station_id, now = stations.online(), now_ms()
    order = CommandOrder(
        order_id=new_command_id(now),
        station_id=station_id,
        action="ClearCache",
        payload={},
        deadline_ms=now + 600_000,
        created_by="session-service",
    )
    before = _handed_back()
    with failing_look_ups(stations, failing):
        await stations.publish(
            Outgoing(
                REQUESTS,
                COMMAND_ORDERS_KEY,
                MessageType.COMMAND_ORDERS,
                CommandOrderBatch(items=[order]).model_dump_json().encode(),
            )
        )
        await looked_up(stations, station_id, times=2)
    await becomes(admin, str(order.order_id), 60, status="completed")
    assert _handed_back() == before


def _handed_back() -> float:
    labels = {"queue": COMMAND_ORDERS_QUEUE, "outcome": "rejected"}
    return REGISTRY.get_sample_value("csms_bus_consume_total", labels) or 0.0


async def test_one_owner_that_cannot_be_read_costs_no_other_station(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    newer, known = stations.online(), stations.online()
    right = stations.registry.operations["owners.look_up"]

    def some(parameters: Answer) -> list[dict[str, str]]:
        return [
            {"owner": one["station_id"]} if one["station_id"] == newer else one
            for one in right(parameters)
        ]

    with failing_look_ups(stations, some):
        answers = await asyncio.gather(
            *(admin.post(f"/stations/{one}/commands/ClearCache", json={}) for one in (newer, known))
        )
    assert [answer.status_code for answer in answers] == [503, 200]


async def test_a_registration_status_that_was_added_later_is_left_to_the_gateway(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    station_id = stations.online(status="suspended")
    answer = await admin.post(f"/stations/{station_id}/commands/ClearCache", json={})
    assert (answer.status_code, answer.json()["status"]) == (200, "completed")


@pytest.mark.parametrize("failing", [defect, unknown_operation])
async def test_a_password_that_a_station_took_is_told_until_the_registry_has_it(
    admin: httpx.AsyncClient, stations: Stations, database: asyncpg.Pool, failing: Failing
) -> None:
    station_id, neighbour = stations.online(), stations.online()
    right, failed = stations.registry.operations["stations.set_password"], asyncio.Event()

    def fail_at_the_end(parameters: Answer) -> object:
        if parameters["station_id"] == station_id and "lasts_s" not in parameters:
            failed.set()
            failing(parameters)
        return right(parameters)

    async def rotate(station_id: str) -> Answer:
        stations.gateway.script[station_id] = answered({"status": "Accepted"})
        sent = await admin.post(
            f"/stations/{station_id}/commands/ChangeConfiguration", json=ROTATION
        )
        command: Answer = sent.json()
        assert command["status"] == "completed", command
        return command

    async def kept(command: Answer) -> bool:
        proofs = await database.fetchval(
            "SELECT rotation_proofs FROM commands WHERE command_id = $1", command["command_id"]
        )
        return proofs is not None

    stations.registry.operations["stations.set_password"] = fail_at_the_end
    try:
        command = await rotate(station_id)
        async with asyncio.timeout(30):
            await failed.wait()
        other = await rotate(neighbour)
        await eventually(lambda: kept(other), lambda found: not found, within_s=30)
        assert await kept(command)
    finally:
        stations.registry.operations["stations.set_password"] = right
    await eventually(lambda: kept(command), lambda found: not found, within_s=30)
    *_, told = (
        request
        for request in stations.registry.asked("stations.set_password")
        if request["station_id"] == station_id
    )
    assert told["keep_previous"] is False


async def test_a_client_is_told_which_service_failed(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    stations.registry.operations["stations.get"] = defect
    failed = is_problem(await admin.get("/stations/any"), 500, "internal_error")
    assert "station-registry" in failed["detail"]
    stations.registry.operations["stations.get"] = gibberish
    is_problem(await admin.get("/stations/any"), 503, "service_unavailable")
