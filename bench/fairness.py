"""The case `fairness`: the same load beside nobody's trouble, and beside that of each party."""

import asyncio
import time
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from bench.checks import settled_differences
from bench.driver.fairness_load import COMMANDS, KIND_OF, READS
from bench.driver.percentiles import in_milliseconds
from bench.driver.plan import Plan
from bench.driving import Result, drive
from bench.events import (
    LAST_EVENTS_S,
    EventReader,
    committed_events,
    first_arrivals,
    note_when_written,
)
from bench.systems import System
from bench.troubles import Trouble, in_trouble, troubles

EVENTS = "events"
KINDS = (*dict.fromkeys(KIND_OF.values()), COMMANDS, EVENTS, READS)
TROUBLED_STATIONS = 10

Halves = dict[Trouble, dict[str, Any]]
"""By who was in trouble: the half's window and the latencies of everybody else, by kind."""


def order_of(round_number: int) -> tuple[Trouble, ...]:
    """Return who is in trouble, half after half; each round begins with another one."""
    everybody = tuple(Trouble)
    # Two further each time: neighbours are as often before nobody's half as after it.
    first = 2 * (round_number - 1) % len(everybody)
    return everybody[first:] + everybody[:first]


async def measure_fairness(system: System, plan: Plan, round_number: int) -> Result:
    """Run one round; `halves` has what everybody had whom the trouble does not concern.

    Stations of the first gateway are those whom its trouble concerns.
    """
    order = order_of(round_number)
    plan = replace(
        plan,
        ocpp_urls=plan.ocpp_urls[1:],
        halves=len(order),
        troubled_url=plan.ocpp_urls[0],
        troubled_prefix=f"t{plan.station_prefix}",
        troubled=TROUBLED_STATIONS,
    )
    began_at = datetime.now(UTC)
    turns = iter(order)
    await system.accept_tokens([*plan.station_ids, *plan.troubled_ids])
    await note_when_written(system.database_url)
    async with EventReader(system.broker_url) as reader, troubles(system):
        async with AsyncExitStack() as trouble:

            async def look(event: str, driver_pid: int) -> None:
                if event == "half":
                    await trouble.enter_async_context(in_trouble(system, next(turns)))
                else:
                    await trouble.aclose()

            result = await drive(plan, look)
        halves: Halves = dict(zip(order, result.pop("halves"), strict=True))
        result["differences"] = [
            *await settled_differences(system, plan, result, began_at),
            *await _add_events(system.database_url, plan.station_prefix, halves, reader),
            *untroubled(halves),
        ]
    del result["transactions"]
    result["halves"] = {
        trouble.value: {
            kind: {**in_milliseconds(took), "count": len(took)}
            for kind, took in half["latencies"].items()
        }
        for trouble, half in halves.items()
    }
    return result


async def _add_events(
    database_url: str, prefix: str, halves: Halves, reader: EventReader
) -> list[str]:
    """Add to each half how long its events took; return what never arrived."""
    since = min(half["window"][0] for half in halves.values())
    give_up_at = time.monotonic() + LAST_EVENTS_S
    while True:
        committed = await committed_events(database_url, since, prefix)
        arrived = first_arrivals(reader.arrived)
        missing = committed.keys() - arrived.keys()
        if not missing or time.monotonic() > give_up_at:
            break
        await asyncio.sleep(0.25)
    for half in halves.values():
        began, ended = half["window"]
        half["latencies"][EVENTS] = [
            arrived[event] - at
            for event, at in committed.items()
            if began <= at <= ended and event in arrived
        ]
    return [f"{len(missing)} committed events never arrived"] if missing else []


def untroubled(halves: Halves) -> list[str]:
    """Say where the first gateway's stations were served although it was in trouble, or not else.

    Without that nothing was measured. One answer each may have been on its way.
    """
    wrong = []
    for trouble, half in halves.items():
        answered = half["troubled_answered"]
        if (trouble is Trouble.GATEWAY) != (answered <= TROUBLED_STATIONS):
            wrong.append(f"{trouble}: stations of the first gateway had {answered} answers")
    return wrong
