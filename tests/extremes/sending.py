"""Who sends extremes to a suite, and how it is seen that everything is still whole."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar
from urllib.parse import quote

from csms_local.run_state import RunState
from csms_simulator.operator import Operator
from csms_simulator.sample_payloads import CENTRAL_SYSTEM_CALLS, STATION_CALLS
from tests.extremes.drawn_plans import Call, Command, Step
from tests.extremes.everything_read import read_everything
from tests.extremes.extreme_values import extremes_of, written
from tests.extremes.odd_station import OddStation, odd_station
from tests.extremes.rest_client import RestClient
from tests.extremes.rest_requests import TARIFF, Case, Routes
from tests.extremes.valid_payloads import (
    command,
    places,
    replaced,
    station_answer,
    station_call,
    value_at,
)
from tests.integration.waiting import eventually

CLIENTS = 6
_STATIONS = 4

Item = TypeVar("Item")


def calls_with_extremes() -> Iterator[Call]:
    """Yield each call of a station with each extreme at each of its places."""
    for action in STATION_CALLS:
        valid = station_call(action)
        for place in places(valid):
            for extreme in extremes_of(value_at(valid, place)):
                yield Call(action, replaced(valid, place, extreme.value), extreme.likely)


def commands_with_extremes() -> Iterator[Command]:
    """Yield each command, and each answer to it, with each extreme at each of its places."""
    for action in CENTRAL_SYSTEM_CALLS:
        payload, answer = command(action), station_answer(action)
        for place in places(payload):
            for extreme in extremes_of(value_at(payload, place)):
                yield Command(action, replaced(payload, place, extreme.value), answer)
        for place in places(answer):
            for extreme in extremes_of(value_at(answer, place)):
                yield Command(action, payload, replaced(answer, place, extreme.value))


@contextlib.asynccontextmanager
async def odd_stations(
    run: RunState, operator: Operator, prefix: str
) -> AsyncIterator[list[OddStation]]:
    """Connect stations, every second one of them strict."""
    async with contextlib.AsyncExitStack() as stack:
        found: list[OddStation] = []
        for number in range(_STATIONS):
            name = f"{prefix}-{number}"
            body = {"station_id": name, "strict": number % 2 == 1}
            made = await operator.http.post("/stations", json=body)
            assert made.status_code in (201, 409), made.text
            found.append(await stack.enter_async_context(odd_station(run.ocpp_url, name)))
        yield found


async def shared(
    workers: Iterable[Callable[[Item], Awaitable[object]]], items: Sequence[Item]
) -> None:
    """Have each worker take the next item until none is left."""
    left = iter(items)

    async def work(one: Callable[[Item], Awaitable[object]]) -> None:
        for item in left:
            await one(item)

    async with asyncio.TaskGroup() as tasks:
        for worker in workers:
            tasks.create_task(work(worker))


async def check_all(operator: Operator, stations: Sequence[OddStation], *, items: int) -> None:
    """Check that what was stopped has ended, and that everything can be read."""
    for station in stations:
        stopped = set(station.transactions)

        async def open_ones(station: OddStation = station, stopped: set[int] = stopped) -> set[int]:
            found = await operator.items("/transactions", station_id=station.station_id)
            return stopped - {one["transaction_id"] for one in found if one["stopped_at"]}

        await eventually(open_ones, lambda left: not left, 60.0)
    names = [station.station_id for station in stations]
    await read_everything(RestClient(operator.http), items=items, stations=names)


def sender(station: OddStation) -> Callable[[Call], Awaitable[list[Any]]]:
    """Return what sends calls as this station."""
    return lambda call: station.send(call.action, call.payload)


async def take(step: Step, station: OddStation, client: RestClient) -> None:
    """Take one step: a call of this station, a command to it, or a request."""
    match step:
        case Call():
            await station.send(step.action, step.payload)
        case Command():
            station.answers = {step.action: step.answer}
            place = f"/stations/{quote(station.station_id)}/commands/{step.action}"
            body = written(step.payload)
            await client.case(Case("POST", place, (("wait", "5"),), body))
        case Case():
            await client.case(step)


async def named_routes(run: RunState, operator: Operator) -> Routes:
    """Make one of each thing that paths name, and return the routes with their names."""
    document = (await operator.http.get(f"{run.rest_url}/openapi.json")).json()
    station_id = "NAMED"
    bodies: dict[str, Any] = {
        "/sites": {"site_id": "NAMED", "name": "Named"},
        "/stations": {"station_id": station_id},
        "/tenants": {"tenant_id": "named", "name": "Named"},
        "/id-tokens": {"id_token": "NAMED"},
        "/users": {"username": "named", "password": "long enough", "role": "viewer"},
        "/configuration-templates": {"name": "named", "values": {"HeartbeatInterval": "300"}},
        "/tariffs": {"name": "named", "tariff": TARIFF},
    }
    made = {}
    for path, body in bodies.items():
        answer = await operator.http.post(path, json=body)
        assert answer.status_code in (201, 409), answer.text
        made[path] = answer.json()
    # Another one: requests change its password and what it may do.
    async with odd_station(run.ocpp_url, "CHARGING"):
        transactions = await operator.items("/transactions", station_id="CHARGING")
    nobody = "00000000-0000-7000-8000-000000000000"
    names = {
        "station_id": station_id,
        "site_id": "NAMED",
        "connector_id": "1",
        "tenant_id": "named",
        "command_group_id": nobody,
        "id_token": "NAMED",
        "username": "named",
        "transaction_id": str(transactions[0]["transaction_id"]),
        "tariff_id": made["/tariffs"]["tariff_id"],
        "template_id": made["/configuration-templates"].get("template_id", nobody),
        **dict.fromkeys(
            (
                "job_id",
                "upload_id",
                "rollout_id",
                "command_id",
                "item_id",
                "replay_id",
                "assignment_id",
                "bill_id",
                "cdr_id",
            ),
            nobody,
        ),
        **dict.fromkeys(("reservation_id", "refusal_id"), "1"),
        **dict.fromkeys(("key_id", "certificate_id"), "0"),
    }
    return Routes(document, names)
