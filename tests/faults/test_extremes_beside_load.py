"""N8: extremes of every type, from frames and REST, beside stations that charge."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import pytest

from tests.extremes.drawn_plans import Step
from tests.extremes.odd_station import OddStation
from tests.extremes.rest_client import RestClient
from tests.extremes.rest_requests import Case
from tests.extremes.sending import (
    CLIENTS,
    calls_with_extremes,
    check_all,
    commands_with_extremes,
    named_routes,
    odd_stations,
    shared,
    take,
)
from tests.faults.faulty_suite import FaultySuite
from tests.faults.late_events import events_in_time
from tests.faults.readiness_watch import always_ready
from tests.faults.scale import Scale
from tests.faults.scenario import Scenario

_SEED = 1
_ITEMS = 20

Tried = TypeVar("Tried")


@pytest.mark.in_subset
async def test_extremes_cost_nobody_who_charges_anything(
    tmp_path_factory: pytest.TempPathFactory, scale: Scale
) -> None:
    env = {"CSMS_FSYNC": "off", "CSMS_MIN_PASSWORD_LENGTH": "8"}
    # A suite of its own: requests that are odd change what others rely on.
    async with (
        FaultySuite(tmp_path_factory.mktemp("extreme"), env) as suite,
        Scenario("N8", "extremes of every type", suite) as scenario,
    ):
        scenario.unaffected = scenario.fleet.station_ids
        reconnects = scenario.fleet.reconnects()
        run, operator = suite.state(), scenario.operator
        client = RestClient(operator.http)
        routes = await named_routes(run, operator)
        of_stations: list[Step] = [
            *_some(list(calls_with_extremes()), scale.pick(120, None)),
            *_some(list(commands_with_extremes()), scale.pick(30, None)),
        ]
        random.Random(_SEED).shuffle(of_stations)
        requests = _some(
            [case for case in routes.cases() if not _closes_others(case)],
            scale.pick(150, None),
        )
        async with (
            odd_stations(run, operator, "ODD") as stations,
            always_ready(suite),
            events_in_time(suite),
        ):
            suite.injected["odd calls and commands"] += len(of_stations)
            suite.injected["odd requests"] += len(requests)
            async with asyncio.TaskGroup() as group:
                group.create_task(shared([_playing(one, client) for one in stations], of_stations))
                group.create_task(shared([client.case] * CLIENTS, requests))
                group.create_task(scenario.fleet.progress(30, within=600))
            await check_all(operator, stations, items=_ITEMS)
        assert scenario.fleet.reconnects() == reconnects, "a station lost its socket"
        assert not scenario.commands.refused


def _playing(station: OddStation, client: RestClient) -> Callable[[Step], Awaitable[None]]:
    return lambda step: take(step, station, client)


def _closes_others(case: Case) -> bool:
    """Tell whether a request may end a transaction of a station that charges, by its number."""
    return case.method != "GET" and case.path.startswith("/transactions/")


def _some(all_: Sequence[Tried], count: int | None) -> Sequence[Tried]:
    return all_ if count is None else random.Random(_SEED).sample(all_, count)
