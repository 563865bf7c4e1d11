"""N7: tables a hundred times as big, upkeep that never rests, and nobody who notices."""

import asyncio

import pytest

from tests.faults.bulk_rows import BULK, left_over, old_weeks_kept, put_in
from tests.faults.faults_inside import give_faults
from tests.faults.faulty_suite import OWN_SERVICES, FaultySuite
from tests.faults.late_events import events_in_time
from tests.faults.readiness_watch import always_ready
from tests.faults.scale import Scale
from tests.faults.scenario import Scenario
from tests.integration.waiting import eventually

_READ: tuple[tuple[str, dict[str, str | int]], ...] = (
    ("/status", {}),
    ("/stations", {"q": "bulk-99"}),
    ("/stations", {"q": "nothing is called so"}),
    ("/stations", {"online": "false", "limit": 500}),
    ("/connections", {}),
    ("/transactions", {"limit": 500}),
    ("/transactions", {"station_id": "BULK-7"}),
    ("/transactions", {"id_token": "BULK", "limit": 500}),
    ("/commands", {"limit": 500}),
    ("/commands", {"station_id": "BULK-7"}),
    ("/jobs", {"limit": 500}),
    ("/quarantine", {}),
    ("/refusals", {}),
    ("/security-events", {}),
    ("/id-tokens", {}),
    ("/audit", {}),
    ("/audit", {"actor": "bulk"}),
    ("/audit", {"target": "stations/BULK-7"}),
    ("/users/admin/sessions", {}),
)
_PURGED_WITHIN_S = 600.0


@pytest.mark.in_subset
async def test_tables_of_years_are_read_and_purged_beside_stations_that_charge(
    tmp_path_factory: pytest.TempPathFactory, scale: Scale
) -> None:
    rows = scale.pick(100_000, 1_000_000)
    # A suite of its own: what is put in is no other scenario's load.
    suite = FaultySuite(tmp_path_factory.mktemp("large"), {"CSMS_FSYNC": "off"})
    for service in OWN_SERVICES:
        give_faults(suite, service, {"FAULT_UPKEEP_EVERY_S": "2"})
    title = f"{rows:,} rows more in each table, upkeep every 2 s"
    async with suite, suite.database() as database, Scenario("N7", title, suite) as scenario:
        scenario.unaffected = scenario.fleet.station_ids
        reconnects = scenario.fleet.reconnects()
        async with always_ready(suite), events_in_time(suite), asyncio.TaskGroup() as group:
            reading = group.create_task(_read_without_end(scenario))
            async with old_weeks_kept(database):
                for bulk in BULK:
                    suite.injected["rows"] += await put_in(database, bulk, rows)
            await eventually(lambda: left_over(database), lambda left: not left, _PURGED_WITHIN_S)
            await eventually(lambda: _failing(suite), lambda failing: not failing, 60)
            await scenario.fleet.progress(8)
            reading.cancel()
        assert scenario.fleet.reconnects() == reconnects, "a station lost its socket"
        assert not scenario.commands.refused
        for service in OWN_SERVICES:
            assert "statement timeout" not in suite.log(service).read_text(), service


async def _read_without_end(scenario: Scenario) -> None:
    """Read everything over and over; nothing may be refused."""
    while True:
        for path, query in _READ:
            answer = await scenario.operator.http.get(path, params=query)
            assert answer.status_code == 200, f"{path} {query}: {answer.text}"


async def _failing(suite: FaultySuite) -> float:
    return sum([await suite.metric(service, "csms_upkeep_failing") for service in OWN_SERVICES])
