"""What was acknowledged compared with what is stored, until it agrees or the time is up."""

import asyncio
import time
from datetime import datetime
from typing import Any

from bench.driver.frames import SAMPLES_ALONE, SAMPLES_PER_METER_VALUES
from bench.driver.plan import Plan
from bench.stored import (
    StoredTransaction,
    stored_count,
    stored_transactions,
    transaction_differences,
)
from bench.systems import System

SETTLE_DEADLINE = 60.0
SETTLE_POLL = 0.25

Result = dict[str, Any]


async def settled_differences(
    system: System, plan: Plan, result: Result, since: datetime
) -> list[str]:
    """Check until nothing differs or the time is up: reports are answered before stored.

    Also notes how long that took, as `settled_s`.
    """
    problems = [f"{count} x {what}" for what, count in result["problems"].items()]
    began = time.monotonic()
    while True:
        result["settled_s"] = time.monotonic() - began
        differences = await _differences(system, plan, result, since)
        if not differences or time.monotonic() > began + SETTLE_DEADLINE:
            return problems + differences
        await asyncio.sleep(SETTLE_POLL)


async def _differences(system: System, plan: Plan, result: Result, since: datetime) -> list[str]:
    if plan.load in ("sessions", "paced", "meter-values", "starts", "fairness"):
        return await _transaction_differences(system, plan, result)
    if plan.load == "queries":
        return []  # the driver compared each answer with what it was told
    if plan.load == "commands":
        return await _command_differences(system, plan.station_prefix, result, since)
    boots = result["answered"].get("BootNotification", 0)
    query = system.queries.booted_stations
    prefix = plan.station_prefix
    return await _count_difference(system, query, prefix, since, boots, "booted stations")


async def _transaction_differences(system: System, plan: Plan, result: Result) -> list[str]:
    promised = [
        (transaction_id, StoredTransaction(energy, rows))
        for transaction_id, energy, rows in result["transactions"]
    ]
    samples = SAMPLES_ALONE if plan.load in ("meter-values", "starts") else SAMPLES_PER_METER_VALUES
    acknowledged = result["answered"].get("MeterValues", 0) * samples
    if sum(stored.meter_value_rows for _, stored in promised) != acknowledged:
        return ["the driver's own counts of meter values differ"]
    stored = await stored_transactions(system.database_url, system.queries, plan.station_prefix)
    return transaction_differences(promised, stored)


async def _command_differences(
    system: System, prefix: str, result: Result, since: datetime
) -> list[str]:
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
        differences += await _count_difference(system, query, prefix, since, completed, "commands")
    return differences


async def _count_difference(
    system: System, query: str, prefix: str, since: datetime, wanted: int, what: str
) -> list[str]:
    found = await stored_count(system.database_url, query, prefix, since)
    return [] if found == wanted else [f"{found} {what} stored, {wanted} acknowledged"]
