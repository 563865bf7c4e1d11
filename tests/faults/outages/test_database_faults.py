"""F15 and F16: a database that is down, fails over, refuses statements, hangs, or is slow."""

import asyncio

import pytest

from tests.faults.database_faults import (
    DEADLOCK,
    DISK_FULL,
    SERIALIZATION_FAILURE,
    slow_commits,
)
from tests.faults.faulty_suite import OWN_SERVICES
from tests.faults.scale import Scale
from tests.faults.scenario import Scenario
from tests.faults.suite_on_paths import SuiteOnPaths

_WRITTEN = (
    "registry.station_connection",
    "registry.connector",
    "session.transaction",
    "session.meter_value",
    "session.outbox",
    "command.commands",
    "integration.event_segment",
)
_REFUSED_SHARE = 0.3
_COMMIT_S = 0.2


@pytest.mark.in_subset
async def test_a_database_that_is_down_pauses_consumers_and_parks_nothing(
    suite: SuiteOnPaths, scale: Scale
) -> None:
    seconds = scale.pick(10, 60)
    async with Scenario("F15", f"database down for {seconds} s", suite) as scenario:
        await scenario.fleet.progress(8)
        async with suite.without("database"):
            await asyncio.sleep(seconds)
        await scenario.recovered()


async def test_a_database_that_fails_over_is_used_again_at_once(
    suite: SuiteOnPaths, scale: Scale
) -> None:
    async with Scenario("F15", "database crashed and started at once", suite) as scenario:
        for _ in range(scale.pick(1, 10)):
            await scenario.fleet.progress(8)
            async with suite.without("database"):
                pass
            await scenario.recovered()


async def test_sessions_that_the_server_ends_are_opened_again(
    suite: SuiteOnPaths, scale: Scale
) -> None:
    async with Scenario("F15", "every session terminated", suite) as scenario:
        for _ in range(scale.pick(3, 20)):
            await scenario.fleet.progress(8)
            ended = await suite.database_server.terminate_connections()
            suite.injected["session terminated"] += ended
            await scenario.recovered()


@pytest.mark.parametrize(
    ("name", "sqlstate"),
    [
        ("deadlock", DEADLOCK),
        ("serialization failure", SERIALIZATION_FAILURE),
        ("disk full", DISK_FULL),
    ],
)
async def test_what_says_nothing_about_the_data_is_tried_again_and_never_parked(
    suite: SuiteOnPaths, scale: Scale, name: str, sqlstate: str
) -> None:
    seconds = scale.pick(8, 60)
    title = f"{name} in {_REFUSED_SHARE:.0%} of all writes for {seconds} s"
    database = suite.database_server
    async with Scenario("F15", title, suite) as scenario:
        await scenario.fleet.progress(8)
        async with database.raising(sqlstate, *_WRITTEN, share=_REFUSED_SHARE):
            before = await database.raised()
            await asyncio.sleep(seconds)
            suite.injected[name] += await database.raised() - before
        await scenario.recovered()


async def test_a_table_that_is_locked_holds_its_path_up_and_no_other(
    suite: SuiteOnPaths, scale: Scale
) -> None:
    seconds = scale.pick(8, 60)
    async with Scenario("F15", f"meter values locked for {seconds} s", suite) as scenario:
        await scenario.fleet.progress(8)
        async with suite.database_server.locked("session.meter_value"):
            suite.note(f"session.meter_value locked for {seconds} s")
            await asyncio.sleep(seconds)
        await scenario.recovered()


async def test_with_slow_commits_batches_grow_and_memory_does_not(
    suite: SuiteOnPaths, scale: Scale
) -> None:
    seconds = scale.pick(15, 180)
    title = f"{_COMMIT_S * 1000:.0f} ms more for each commit, for {seconds} s"
    async with Scenario("F16", title, suite) as scenario:
        scenario.unaffected = scenario.fleet.station_ids
        await scenario.fleet.progress(8)
        for service in OWN_SERVICES:
            slow_commits(suite.database_paths[service], _COMMIT_S)
        suite.note(f"slow commits for {seconds} s")
        await asyncio.sleep(seconds)
        for service in OWN_SERVICES:
            suite.database_paths[service].mend()
        await scenario.recovered()
