"""F20: every service is replaced under load, and stations see a reconnect at most."""

import asyncio
from collections import Counter
from datetime import UTC, datetime

import pytest

from csms_simulator.station import SimulatedStation
from tests.faults.faulty_suite import GATEWAYS, PROCESSES, FaultySuite
from tests.faults.fleet import StationFleet
from tests.faults.found_outages import outages_since
from tests.faults.scale import Scale
from tests.faults.scenario import Scenario

SERVICE_RESTART = 1012
SERVICE_UNAVAILABLE = 503


@pytest.mark.in_subset
async def test_a_rolling_restart_costs_a_station_one_reconnect_per_process_it_needs_and_no_error(
    suite: FaultySuite, scale: Scale
) -> None:
    rounds = scale.pick(1, 5)
    too_often: list[str] = []
    async with Scenario("F20", "rolling restart under load", suite) as scenario:
        for _ in range(rounds):
            for process in PROCESSES:
                await scenario.fleet.progress(4)
                await scenario.fleet.until_online()
                too_often += await _replace(scenario, process)
        assert set(scenario.fleet.refusals()) <= {SERVICE_UNAVAILABLE}
        assert set(scenario.fleet.ledger.failed_attempts) <= {"ConnectionLostError"}
        assert set().union(*map(_close_codes, scenario.fleet.stations)) <= {SERVICE_RESTART}
        assert not too_often, "\n".join(too_often)


async def _replace(scenario: Scenario, process: str) -> list[str]:
    """Replace a process; return the stations that came back more often than once.

    A gateway costs those a reconnect that it held, a service all at most. Where a gateway found
    another service away, or the same one twice, the machine did not keep up and stations came
    back for that as well: then it is noted instead of judged.
    """
    began = datetime.now(UTC)
    held = await scenario.operator.items("/connections")
    moved = {one["station_id"] for one in held if one["gateway_id"].startswith(f"{process}-")}
    connections = _connections(scenario.fleet)
    await scenario.suite.terminate(process)
    await scenario.recovered()
    found = [await _outages(scenario.suite, gateway, began) for gateway in GATEWAYS]
    if any(not outages <= Counter({process: 1}) for outages in found):
        scenario.suite.note(f"{process} replaced, not judged: the machine did not keep up")
        return []
    may_cost = set(scenario.fleet.station_ids) if any(found) else moved
    return [
        f"{station_id}: {count - connections[station_id]} reconnects at the restart of {process}"
        for station_id, count in _connections(scenario.fleet).items()
        if count - connections[station_id] > (station_id in may_cost)
    ]


async def _outages(suite: FaultySuite, gateway: str, since: datetime) -> Counter[str]:
    return outages_since(await asyncio.to_thread(suite.log(gateway).read_text), since)


def _connections(fleet: StationFleet) -> dict[str, int]:
    return {station.station_id: station.link.connections_made for station in fleet.stations}


def _close_codes(station: SimulatedStation) -> set[int]:
    return set(station.link.close_codes)
