"""The measures: which load, how big, and what is checked in the database afterwards."""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from bench.driver.frames import SAMPLES_PER_METER_VALUES
from bench.driver.loads import IDLE_WARM_UP_STATIONS
from bench.driver.plan import Load, Plan
from bench.processes import Usage, usage
from bench.stored import (
    StoredTransaction,
    stored_count,
    stored_transactions,
    transaction_differences,
)
from bench.systems import System

SETTLE_DEADLINE = 60.0
SETTLE_POLL = 0.25
MEMORY_SETTLES = 4.0
DRIVER_DEADLINE = 600.0
LONGEST_LINE = 2**28

Result = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Size:
    """How big a load is."""

    stations: int
    seconds: float = 0.0
    rate: float = 0.0


FULL: dict[Load, Size] = {
    "sessions": Size(stations=300, seconds=20),
    "light": Size(stations=50, seconds=25, rate=27),
    "connect": Size(stations=1000),
    "commands": Size(stations=60, seconds=6),
    "idle": Size(stations=2000 + IDLE_WARM_UP_STATIONS),
}
QUICK: dict[Load, Size] = {
    "sessions": Size(stations=300, seconds=5),
    "light": Size(stations=50, seconds=8, rate=27),
    "connect": Size(stations=300),
    "commands": Size(stations=60, seconds=2),
    "idle": Size(stations=500 + IDLE_WARM_UP_STATIONS),
}


async def measure(system: System, load: Load, size: Size, round_number: int) -> Result:
    """Put one load on one system; `differences` lists what was not as acknowledged."""
    plan = Plan(
        load=load,
        ocpp_url=system.ocpp_url,
        rest_url=system.rest_url,
        authorization=system.authorization,
        station_prefix=f"{load}{round_number}-",
        stations=size.stations,
        seconds=size.seconds,
        rate=size.rate,
    )
    if load in ("sessions", "light", "commands"):
        await system.accept_tokens(plan.station_ids)
    looks: dict[str, tuple[float, dict[str, Usage]]] = {}

    async def look(event: str, driver_pid: int) -> None:
        if event in ("warm", "held"):
            await asyncio.sleep(MEMORY_SETTLES)
        looks[event] = (time.monotonic(), usage({**system.processes, "driver": driver_pid}))

    result = await _drive(plan, look)
    result |= _costs(system, result, looks)
    started = time.monotonic()
    result["differences"] = await _settled_differences(system, plan, result)
    result["settled_s"] = time.monotonic() - started
    result.pop("transactions", None)
    return result


async def _drive(plan: Plan, look: Callable[[str, int], Awaitable[None]]) -> Result:
    """Run the driver in its own process; `look` is called at each event that it tells."""
    driver = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.driver"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parent.parent,
        limit=LONGEST_LINE,
    )
    assert driver.stdin is not None
    assert driver.stdout is not None
    try:
        async with asyncio.timeout(DRIVER_DEADLINE):
            driver.stdin.write(plan.encode())
            while line := await driver.stdout.readline():
                if line.startswith(b"{"):
                    result: Result = orjson.loads(line)
                    return result
                await look(line.decode().strip(), driver.pid)
                driver.stdin.write(b"go on\n")
        raise RuntimeError(f"the driver ended without a result ({plan.load})")
    finally:
        if driver.returncode is None:
            driver.stdin.close()
            try:
                async with asyncio.timeout(10):
                    await driver.wait()
            except TimeoutError:
                driver.kill()
                await driver.wait()


def _costs(
    system: System, result: Result, looks: dict[str, tuple[float, dict[str, Usage]]]
) -> Result:
    if "held" in looks:
        before, after = looks["warm"][1], looks["held"][1]
        grown = sum(after[n].rss_bytes - before[n].rss_bytes for n in system.gateway_names)
        return {"bytes_per_connection": grown / result["held"]}
    (began, before), (ended, after) = looks["begun"], looks["ended"]
    costs: Result = {
        "cpu_share": {
            name: (after[name].cpu_s - before[name].cpu_s) / (ended - began) for name in after
        },
        "memory_mb": {name: used.pss_bytes / 2**20 for name, used in after.items()},
    }
    if "messages_per_s" in result:
        costs["cpu_us_per_message"] = {
            name: share / result["messages_per_s"] * 1e6
            for name, share in costs["cpu_share"].items()
        }
    return costs


async def _settled_differences(system: System, plan: Plan, result: Result) -> list[str]:
    """Check until nothing differs or the time is up: reports are answered before stored."""
    problems = [f"{count} x {what}" for what, count in result["problems"].items()]
    deadline = time.monotonic() + SETTLE_DEADLINE
    while True:
        differences = await _differences(system, plan, result)
        if not differences or time.monotonic() > deadline:
            return problems + differences
        await asyncio.sleep(SETTLE_POLL)


async def _differences(system: System, plan: Plan, result: Result) -> list[str]:
    prefix = plan.station_prefix
    if plan.load in ("sessions", "light"):
        promised = [
            (transaction_id, StoredTransaction(energy, rows))
            for transaction_id, energy, rows in result["transactions"]
        ]
        acknowledged = result["answered"].get("MeterValues", 0) * SAMPLES_PER_METER_VALUES
        if sum(stored.meter_value_rows for _, stored in promised) != acknowledged:
            return ["the driver's own counts of meter values differ"]
        stored = await stored_transactions(system.database_url, system.queries, prefix)
        return transaction_differences(promised, stored)
    if plan.load == "commands":
        return await _command_differences(system, prefix, result)
    query = system.queries.booted_stations
    return await _count_difference(
        system, query, prefix, result["answered"].get("BootNotification", 0), "booted stations"
    )


async def _command_differences(system: System, prefix: str, result: Result) -> list[str]:
    completed = result["outcomes"].get("completed", 0)
    differences = [
        f"{count} commands ended as {outcome}"
        for outcome, count in result["outcomes"].items()
        if outcome != "completed"
    ]
    if result["reached_stations"] != completed:
        differences.append(f"{result['reached_stations']} commands reached a station")
    query = system.queries.completed_commands
    if query is not None:
        differences += await _count_difference(system, query, prefix, completed, "commands")
    return differences


async def _count_difference(
    system: System, query: str, prefix: str, wanted: int, what: str
) -> list[str]:
    found = await stored_count(system.database_url, query, prefix)
    return [] if found == wanted else [f"{found} {what} stored, {wanted} acknowledged"]
