"""The loads that the driver can put on a central system; each returns what was measured."""

import asyncio
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import orjson
from picows.common import WSHandshakeError

from bench.driver.charging import ChargingStation
from bench.driver.http_client import HttpConnection
from bench.driver.percentiles import in_milliseconds
from bench.driver.plan import Plan
from bench.driver.station import DriverStation, Tally, connect_all

CONNECT_DEADLINE = 180.0
CONNECTS_AT_ONCE = 50
WARM_UP = 2.0
FINISH_DEADLINE = 120.0
STORM_AT_ONCE = 100
COMMANDS_IN_FLIGHT = 20
IDLE_WARM_UP_STATIONS = 100

Result = dict[str, Any]


async def sessions(plan: Plan) -> Result:
    """Let every station charge in a closed loop."""
    async with _charging(plan) as (stations, tally):
        for station in stations:
            station.run_closed_loop()
        await asyncio.sleep(WARM_UP)
        tally.latencies.clear()
        answered, began = tally.answered.total(), time.perf_counter()
        _tell("begun")
        await asyncio.sleep(plan.seconds)
        took = time.perf_counter() - began
        rate = (tally.answered.total() - answered) / took
        latencies = in_milliseconds(tally.latencies)
        _tell("ended")
        await _finish(stations, tally)
    return {"messages_per_s": rate, **latencies, **_promises(stations, tally)}


async def light(plan: Plan) -> Result:
    """Send calls at a fixed rate, whatever the answers do; latency counts from when due."""
    async with _charging(plan) as (stations, tally):
        began = time.perf_counter()
        tally.latencies.clear()
        _tell("begun")
        for number in range(int(plan.rate * plan.seconds)):
            due = began + number / plan.rate
            await asyncio.sleep(max(due - time.perf_counter(), 0))
            stations[number % len(stations)].send_at(due)
        await _all_idle(stations, tally)
        latencies = in_milliseconds(tally.latencies)
        _tell("ended")
        await _finish(stations, tally)
    return {**latencies, **_promises(stations, tally)}


async def connect(plan: Plan) -> Result:
    """Connect and boot every station once, a hundred handshakes at a time."""
    tally = Tally()
    stations = [DriverStation(station_id, tally) for station_id in plan.station_ids]
    refused: Counter[str] = Counter()
    took: list[float] = []
    places = asyncio.Semaphore(STORM_AT_ONCE)

    async def connect_and_boot(station: DriverStation) -> None:
        async with places:
            started = time.perf_counter()
            try:
                await station.connect(plan.ocpp_url)
                await station.boot()
            except (WSHandshakeError, OSError, TimeoutError) as failure:
                refused[f"{type(failure).__name__}: {failure}"[:100]] += 1
                return
            took.append(time.perf_counter() - started)

    _tell("begun")
    began = time.perf_counter()
    await asyncio.gather(*(connect_and_boot(station) for station in stations))
    rate = len(took) / (time.perf_counter() - began)
    _tell("ended")
    _close(stations)
    return {
        "stations_per_s": rate,
        "refused": dict(refused),
        **in_milliseconds(took),
        "booted": len(took),
        **_counts(tally),
    }


async def idle(plan: Plan) -> Result:
    """Hold booted stations that say nothing, between two looks of the bench at the memory."""
    tally = Tally()
    stations = [DriverStation(station_id, tally) for station_id in plan.station_ids]
    warm, held = stations[:IDLE_WARM_UP_STATIONS], stations[IDLE_WARM_UP_STATIONS:]
    await connect_all(warm, plan.ocpp_url, CONNECTS_AT_ONCE, CONNECT_DEADLINE)
    await _ask_bench("warm")
    await connect_all(held, plan.ocpp_url, CONNECTS_AT_ONCE, CONNECT_DEADLINE)
    await _ask_bench("held")
    _close(stations)
    return {"held": len(held), **_counts(tally)}


async def commands(plan: Plan) -> Result:
    """Post commands one at a time, then twenty in flight; the stations answer at once."""
    tally = Tally()
    stations = [DriverStation(station_id, tally) for station_id in plan.station_ids]
    await connect_all(stations, plan.ocpp_url, CONNECTS_AT_ONCE, CONNECT_DEADLINE)
    completed: Counter[str] = Counter()
    async with AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(HttpConnection(plan.rest_url, plan.authorization))
            for _ in range(COMMANDS_IN_FLIGHT)
        ]
        await _post_until(WARM_UP, clients[:1], plan.station_ids, completed)
        sequential, _ = await _post_until(plan.seconds, clients[:1], plan.station_ids, completed)
        _tell("begun")
        loaded, rate = await _post_until(plan.seconds, clients, plan.station_ids, completed)
        _tell("ended")
    _close(stations)
    return {
        **in_milliseconds(sequential),
        "commands_per_s": rate,
        "loaded_p50_ms": in_milliseconds(loaded)["p50_ms"],
        "outcomes": dict(completed),
        "reached_stations": tally.calls_received,
        **_counts(tally),
    }


async def _post_until(
    seconds: float,
    clients: list[HttpConnection],
    station_ids: Sequence[str],
    outcomes: Counter[str],
) -> tuple[list[float], float]:
    """Post from every client to stations of its own; return the latencies and the rate."""
    latencies: list[float] = []
    began = time.perf_counter()

    async def post(client: HttpConnection, own: Sequence[str]) -> None:
        sent = 0
        while (started := time.perf_counter()) < began + seconds:
            station_id = own[sent % len(own)]
            sent += 1
            status, body = await client.post(
                f"/api/v1/stations/{station_id}/commands/RemoteStartTransaction?wait=30",
                b'{"connectorId":1,"idTag":"%b"}' % station_id.encode(),
            )
            latencies.append(time.perf_counter() - started)
            outcome = orjson.loads(body).get("status") if status < 300 else None
            outcomes[str(outcome or f"HTTP {status}: {body[:200].decode()}")] += 1

    await asyncio.gather(*(post(c, station_ids[n :: len(clients)]) for n, c in enumerate(clients)))
    return latencies, len(latencies) / (time.perf_counter() - began)


@asynccontextmanager
async def _charging(plan: Plan) -> AsyncIterator[tuple[list[ChargingStation], Tally]]:
    tally = Tally()
    stations = [ChargingStation(station_id, tally) for station_id in plan.station_ids]
    await connect_all(
        list[DriverStation](stations), plan.ocpp_url, CONNECTS_AT_ONCE, CONNECT_DEADLINE
    )
    try:
        yield stations, tally
    finally:
        _close(stations)


async def _finish(stations: list[ChargingStation], tally: Tally) -> None:
    for station in stations:
        station.finish()
    await _all_idle(stations, tally)


async def _all_idle(stations: list[ChargingStation], tally: Tally) -> None:
    try:
        async with asyncio.timeout(FINISH_DEADLINE):
            for station in stations:
                await station.idle.wait()
    except TimeoutError:
        tally.problems["unanswered at the end"] += sum(not s.idle.is_set() for s in stations)


def _promises(stations: list[ChargingStation], tally: Tally) -> Result:
    return {
        "transactions": [row for station in stations for row in station.report()],
        **_counts(tally),
    }


def _counts(tally: Tally) -> Result:
    return {"answered": dict(tally.answered), "problems": dict(tally.problems)}


def _close(stations: Sequence[DriverStation]) -> None:
    for station in stations:
        station.close()


def _tell(event: str) -> None:
    sys.stdout.write(event + "\n")
    sys.stdout.flush()


async def _ask_bench(event: str) -> None:
    _tell(event)
    await asyncio.to_thread(sys.stdin.readline)


LOADS = {
    "sessions": sessions,
    "light": light,
    "connect": connect,
    "idle": idle,
    "commands": commands,
}
