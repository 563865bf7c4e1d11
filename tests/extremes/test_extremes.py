"""Every extreme of every type through every field: no 500, nothing parked, nobody unanswered.

`EXTREME_SECONDS` is how long drawn combinations are tried, all seeds together; `make test-long`
takes an hour, and sends all that is a sample otherwise. `EXTREME_SEED` draws others than the last
time. A seed that fails is kept in `SEEDS`.
"""

import asyncio
import os
import random
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from csms_local.run_state import RunState
from csms_simulator.operator import Operator
from tests.extremes.drawn_plans import Call, Step, plans
from tests.extremes.everything_read import paths_read
from tests.extremes.odd_station import OddStation
from tests.extremes.rest_client import RestClient
from tests.extremes.rest_requests import Case
from tests.extremes.sending import (
    CLIENTS,
    calls_with_extremes,
    check_all,
    named_routes,
    odd_stations,
    sender,
    shared,
    take,
)

_SECONDS = float(os.environ.get("EXTREME_SECONDS") or 0)
SEEDS = (1, 253228486)
_EXAMPLES = 20
# In a short run: a part of what is likely to find something, and so many of the others.
_LIKELY_PARTS = 4
_CALLS, _REQUESTS = 200, 300
_ITEMS = 500 if _SECONDS else 20

Tried = TypeVar("Tried", Call, Case)


def _some(all_: Sequence[Tried], others: int) -> Sequence[Tried]:
    """Return everything in a long run; in a short one some of what is likely, and of the others."""
    if _SECONDS:
        return all_
    drawn = random.Random(SEEDS[0])
    likely = [one for one in all_ if one.likely]
    rest = [one for one in all_ if not one.likely]
    return drawn.sample(likely, len(likely) // _LIKELY_PARTS) + drawn.sample(rest, others)


async def test_every_extreme_in_every_field_of_every_call_of_a_station_is_answered_and_kept(
    run: RunState, operator: Operator
) -> None:
    calls = list(calls_with_extremes())
    async with odd_stations(run, operator, "FIELDS") as stations:
        for strictness in (stations[::2], stations[1::2]):
            await shared([sender(station) for station in strictness], _some(calls, _CALLS))
        await check_all(operator, stations, items=_ITEMS)


async def test_every_extreme_in_every_field_of_every_request_is_taken_or_refused(
    run: RunState, operator: Operator
) -> None:
    routes = await named_routes(run, operator)
    assert routes.reading() == paths_read()
    client = RestClient(operator.http)

    async def send(case: Case) -> None:
        answer = await client.case(case)
        if answer.status_code == 422:
            problem = answer.json()
            assert all(error["field"] for error in problem["errors"]), f"{case}: {problem}"

    await shared([send] * CLIENTS, _some(list(routes.cases()), _REQUESTS))
    await check_all(operator, [], items=_ITEMS)


class _Played:
    """Stations and REST, to go through drawn plans."""

    def __init__(self, stations: list[OddStation], client: RestClient) -> None:
        self._stations = stations
        self._client = client
        self._turn = 0

    async def play(self, plan: list[Step]) -> None:
        """Take the steps of a plan one after another, with the next station."""
        self._turn += 1
        station = self._stations[self._turn % len(self._stations)]
        for step in plan:
            await take(step, station, self._client)


def _draw(seed_: int, cases: list[Case], play: Callable[[list[Step]], None]) -> None:
    @seed(seed_)
    @settings(
        max_examples=_EXAMPLES,
        database=None,
        deadline=None,
        # What is stored stays stored: a smaller example would meet what a larger one left.
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(plans(cases))
    def drawn(plan: list[Step]) -> None:
        play(plan)

    drawn()


@pytest.mark.parametrize("first", SEEDS if _SECONDS else SEEDS[:1])
async def test_combinations_of_extremes_break_nothing(
    run: RunState, operator: Operator, first: int
) -> None:
    cases = list((await named_routes(run, operator)).cases())
    loop = asyncio.get_running_loop()
    ends_at = time.monotonic() + _SECONDS / len(SEEDS)
    async with odd_stations(run, operator, f"DRAWN-{first}") as stations:
        played = _Played(stations, RestClient(operator.http))

        def play(plan: list[Step]) -> None:
            asyncio.run_coroutine_threadsafe(played.play(plan), loop).result()

        # The same ones each time, as far as the time suffices, unless told to begin elsewhere.
        following = random.Random(int(os.environ.get("EXTREME_SEED") or first))
        drawn = first
        while True:
            try:
                await asyncio.to_thread(_draw, drawn, cases, play)
                await check_all(operator, stations, items=_ITEMS)
            except BaseException as error:
                error.add_note(f"seed {drawn}: to be kept in SEEDS")
                error.add_note(f"parked: {await operator.items('/parked')}")
                raise
            if time.monotonic() >= ends_at:
                break
            drawn = following.randrange(2, 2**31)
