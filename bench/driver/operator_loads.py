"""Loads of operators: commands to stations, and queries."""

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from contextlib import AsyncExitStack

import orjson

from bench.driver.fleet import Result, close_all, connect_all, counts
from bench.driver.http_client import HttpConnection
from bench.driver.percentiles import in_milliseconds
from bench.driver.plan import Plan, Query
from bench.driver.signals import ask_bench
from bench.driver.station import DriverStation, Tally

WARM_UP = 2.0
WARM_UP_QUERIES = 5
COMMANDS_IN_FLIGHT = 20


async def commands(plan: Plan) -> Result:
    """Post commands one at a time, then twenty in flight; the stations answer at once."""
    tally = Tally()
    stations = [DriverStation(station_id, tally) for station_id in plan.station_ids]
    await connect_all(stations, plan)
    outcomes: Counter[str] = Counter()
    async with AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(HttpConnection(plan.rest_url, plan.authorization))
            for _ in range(COMMANDS_IN_FLIGHT)
        ]
        await _post_until(WARM_UP, clients[:1], plan.station_ids, outcomes)
        sequential, _ = await _post_until(plan.seconds, clients[:1], plan.station_ids, outcomes)
        await ask_bench("begun")
        loaded, rate = await _post_until(plan.seconds, clients, plan.station_ids, outcomes)
        await ask_bench("ended")
    close_all(stations)
    return {
        **in_milliseconds(sequential),
        "commands_per_s": rate,
        "loaded_p50_ms": in_milliseconds(loaded)["p50_ms"],
        "outcomes": dict(outcomes),
        "reached_stations": tally.calls_received,
        **counts(tally),
    }


async def queries(plan: Plan) -> Result:
    """Ask one query after the other, and count the items of each answer."""
    took: dict[str, list[float]] = defaultdict(list)
    problems: Counter[str] = Counter()
    async with HttpConnection(plan.rest_url, plan.authorization) as client:
        for query in plan.queries[:WARM_UP_QUERIES]:
            await client.get(query.path)
        await ask_bench("begun")
        for query in plan.queries:
            started = time.perf_counter()
            status, body = await client.get(query.path)
            took[query.kind].append(time.perf_counter() - started)
            if problem := _wrong(query, status, body):
                problems[problem] += 1
        await ask_bench("ended")
    return {
        "kinds": {kind: in_milliseconds(times) for kind, times in took.items()},
        "asked": len(plan.queries),
        "answered": {},
        "problems": dict(problems),
    }


def _wrong(query: Query, status: int, body: bytes) -> str | None:
    if status != 200:
        return f"{query.kind}: HTTP {status}"
    found = len(orjson.loads(body)["items"])
    return None if found == query.items else f"{query.kind}: {found} items, not {query.items}"


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
