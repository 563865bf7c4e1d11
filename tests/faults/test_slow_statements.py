"""N3: one request that takes long, or one statement that does, and nobody else who waits."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Coroutine, Sequence
from typing import Any

import pytest

from csms_shared.broker.topology import STATION_REGISTRY
from csms_shared.contracts.stations import ListStations
from csms_shared.service.owning_service import UPKEEP_CONNECTIONS
from csms_shared.service.requests_inbox import AT_ONCE
from csms_simulator.station import SimulatedStation
from tests.faults.command_invariants import ANSWER_TIMEOUT_S, GRACE_S
from tests.faults.faults_inside import faults_inside
from tests.faults.faulty_suite import OWN_SERVICES, FaultySuite
from tests.faults.fleet import FIRMWARE
from tests.faults.held_answers import HeldAnswers
from tests.faults.late_events import events_in_time
from tests.faults.readiness_watch import always_ready
from tests.faults.scale import Scale
from tests.faults.scenario import Scenario
from tests.faults.suite_on_paths import SuiteOnPaths
from tests.integration.waiting import eventually

_SLEEPING = (
    "SELECT count(*) FROM pg_stat_activity WHERE state <> 'idle' "
    "AND application_name LIKE $1 || ' %' AND query LIKE '%pg_sleep%'"
)
_BEGUN_WITHIN_S = 60.0
# Its sweep looks once a second; what is beyond that here is for a busy machine.
_ENDED_WITHIN_S = ANSWER_TIMEOUT_S + GRACE_S + 15


@pytest.mark.in_subset
async def test_requests_that_take_long_are_waited_for_by_nobody_else(
    suite: SuiteOnPaths, scale: Scale
) -> None:
    seconds = scale.pick(10.0, 15.0)
    slow = {"FAULT_SLOW_REQUEST": ListStations.__name__, "FAULT_SLOW_REQUEST_S": str(seconds)}
    async with (
        faults_inside(suite, {STATION_REGISTRY: slow}),
        Scenario("N3", f"requests that take {seconds:g} s", suite) as scenario,
    ):
        scenario.unaffected = scenario.fleet.station_ids
        reconnects = scenario.fleet.reconnects()
        async with always_ready(suite), events_in_time(suite):
            for _ in range(scale.pick(1, 20)):
                async with _one_slow_request(scenario):
                    for station_id in scenario.fleet.station_ids:
                        await scenario.operator.get(f"/stations/{station_id}")
                    await _new_station_obeys(scenario)
                async with _slow_requests(scenario, 2 * AT_ONCE):
                    # No room is left for any other request; owners are looked up all the same.
                    await _new_station_obeys(scenario)
                    await scenario.fleet.progress(8)
        assert scenario.fleet.reconnects() == reconnects, "a station lost its socket"
        assert not scenario.commands.refused


@contextlib.asynccontextmanager
async def _one_slow_request(scenario: Scenario) -> AsyncIterator[None]:
    """Keep one under way; those that came before have to be over."""

    async def ask() -> None:
        while True:
            await _until_sleeping(scenario.suite, STATION_REGISTRY, 0)
            await _list_stations(scenario)

    async with _while_asking(scenario, [ask()], 1):
        yield


@contextlib.asynccontextmanager
async def _slow_requests(scenario: Scenario, many: int) -> AsyncIterator[None]:
    """Keep so many waiting for their answers, as many of them under way as there is room for."""

    async def ask() -> None:
        while True:
            await _list_stations(scenario)

    async with _while_asking(scenario, [ask() for _ in range(many)], AT_ONCE):
        yield


@contextlib.asynccontextmanager
async def _while_asking(
    scenario: Scenario, asking: Sequence[Coroutine[Any, Any, None]], under_way: int
) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one) for one in asking]
        await _until_sleeping(scenario.suite, STATION_REGISTRY, under_way)
        yield
        for task in tasks:
            task.cancel()


async def _list_stations(scenario: Scenario) -> None:
    scenario.suite.note("slow request")
    answer = await scenario.operator.http.get("/stations")
    # Whoever asks REST is not let wait for so long.
    assert answer.status_code == 503, answer.text


async def _new_station_obeys(scenario: Scenario) -> None:
    """Connect a station whose owner nobody has looked up yet, and send it a command."""
    async with SimulatedStation(
        f"NEW-{secrets.token_hex(4)}",
        scenario.suite.state().ocpp_url,
        scenario.fleet.ledger,
        FIRMWARE,
    ) as station:
        await station.wait_accepted(60)
        command = await scenario.operator.command(station.station_id, "ClearCache", {})
        assert command["status"] == "completed", command


async def _until_sleeping(suite: FaultySuite, service: str, wanted: int) -> None:
    async with suite.database() as database:

        async def sleeping() -> int:
            return int(await database.fetchval(_SLEEPING, service))

        await eventually(sleeping, lambda count: count == wanted, _BEGUN_WITHIN_S)


async def test_statements_of_upkeep_that_take_long_are_waited_for_by_nobody_else(
    suite: SuiteOnPaths, scale: Scale
) -> None:
    seconds = scale.pick(20.0, 60.0)
    slow = {"FAULT_SLOW_UPKEEP_S": str(seconds)}
    async with (
        faults_inside(suite, dict.fromkeys(OWN_SERVICES, slow)),
        Scenario("N3", f"upkeep whose statements take {seconds:g} s", suite) as scenario,
    ):
        scenario.unaffected = scenario.fleet.station_ids
        reconnects = scenario.fleet.reconnects()
        silent = scenario.fleet.stations[-2:]
        answers = HeldAnswers("DataTransfer", silent)
        async with always_ready(suite), events_in_time(suite):
            for service in OWN_SERVICES:
                await _until_sleeping(suite, service, UPKEEP_CONNECTIONS)
                suite.injected["slow statement"] += UPKEEP_CONNECTIONS
            for _ in range(scale.pick(1, 5)):
                sent = [
                    await scenario.commands.send(one, "DataTransfer", {"vendorId": "V"}, wait=0)
                    for one in silent
                ]
                await scenario.fleet.progress(scale.pick(20, 100), within=300)
                await _ended_in_time(suite, [one["command_id"] for one in sent if one])
        answers.release()
        assert scenario.fleet.reconnects() == reconnects, "a station lost its socket"


async def _ended_in_time(suite: FaultySuite, command_ids: list[str]) -> None:
    """Check that commands that nobody answers end when they have to, whatever else is kept up."""
    assert command_ids
    async with suite.database() as database:

        async def lasted() -> list[float | None]:
            rows = await database.fetch(
                "SELECT extract(epoch FROM completed_at - coalesce(sent_at, deadline)) AS seconds "
                "FROM command.commands WHERE command_id = ANY($1::uuid[])",
                command_ids,
            )
            return [row["seconds"] for row in rows]

        found = await eventually(lasted, lambda found: None not in found, 3 * _ENDED_WITHIN_S)
    assert all(seconds < _ENDED_WITHIN_S for seconds in found if seconds is not None), found
