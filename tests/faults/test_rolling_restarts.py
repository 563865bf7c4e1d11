"""F20: every service is replaced under load, and stations see a reconnect at most."""

import pytest

from tests.faults.faulty_suite import PROCESSES, FaultySuite
from tests.faults.scale import Scale
from tests.faults.scenario import Scenario

SERVICE_RESTART = 1012
SERVICE_UNAVAILABLE = 503


@pytest.mark.in_subset
async def test_a_rolling_restart_costs_each_station_a_reconnect_per_process_and_no_error(
    suite: FaultySuite, scale: Scale
) -> None:
    rounds = scale.pick(1, 5)
    async with Scenario("F20", "rolling restart under load", suite) as scenario:
        fleet = scenario.fleet
        for _ in range(rounds):
            for process in PROCESSES:
                await fleet.progress(4)
                await suite.terminate(process)
                await scenario.recovered()
        assert set(fleet.refusals()) <= {SERVICE_UNAVAILABLE}
        assert set(fleet.ledger.failed_attempts) <= {"ConnectionLostError"}
        for station in fleet.stations:
            assert set(station.link.close_codes) <= {SERVICE_RESTART}
        # On average: who comes back while a slow machine still ends the same process goes again.
        assert fleet.reconnects() <= rounds * len(PROCESSES) * len(fleet.stations)
