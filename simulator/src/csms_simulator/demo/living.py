"""The course of the demo: furnish, catch up with the past, live, end, and compare."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from csms_simulator.check import Difference, settled_differences
from csms_simulator.demo import certificate, firmware, network, operations, traffic, troubles
from csms_simulator.demo.charger import DemoStation
from csms_simulator.demo.furnishing import furnish, make_partner, make_useless_cards
from csms_simulator.demo.past import catch_up
from csms_simulator.demo.report import Totals, introduction, say, tell
from csms_simulator.demo.tariffs import make_tariffs
from csms_simulator.errors import CallFailedError
from csms_simulator.ledger import Ledger
from csms_simulator.operator import Operator
from csms_simulator.wire import Payload, read_timestamp

_BOOT_PATIENCE_S = 60.0
_DELIVERY_PATIENCE_S = 60.0
_COMPARE_WITHIN_S = 60.0
_SHOWN_DIFFERENCES = 20
_OWN_ANSWERS = {
    network.CERTIFIED: {"CertificateSigned": certificate.take},
    network.NOT_UPDATED: {"UpdateFirmware": firmware.update_that_fails},
    network.FAILING: {"ClearCache": troubles.answer_with_an_error},
}


class NoChargingError(Exception):
    """No station could boot or charge."""


@dataclass(slots=True)
class Tenant:
    """Who acts for a tenant, its stations, its cards, and what it was promised."""

    operator: Operator
    cards: tuple[network.Card, ...]
    stations: dict[str, DemoStation] = field(default_factory=dict)
    ledger: Ledger = field(default_factory=Ledger)


async def live(run: Payload, run_file: str, over: asyncio.Event, seconds: float | None) -> int:
    """Run the demo until it is over, or for some seconds and then compare; return the exit code."""
    async with AsyncExitStack() as stack:
        own = await stack.enter_async_context(_own_tenant(run))
        partner = await stack.enter_async_context(_partner(run))
        offline = own.stations.pop(network.OFFLINE)
        tenants = (own, partner)
        stations = [station for tenant in tenants for station in tenant.stations.values()]
        totals = Totals(stations, [tenant.ledger for tenant in tenants], keeps=seconds is not None)
        await stack.enter_async_context(troubles.with_a_wrong_password(run["ocpp_url"]))
        for station in stations:
            await stack.enter_async_context(station)
        await _booted(stations)
        for tenant in tenants:
            for station in tenant.stations.values():
                await catch_up(station, tenant.operator, tenant.cards)
        say(introduction(run["rest_url"], run_file))
        failed = await _go_on(own, partner, offline, totals, over, seconds)
        undelivered = await traffic.end_sessions(stations, _DELIVERY_PATIENCE_S)
        say(totals.line())
        if undelivered:
            say(f"{undelivered} messages could not be delivered")
        if seconds is None:
            say(f"{totals.messages} messages acknowledged")
            return 1 if undelivered else 0
        return await _compare(tenants, totals) or (1 if undelivered or failed else 0)


@asynccontextmanager
async def _own_tenant(run: Payload) -> AsyncIterator[Tenant]:
    async with Operator.of_run(run) as operator:
        stands = network.own_stands()
        tenant = Tenant(operator, network.CARDS)
        await make_partner(operator)
        reserving = (network.OPERATORS_CARD, network.RESERVING_CARD)
        await furnish(operator, stands, (*network.CARDS, *reserving))
        await make_useless_cards(operator)
        await make_tariffs(operator)
        passwords = {network.CERTIFIED: await certificate.new_password(operator)}
        ours = [one for one in stands if one.station_id != network.REFUSED]
        _build(tenant, ours, run, passwords)
        await _remember(tenant)
        yield tenant


@asynccontextmanager
async def _partner(run: Payload) -> AsyncIterator[Tenant]:
    async with Operator.of_run(run, network.PARTNER) as operator:
        stands = network.partners_stands()
        tenant = Tenant(operator, network.PARTNERS_CARDS)
        await furnish(operator, stands, network.PARTNERS_CARDS)
        _build(tenant, stands, run, {})
        await _remember(tenant)
        yield tenant


def _build(
    tenant: Tenant,
    stands: Sequence[network.Stand],
    run: Payload,
    passwords: Mapping[str, bytes],
) -> None:
    for stand in stands:
        answers = _OWN_ANSWERS.get(stand.station_id)
        tenant.stations[stand.station_id] = DemoStation(
            stand, run["ocpp_url"], tenant.ledger, answers, passwords.get(stand.station_id)
        )


async def _remember(tenant: Tenant) -> None:
    """Give stations the firmware of when the demo ran before; what was until then, they told."""
    for known in await tenant.operator.items("/stations", q="DEMO-"):
        station = tenant.stations.get(known["station_id"])
        if station is not None and known["last_boot_at"] is not None:
            station.firmware_version = known["firmware_version"]
            station.told_until = read_timestamp(known["last_seen_at"])


async def _booted(stations: Sequence[DemoStation]) -> None:
    try:
        async with asyncio.timeout(_BOOT_PATIENCE_S):
            for station in stations:
                await station.accepted.wait()
    except TimeoutError:
        away = [station.station_id for station in stations if not station.accepted.is_set()]
        raise NoChargingError(f"not accepted: {', '.join(away)}") from None


async def _go_on(
    own: Tenant,
    partner: Tenant,
    offline: DemoStation,
    totals: Totals,
    over: asyncio.Event,
    seconds: float | None,
) -> bool:
    """Let happen what happens, all of it at least once; return whether something did not work."""
    own_stations, partners = list(own.stations.values()), list(partner.stations.values())
    async with asyncio.TaskGroup() as tasks:
        endless = [
            tasks.create_task(work)
            for work in (
                traffic.let_drivers_come(traffic.Crowd(own_stations, own.cards)),
                traffic.let_drivers_come(traffic.Crowd(partners, partner.cards, ())),
                traffic.lose_lines(own_stations),
                tell(totals),
            )
        ]
        incidents = [
            tasks.create_task(_worked(what, work))
            for what, work in _incidents(own, offline).items()
        ]
        ended = tasks.create_task(over.wait())
        await asyncio.wait([ended], timeout=seconds)
        for incident in incidents:
            await asyncio.wait([ended, incident], return_when=asyncio.FIRST_COMPLETED)
        failed = any(one.done() and not one.result() for one in incidents)
        for task in (*endless, *incidents, ended):
            task.cancel()
    return failed


def _incidents(own: Tenant, offline: DemoStation) -> dict[str, Coroutine[Any, Any, None]]:
    stations, operator = own.stations, own.operator
    return {
        "a faulted connector": troubles.fail(stations),
        "an unknown stop": troubles.stop_what_nobody_started(stations[network.FORGETFUL], operator),
        "security events": troubles.report_intrusion(stations, operator),
        "a certificate": certificate.obtain(operator, stations),
        "an offline station": _vanish(offline, operator),
        **{what: work(operator, stations) for what, work in operations.ALL.items()},
    }


async def _vanish(offline: DemoStation, operator: Operator) -> None:
    await troubles.boot_once_and_vanish(offline, operator)
    await operations.hold_a_command(operator)


async def _worked(what: str, incident: Coroutine[Any, Any, None]) -> bool:
    try:
        await incident
    except (httpx.HTTPError, CallFailedError, TimeoutError) as problem:
        say(f"{what} did not work: {problem!r}")
        return False
    return True


async def _compare(tenants: Sequence[Tenant], totals: Totals) -> int:
    say("comparing with what the suite has stored ...")
    differences: list[Difference] = []
    for tenant in tenants:
        differences += await settled_differences(
            tenant.operator, tenant.ledger, _COMPARE_WITHIN_S, tenant.ledger.opened_at
        )
    transactions = [one for tenant in tenants for one in tenant.ledger.transactions.values()]
    say(
        f"{totals.messages} messages acknowledged, {len(transactions)} transactions, "
        f"{sum(len(one.samples) for one in transactions)} meter values, "
        f"{len(differences)} differences"
    )
    for difference in differences[:_SHOWN_DIFFERENCES]:
        say(str(difference))
    if not transactions:
        raise NoChargingError("no station could charge")
    discarded = any(tenant.ledger.discarded for tenant in tenants)
    return 1 if differences or discarded else 0
