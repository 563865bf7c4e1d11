"""F31: billing dies, stands still or is away, alone and side by side, while sessions go on."""

import asyncio
from dataclasses import replace

import pytest

from tests.faults.faulty_suite import FaultySuite
from tests.faults.fleet import STEADY
from tests.faults.reservation_load import SETTINGS, ReservationLoad
from tests.faults.scale import Scale
from tests.faults.scenario import Scenario
from tests.faults.suite_on_paths import SuiteOnPaths
from tests.integration.replicas import another
from tests.integration.waiting import eventually

BILLING = "billing-service"
_RESERVED_AT_LEAST = 20
# Long enough without a car at the connector that one can be kept for the next.
_LEISURELY = replace(STEADY, pause=4.0)
_HOW_THEY_ENDED = "SELECT DISTINCT status FROM session.reservation WHERE station_id = ANY($1)"


@pytest.mark.in_subset
async def test_a_killed_billing_bills_every_session_once(suite: FaultySuite, scale: Scale) -> None:
    async with Scenario("F31", "billing killed under load", suite) as scenario:
        scenario.unaffected = scenario.fleet.station_ids
        for _ in range(scale.pick(3, 20)):
            await scenario.fleet.progress(8)
            await suite.kill(BILLING)
            await scenario.recovered()


async def test_a_killed_source_of_facts_costs_no_bill(suite: FaultySuite, scale: Scale) -> None:
    async with Scenario("F31", "those that billing asks killed under load", suite) as scenario:
        for number in range(scale.pick(4, 20)):
            await scenario.fleet.progress(8)
            await suite.kill(("session-service", "station-registry")[number % 2])
            await scenario.recovered()


@pytest.mark.in_subset
async def test_what_is_reserved_is_paid_once_by_whoever_came_or_did_not(
    suite: FaultySuite, scale: Scale
) -> None:
    async with (
        Scenario(
            "F31", "killed while connectors are reserved", suite, settings=SETTINGS, load=_LEISURELY
        ) as scenario,
        ReservationLoad(scenario.operator, scenario.fleet) as reservations,
    ):
        for number in range(scale.pick(4, 20)):
            await scenario.fleet.progress(8)
            await suite.kill((BILLING, "session-service")[number % 2])
            await scenario.recovered()
        # REST did not take all while services were away.
        await eventually(reservations.count, lambda made: made >= _RESERVED_AT_LEAST, 60)
    async with suite.database() as database:
        ends = await database.fetch(_HOW_THEY_ENDED, scenario.fleet.station_ids)
    assert {one["status"] for one in ends} >= {"used", "expired", "cancelled"}


# Longer than a session that was taken up stays another's.
async def test_billing_that_stood_still_bills_nothing_again(
    suite: FaultySuite, scale: Scale
) -> None:
    run = suite.state()
    async with (
        another(BILLING, suite.home, run) as second,
        Scenario("F31", "one of two that bill stood still", suite) as scenario,
    ):
        scenario.unaffected = scenario.fleet.station_ids
        for number in range(scale.pick(2, 8)):
            await scenario.fleet.progress(8)
            pid = (suite.pid(BILLING), second.pid)[number % 2]
            async with suite.one_of_two_stopped(BILLING, pid):
                await asyncio.sleep(scale.pick(45, 90))
            await scenario.recovered()


async def test_sessions_do_not_notice_that_billing_is_away(
    suite: SuiteOnPaths, scale: Scale
) -> None:
    async with Scenario("F31", "billing away for 60 s", suite) as scenario:
        scenario.unaffected = scenario.fleet.station_ids
        reconnects = scenario.fleet.reconnects()
        async with suite.without(BILLING):
            await asyncio.sleep(scale.pick(60, 300))
        await scenario.recovered()
        assert scenario.fleet.reconnects() == reconnects, "a station lost its socket"
        assert not scenario.fleet.ledger.failed_attempts
        assert not scenario.commands.refused
