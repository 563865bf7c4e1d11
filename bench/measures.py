"""One case on one system: prepare, drive, look at the processes, check against the database."""

import asyncio
import time
from contextlib import AsyncExitStack
from datetime import UTC, datetime

from bench.batches import Counts, batch_counts, batch_sizes
from bench.billing import have_a_tariff, settling
from bench.cases import CASES, GATEWAYS_CURVE, Case, Size
from bench.checks import settled_differences
from bench.costs import Looks, costs
from bench.driver.plan import Plan
from bench.driver.starting import limits
from bench.driving import Result, drive
from bench.events import EventReader, event_delays, note_when_written
from bench.fairness import measure_fairness
from bench.history import history_plan
from bench.preload import preload
from bench.processes import usage
from bench.queries import explain, query_plan
from bench.service_away import (
    BILLING_SERVICE,
    INTEGRATION_SERVICE,
    service_away,
    until_stored,
    with_its_processes,
)
from bench.stored import row_sizes, wal_position
from bench.stored_events import store_events
from bench.streamed import StreamReader
from bench.systems import System
from bench.tenants import store_tenants
from bench.tls import PROFILE, reached_by

MEMORY_SETTLES = 4.0


async def measure(system: System, case: Case, size: Size, round_number: int) -> Result:
    """Put one load on one system; `differences` lists what was not as acknowledged."""
    with reached_by(system, case, size.stations) as reached:
        if case.beside is None:
            return await _measure(reached, case, size, round_number)
        return await _measure_beside(reached, case, size, round_number)


async def _measure_beside(system: System, case: Case, size: Size, round_number: int) -> Result:
    """Measure while a service is there or not, with nothing left of rounds before."""
    assert case.beside is not None
    began_at = time.time()
    if case.beside == BILLING_SERVICE:
        await have_a_tariff(system)
    async with AsyncExitStack() as stack:
        if case.there == "off":
            await stack.enter_async_context(service_away(system, case.beside))
        result = await _measure(with_its_processes(system), case, size, round_number)
    began = time.monotonic()
    await until_stored(system)
    result["drained_s"] = time.monotonic() - began
    if case.beside == BILLING_SERVICE:
        result |= await settling(system, began_at, waited=case.there == "off")
    return result


async def _measure(system: System, case: Case, size: Size, round_number: int) -> Result:
    plan = Plan(
        load=case.load,
        ocpp_urls=_urls(system, case),
        rest_url=system.rest_url,
        authorization=system.authorization,
        station_prefix=_station_prefix(case, round_number),
        stations=size.stations,
        seconds=size.seconds,
        rate=size.rate,
        password=case.password,
        bursts=size.bursts,
        authority=f"{system.tls_folder}/ca.pem" if case.tls else "",
    )
    if case.load == "fairness":
        return await measure_fairness(system, plan, round_number)
    if case.whose is not None:
        await store_tenants(system.database_url, plan, many=case.whose == "many-tenants")
    elif case.load in ("sessions", "meter-values", "paced", "commands"):
        await system.accept_tokens(plan.station_ids)
    if case.load == "starts":
        await system.accept_limited(limits(plan.station_prefix, plan.stations, plan.bursts))
    if case.password and (round_number == 1 or case.in_fresh_suite):
        profile = PROFILE if case.tls else None
        await system.accept_stations(plan.station_ids, case.password, profile)
    stored = None
    if size.stored is not None:
        stored = await preload(system.database_url, size.stored)
        plan.queries.extend(query_plan(stored, size.queries))
    if size.days:
        async with service_away(system, INTEGRATION_SERVICE):
            events = await store_events(system.database_url, size.stations, size.days)
        system = with_its_processes(system)
        plan.queries.extend(history_plan(events, size.queries))
    looks: Looks = {}
    batches: dict[str, Counts] = {}
    began_at = datetime.now(UTC)

    async def look(event: str, driver_pid: int) -> None:
        if event in ("warm", "held"):
            await asyncio.sleep(MEMORY_SETTLES)
        looks[event] = (time.monotonic(), usage({**system.processes, "driver": driver_pid}))
        if case.group == GATEWAYS_CURVE:
            batches[event] = await batch_counts(system)

    async with AsyncExitStack() as stack:
        readers = None
        if case.events:
            await note_when_written(system.database_url)
            readers = (
                await stack.enter_async_context(EventReader(system.broker_url)),
                await stack.enter_async_context(
                    StreamReader(system.rest_url, system.authorization)
                ),
            )
        wal_before = await wal_position(system.database_url)
        result = await drive(plan, look)
        result |= costs(system, result, looks)
        if batches:
            took = looks["ended"][0] - looks["begun"][0]
            result["batches"] = batch_sizes(batches["begun"], batches["ended"], took)
        result["differences"] = await settled_differences(system, plan, result, began_at)
        result["wal_bytes"] = await wal_position(system.database_url) - wal_before
        if system.name == "suite" and case.load in ("sessions", "queries"):
            result["row_bytes"] = await row_sizes(system.database_url)
        if case.load == "queries" and stored is not None:
            result["explained"] = await explain(system.database_url, stored)
        if readers is not None:
            result |= await event_delays(system.database_url, plan, result, *readers)
    result.pop("transactions", None)
    return result


def _station_prefix(case: Case, round_number: int) -> str:
    """Begin the ids of stations, with which they also charge: a token has 20 characters at most."""
    number = CASES.index(case)
    # Stations with a password are known to the registry from the first round on.
    return f"c{number}-" if case.password else f"c{number}-{round_number}-"


def _urls(system: System, case: Case) -> list[str]:
    if case.one_gateway:
        return system.gateway_urls[:1]
    # As a balancer deals them out, but without its cost: the baseline has none before it either.
    return system.gateway_urls
