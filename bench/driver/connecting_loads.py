"""Loads of connections: a storm of them, and thousands that are held."""

import asyncio
import time
from collections import Counter

from picows.common import WSHandshakeError

from bench.driver import frames
from bench.driver.fleet import Result, close_all, connect_all, counts, tls_of
from bench.driver.percentiles import in_milliseconds
from bench.driver.plan import Plan
from bench.driver.signals import ask_bench
from bench.driver.station import DriverStation, Tally

STORM_AT_ONCE = 100
MEMORY_WARM_UP_STATIONS = 100
HEARTBEAT_INTERVAL = 300.0
# Longer than the 60 s after which a gateway pings a silent station: the pings are part of it.
IDLE_SETTLES = 65.0


async def connect(plan: Plan) -> Result:
    """Connect and boot every station once, a hundred handshakes at a time."""
    tally = Tally()
    stations = [DriverStation(station_id, tally) for station_id in plan.station_ids]
    refused: Counter[str] = Counter()
    took: list[float] = []
    places = asyncio.Semaphore(STORM_AT_ONCE)

    async def connect_and_boot(station: DriverStation, url: str) -> None:
        async with places:
            started = time.perf_counter()
            try:
                await station.connect(url, plan.password, tls_of(plan.authority))
                await station.boot()
            except (WSHandshakeError, OSError, TimeoutError) as failure:
                refused[f"{type(failure).__name__}: {failure}"[:100]] += 1
                return
            took.append(time.perf_counter() - started)

    await ask_bench("begun")
    began = time.perf_counter()
    await asyncio.gather(
        *(connect_and_boot(station, plan.url_of(n)) for n, station in enumerate(stations))
    )
    all_in = time.perf_counter() - began
    await ask_bench("ended")
    close_all(stations)
    return {
        "stations_per_s": len(took) / all_in,
        "all_in_s": all_in,
        "refused": dict(refused),
        **in_milliseconds(took),
        "booted": len(took),
        **counts(tally),
    }


async def memory(plan: Plan) -> Result:
    """Hold booted stations that say nothing, between two looks of the bench at the memory."""
    tally = Tally()
    stations = [DriverStation(station_id, tally) for station_id in plan.station_ids]
    warm, held = stations[:MEMORY_WARM_UP_STATIONS], stations[MEMORY_WARM_UP_STATIONS:]
    try:
        await connect_all(warm, plan)
        await ask_bench("warm")
        await connect_all(held, plan)
        await ask_bench("held")
    finally:
        close_all(stations)
    return {"held": len(held), **counts(tally)}


async def idle(plan: Plan) -> Result:
    """Let the system rest alone, then with stations that only send Heartbeats."""
    tally = Tally()
    stations = [DriverStation(station_id, tally) for station_id in plan.station_ids]
    await ask_bench("alone begun")
    await asyncio.sleep(plan.seconds)
    await ask_bench("alone ended")
    try:
        await connect_all(stations, plan)
        async with asyncio.TaskGroup() as group:
            beating = group.create_task(_heartbeats(stations))
            # A short look (--quick) doesn't wait for the first pings.
            await asyncio.sleep(min(IDLE_SETTLES, plan.seconds))
            await ask_bench("begun")
            answered, began = tally.answered["Heartbeat"], time.perf_counter()
            await asyncio.sleep(plan.seconds)
            took = time.perf_counter() - began
            rate = (tally.answered["Heartbeat"] - answered) / took
            await ask_bench("ended")
            beating.cancel()
    finally:
        close_all(stations)
    return {"heartbeats_per_s": rate, "held": len(stations), **counts(tally)}


async def _heartbeats(stations: list[DriverStation]) -> None:
    """Send each station's Heartbeat every five minutes, spread evenly."""
    began, number = time.perf_counter(), 0
    while True:
        due = began + number * HEARTBEAT_INTERVAL / len(stations)
        if (wait := due - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
        station = stations[number % len(stations)]
        if station.transport is not None:
            station.send_call("Heartbeat", frames.heartbeat(station.next_id()), due)
        number += 1
