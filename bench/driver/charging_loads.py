"""Loads of stations that charge: whole sessions, sessions at a pace, meter values alone."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Protocol

from bench.driver.charging import ChargingStation
from bench.driver.fleet import Result, close_all, connect_all, counts
from bench.driver.metering import MeteringStation
from bench.driver.percentiles import by_kind
from bench.driver.plan import Plan
from bench.driver.signals import ask_bench
from bench.driver.station import Tally

WARM_UP = 2.0
START_DEADLINE = 120.0
FINISH_DEADLINE = 120.0
# Stations begin one after the other, so that they are spread over the calls of a session.
BEGINNINGS_PER_S = 350.0


class Charging(Protocol):
    """A station that a load starts and ends."""

    idle: asyncio.Event

    def finish(self) -> None:
        """Send nothing more."""

    def report(self) -> list[tuple[int, int | None, int]]:
        """List every acknowledged transaction: id, energy, rows of meter values."""


async def sessions(plan: Plan) -> Result:
    """Let every station charge in a closed loop."""
    tally = Tally()
    stations = [ChargingStation(station_id, tally) for station_id in plan.station_ids]
    async with _connected(stations, plan):
        began = time.perf_counter()
        for number, station in enumerate(stations):
            due = began + number / BEGINNINGS_PER_S
            if (wait := due - time.perf_counter()) > 0:
                await asyncio.sleep(wait)
            station.run_closed_loop()
        await asyncio.sleep(WARM_UP)
        return await _measured(plan, stations, tally)


async def meter_values(plan: Plan) -> Result:
    """Let every station send meter values of its open transaction in a closed loop."""
    tally = Tally()
    stations = [MeteringStation(station_id, tally) for station_id in plan.station_ids]
    async with _connected(stations, plan):
        for station in stations:
            station.begin()
        await _all([s.started for s in stations], "not started", START_DEADLINE, tally)
        await asyncio.sleep(WARM_UP)
        return await _measured(plan, stations, tally)


async def paced(plan: Plan) -> Result:
    """Send calls at a fixed rate, whatever the answers do; latency counts from when due."""
    tally = Tally()
    stations = [ChargingStation(station_id, tally) for station_id in plan.station_ids]
    async with _connected(stations, plan):
        await ask_bench("begun")
        tally.latencies.clear()
        wall_began, began = time.time(), time.perf_counter()
        for number in range(int(plan.rate * plan.seconds)):
            due = began + number / plan.rate
            if (wait := due - time.perf_counter()) > 0:
                await asyncio.sleep(wait)
            stations[number % len(stations)].send_at(due)
        took, wall_ended = time.perf_counter() - began, time.time()
        await _all_idle(stations, tally)
        latencies = by_kind(tally.latencies)
        await ask_bench("ended")
        return {
            "messages_per_s": int(plan.rate * plan.seconds) / took,
            "window": (wall_began, wall_ended),
            **latencies,
            **_promises(stations, tally),
        }


async def _measured(plan: Plan, stations: Sequence[Charging], tally: Tally) -> Result:
    await ask_bench("begun")
    tally.latencies.clear()
    answered, began = tally.answered.total(), time.perf_counter()
    await asyncio.sleep(plan.seconds)
    took = time.perf_counter() - began
    rate = (tally.answered.total() - answered) / took
    latencies = by_kind(tally.latencies)
    await ask_bench("ended")
    for station in stations:
        station.finish()
    await _all_idle(stations, tally)
    return {"messages_per_s": rate, **latencies, **_promises(stations, tally)}


@asynccontextmanager
async def _connected(
    stations: Sequence[ChargingStation] | Sequence[MeteringStation], plan: Plan
) -> AsyncIterator[None]:
    try:
        await connect_all(stations, plan)
        yield
    finally:
        close_all(stations)


async def _all_idle(stations: Sequence[Charging], tally: Tally) -> None:
    await _all([station.idle for station in stations], "unanswered", FINISH_DEADLINE, tally)


async def _all(events: list[asyncio.Event], problem: str, within: float, tally: Tally) -> None:
    try:
        async with asyncio.timeout(within):
            for event in events:
                await event.wait()
    except TimeoutError:
        tally.problems[problem] += sum(not event.is_set() for event in events)


def _promises(stations: Sequence[Charging], tally: Tally) -> Result:
    return {
        "transactions": [row for station in stations for row in station.report()],
        **counts(tally),
    }
