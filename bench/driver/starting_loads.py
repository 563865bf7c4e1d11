"""The load of starts at once, beside Authorize and MeterValues at once."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from bench.driver.fleet import Result, close_all, connect_all, counts
from bench.driver.percentiles import in_milliseconds
from bench.driver.plan import Plan
from bench.driver.signals import ask_bench
from bench.driver.starting import StartingStation, TokenUse, shared_token
from bench.driver.station import Tally

WARM_UP_BURSTS = 3
# What a burst leaves to be stored is not the next one's burden.
BETWEEN_BURSTS = 0.25

Answer = TypeVar("Answer")
Latencies = dict[str, list[float]]


async def starts(plan: Plan) -> Result:
    """Let all stations start at once, burst after burst, with one use of tokens after the other."""
    tally = Tally()
    stations = [StartingStation(station_id, tally) for station_id in plan.station_ids]
    latencies: Latencies = defaultdict(list)
    await connect_all(stations, plan)
    try:
        for burst in range(plan.bursts):
            if burst == WARM_UP_BURSTS:
                latencies.clear()
                await ask_bench("begun")
            for use in TokenUse:
                await _burst(plan, stations, use, burst, latencies)
                await asyncio.sleep(BETWEEN_BURSTS)
        await ask_bench("ended")
    finally:
        close_all(stations)
    return {
        "kinds": {kind: in_milliseconds(taken) for kind, taken in latencies.items()},
        "transactions": [row for station in stations for row in station.transactions],
        **counts(tally),
    }


async def _burst(
    plan: Plan,
    stations: Sequence[StartingStation],
    use: TokenUse,
    burst: int,
    latencies: Latencies,
) -> None:
    """Authorize, start, meter and stop, each step by all stations at once."""
    shared = shared_token(plan.station_prefix, use, burst)
    tokens = {s: s.station_id if use is TokenUse.OWN else shared for s in stations}

    async def step(kind: str, send: Callable[[StartingStation], Awaitable[Answer]]) -> list[Answer]:
        tally = stations[0].tally
        tally.latencies.clear()
        answers = await asyncio.gather(*(send(station) for station in stations))
        for taken in tally.latencies.values():
            latencies[kind] += taken
        return answers

    await step("authorize", lambda station: station.authorize(tokens[station]))
    statuses = Counter(await step(use.value, lambda station: station.start(tokens[station])))
    accepted = 1 if use is TokenUse.SHARED_SINGLE else len(stations)
    if statuses != Counter({"Accepted": accepted, "ConcurrentTx": len(stations) - accepted}):
        stations[0].tally.problems[f"{use.value}: {dict(statuses)}"] += 1
    await step("meter-values", lambda station: station.meter())
    await step("stop", lambda station: station.stop(tokens[station]))
