"""F11 and F14: a handler that hangs beyond the broker's patience, and one that dies each time."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from csms_shared.broker.topology import (
    DELIVERY_LIMIT,
    SESSION_SERVICE,
    STATION_REGISTRY,
    reports_queue,
)
from csms_simulator.ledger import Ledger
from csms_simulator.station import SimulatedStation
from tests.faults.faults_inside import faults_inside
from tests.faults.fleet import FIRMWARE
from tests.faults.inside.sitecustomize import HANGS
from tests.faults.scale import Scale
from tests.faults.scenario import RECOVERY_S, Scenario
from tests.faults.suite_on_paths import SuiteOnPaths
from tests.integration.waiting import eventually

_POLICY = "patience"
# Reports that stations in the middle of a session send to each service.
_REPORTED = {SESSION_SERVICE: "MeterValues", STATION_REGISTRY: "StatusNotification"}


@pytest.mark.parametrize("service", _REPORTED)
async def test_what_the_broker_takes_from_a_hung_handler_has_its_effect_once(
    suite: SuiteOnPaths, scale: Scale, service: str
) -> None:
    patience_s, hang_s = scale.pick(3, 30), scale.pick(10, 90)
    title = f"handlers of {service} hung for {hang_s} s, consumer time-out {patience_s} s"
    await suite.broker.control(
        "eval",
        f"application:set_env(rabbit, consumer_timeout, {patience_s * 1000}), "
        "application:set_env(rabbit, channel_tick_interval, 1000).",
    )
    try:
        async with Scenario("F11", title, suite) as scenario:
            prefix = scenario.fleet.station_ids[0][:9]
            faults = {
                "FAULT_HANG": prefix,
                "FAULT_ACTION": _REPORTED[service],
                "FAULT_HANG_S": str(hang_s),
            }
            # One batch may hang after the other, and the first before the service is ready.
            within = RECOVERY_S + scale.pick(0, HANGS * hang_s)
            log = suite.log(service)
            before = await _count(log, "consumer_lost")
            async with faults_inside(suite, {service: faults}, within):
                suite.note("two hung handlers")
                await eventually(
                    lambda: _count(log, "consumer_lost"), lambda lost: lost > before, within
                )
                await scenario.recovered(within)
            await scenario.recovered()
    finally:
        await suite.broker.control(
            "eval",
            "application:set_env(rabbit, consumer_timeout, 1800000), "
            "application:set_env(rabbit, channel_tick_interval, 60000).",
        )


@pytest.mark.parametrize("service", _REPORTED)
async def test_a_message_that_kills_its_consumer_is_parked_and_its_neighbours_are_not(
    suite: SuiteOnPaths, scale: Scale, service: str
) -> None:
    action, payload = _POISON[service]
    # Each death spares a neighbour with a chance of a half, so the limit may not be a mere handful.
    limit = scale.pick(8, DELIVERY_LIMIT)
    policy = f'{{"delivery-limit": {limit}}}'
    await suite.broker.control(
        "set_policy", _POLICY, f"^{reports_queue(service).name}$", policy, "--apply-to", "queues"
    )
    try:
        title = f"message that kills {service}, delivery limit {limit}"
        async with Scenario("F14", title, suite) as scenario:
            station_id = f"POISON-{scenario.fleet.station_ids[0]}"
            scenario.poison.append(station_id)
            async with (
                faults_inside(
                    suite, {service: {"FAULT_POISON": station_id, "FAULT_ACTION": action}}
                ),
                SimulatedStation(
                    station_id, suite.state().ocpp_url, Ledger(), FIRMWARE
                ) as poisoned,
            ):
                await poisoned.wait_accepted(60)
                await scenario.fleet.progress(4)
                await poisoned.call(action, payload)
                suite.note("poison")
                await eventually(
                    lambda: _parked(suite, service, station_id), bool, scale.pick(600, 1200)
                )
                await scenario.recovered(120)
    finally:
        await suite.broker.control("clear_policy", _POLICY)


_METER_VALUES = {
    "connectorId": 1,
    "meterValue": [
        {"timestamp": "2026-11-21T00:00:00.000Z", "sampledValue": [{"value": "1"}]},
    ],
}
# The registry's: one that no station sends by itself.
_POISON: dict[str, tuple[str, dict[str, Any]]] = {
    SESSION_SERVICE: ("MeterValues", _METER_VALUES),
    STATION_REGISTRY: ("DiagnosticsStatusNotification", {"status": "Idle"}),
}
_SCHEMA = {SESSION_SERVICE: "session", STATION_REGISTRY: "registry"}


async def _parked(suite: SuiteOnPaths, service: str, station_id: str) -> bool:
    async with suite.database() as database:
        count = await database.fetchval(
            f"SELECT count(*) FROM {_SCHEMA[service]}.parked WHERE station_id = $1", station_id
        )
    return bool(count)


async def _count(log: Path, event: str) -> int:
    return (await asyncio.to_thread(log.read_text)).count(event)
