"""F20: every service is replaced under load, and stations see a reconnect at most."""

import asyncio

import pytest

from csms_simulator.station import SimulatedStation
from tests.faults.faulty_suite import GATEWAYS, OWN_SERVICES, PROCESSES, FaultySuite
from tests.faults.fleet import StationFleet
from tests.faults.scale import Scale
from tests.faults.scenario import Scenario

SERVICE_RESTART = 1012
SERVICE_UNAVAILABLE = 503
# Of the services, these decide calls; a socket on which a decision is due is closed meanwhile.
_DECIDING = tuple(service for service in OWN_SERVICES if service != "command-api")


@pytest.mark.in_subset
async def test_a_rolling_restart_costs_a_station_one_reconnect_per_process_it_needs_and_no_error(
    suite: FaultySuite, scale: Scale
) -> None:
    rounds = scale.pick(1, 5)
    too_often: list[str] = []
    async with Scenario("F20", "rolling restart under load", suite) as scenario:
        fleet = scenario.fleet
        for _ in range(rounds):
            for process in PROCESSES:
                await fleet.progress(4)
                allowed = await _allowed(scenario, process)
                before = _connections(fleet)
                others_away = await _others_away(suite, process)
                await suite.terminate(process)
                await scenario.recovered()
                # What an overloaded machine lets be away besides is not the restart's.
                others_away = await _others_away(suite, process) - others_away
                too_often += [
                    f"{station_id}: {count - before[station_id]} reconnects at the restart of "
                    f"{process}, {allowed[station_id]} allowed"
                    for station_id, count in _connections(fleet).items()
                    if count - before[station_id] > allowed[station_id] + others_away
                ]
        assert set(fleet.refusals()) <= {SERVICE_UNAVAILABLE}
        assert set(fleet.ledger.failed_attempts) <= {"ConnectionLostError"}
        assert set().union(*map(_close_codes, fleet.stations)) <= {SERVICE_RESTART}
        assert not too_often, "\n".join(too_often)


async def _allowed(scenario: Scenario, process: str) -> dict[str, int]:
    """Return how often each station may come back: once, where it needs what is replaced."""
    if process in GATEWAYS:
        held = await scenario.operator.items("/connections")
        mine = {one["station_id"] for one in held if one["gateway_id"].startswith(process)}
        return {station_id: int(station_id in mine) for station_id in scenario.fleet.station_ids}
    return dict.fromkeys(scenario.fleet.station_ids, int(process in _DECIDING))


async def _others_away(suite: FaultySuite, replaced: str) -> int:
    """Count how often a gateway found a service away that is not the one being replaced."""
    logs = [await asyncio.to_thread(suite.log(gateway).read_text) for gateway in GATEWAYS]
    return sum(
        "service_away" in line and f"service={replaced}" not in line
        for log in logs
        for line in log.splitlines()
    )


def _connections(fleet: StationFleet) -> dict[str, int]:
    return {station.station_id: station.link.connections_made for station in fleet.stations}


def _close_codes(station: SimulatedStation) -> set[int]:
    return set(station.link.close_codes)
