"""Charging profiles against a real PostgreSQL: stored from ended commands, bound, ended, shown."""

import itertools
import random
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

import orjson
import pytest
from session_records import Records
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.charging import (
    AskCompositeSchedule,
    CheckChargingProfile,
    ListChargingProfiles,
    ProfileStateName,
)
from csms_shared.contracts.events import CloudEvent
from csms_shared.contracts.message_types import MessageType
from csms_shared.db.engine import in_transaction
from csms_shared.runtime.clock import utc_now
from csms_shared.service.completed_commands import apply_completed
from csms_shared.service.inbox import Work
from csms_shared.values.times import format_time
from session_service.charging.handlers.profiles import settle_waiting
from session_service.charging.handlers.requests import check_profile, composite, list_profiles
from session_service.charging.store import profiles as charging_profiles
from session_service.completed_commands import COMPLETED_COMMANDS

BEGIN = utc_now() - timedelta(minutes=2)

Query = TypeVar("Query")
Answer = TypeVar("Answer")


def schedule(*limits: float, **fields: Any) -> dict[str, Any]:
    periods = [{"startPeriod": 60 * n, "limit": limit} for n, limit in enumerate(limits)]
    return {
        "chargingRateUnit": "A",
        "startSchedule": "2026-03-02T00:00:00Z",
        "chargingSchedulePeriod": periods,
    } | fields


def profile(profile_id: int, limit: float = 16.0, **fields: Any) -> dict[str, Any]:
    return {
        "chargingProfileId": profile_id,
        "stackLevel": 0,
        "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Absolute",
        "chargingSchedule": schedule(limit),
    } | fields


def ended(
    number: int,
    action: str,
    payload: dict[str, Any],
    *,
    status: str = "Accepted",
    response: dict[str, Any] | None = None,
) -> Work:
    at = format_time(BEGIN + timedelta(seconds=number))
    data = {
        "command_id": str(UUID(int=number)),
        "station_id": "S1",
        "action": action,
        "payload": payload,
        "status": "completed",
        "accepted": status == "Accepted",
        "response": response or {"status": status},
        "created_by": "admin",
        "created_at": at,
        "sent_at": at,
        "completed_at": at,
        "deadline": at,
    }
    event = CloudEvent(
        id=str(number),
        source="/csms/command-api",
        type="csms.command.completed.v1",
        subject="S1",
        time=at,
        data=data,
    )
    return Work(MessageType.EVENTS, {}, [event.model_dump()])


def sets(number: int, connector_id: int, sent: dict[str, Any], status: str = "Accepted") -> Work:
    payload = {"connectorId": connector_id, "csChargingProfiles": sent}
    return ended(number, "SetChargingProfile", payload, status=status)


class Station:
    """Ends of commands of one station, and what is known of it then."""

    def __init__(self, records: Records) -> None:
        self.records = records

    async def take(self, *works: Work) -> None:
        await in_transaction(
            self.records.engine,
            lambda c: apply_completed(c, works, COMPLETED_COMMANDS),
        )

    async def ask(
        self, handler: Callable[[AsyncConnection, Query], Awaitable[Answer]], query: Query
    ) -> Answer:
        return await in_transaction(self.records.engine, lambda c: handler(c, query))

    async def held(self, state: str | None = None) -> dict[int, tuple[int | None, int | None]]:
        query = ListChargingProfiles(
            station_id="S1", state=None if state is None else ProfileStateName(state)
        )
        page = await self.ask(list_profiles, query)
        return {item.profile_id: (item.connector_id, item.transaction_id) for item in page.items}

    async def events(self) -> set[tuple[str, int]]:
        return {
            (event["type"].split(".")[2], event["data"]["profile_id"])
            for event in await self.records.events()
            if "charging_profile" in event["type"]
        }

    async def rows(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = await self.records.rows(
            "SELECT profile_id, connector_id, transaction_id, state FROM charging_profile "
            "ORDER BY command_id"
        )
        return found


@pytest.fixture
def station(records: Records) -> Station:
    return Station(records)


async def test_an_accepted_profile_is_installed_and_a_rejected_one_is_not(station: Station) -> None:
    await station.take(
        sets(1, 1, profile(10)), sets(2, 2, profile(20), "Rejected"), sets(3, 3, profile(30))
    )
    assert await station.held() == {10: (1, None), 30: (3, None)}
    assert await station.events() == {("installed", 10), ("installed", 30)}


async def test_ends_of_commands_in_any_order_and_twice_leave_the_same_rows(
    station: Station,
) -> None:
    clear = {"connectorId": 1, "chargingProfilePurpose": "TxDefaultProfile"}
    story = [
        sets(1, 1, profile(10)),
        sets(2, 2, profile(20)),
        sets(3, 2, profile(21)),
        ended(4, "ClearChargingProfile", clear),
        sets(5, 1, profile(11)),
    ]
    seen = []
    for order in random.Random(7).sample(list(itertools.permutations(range(5))), 12):
        await station.records.execute("DELETE FROM charging_profile")
        await station.records.execute("DELETE FROM charging_clearing")
        await station.records.execute("DELETE FROM outbox")
        for index in [*order, *order[:2]]:
            await station.take(story[index])
        seen.append((await station.rows(), await station.events()))
    assert all(each == seen[0] for each in seen)
    assert [row["state"] for row in seen[0][0]] == [
        "cleared",
        "replaced",
        "installed",
        "installed",
    ]
    assert await station.held() == {21: (2, None), 11: (1, None)}


async def test_a_clearing_that_found_nothing_clears_nothing(station: Station) -> None:
    await station.take(
        sets(1, 1, profile(10)), ended(2, "ClearChargingProfile", {"id": 9}, status="Unknown")
    )
    assert await station.held() == {10: (1, None)}


async def test_a_transactions_profile_is_removed_when_it_ends(station: Station) -> None:
    records = station.records
    await records.token("T1")
    await records.decide(records.start(1))
    own = profile(10, chargingProfilePurpose="TxProfile", transactionId=1)
    await station.take(sets(1, 1, own))
    assert await station.held() == {10: (1, 1)}
    await records.report(records.stop(9))
    await in_transaction(records.engine, settle_waiting)
    assert await station.held() == {}
    assert await station.held("ended") == {10: (1, 1)}
    assert await station.events() == {("installed", 10), ("removed", 10)}


# The state of each of `number` profiles, one of a station.
_PROFILES = """
INSERT INTO charging_profile (command_id, station_id, connector_id, profile_id, purpose,
    stack_level, sent_at, state, profile)
SELECT gen_random_uuid(), 'A' || n, 1, n, :purpose, 0, now(), :state, CAST(:profile AS json)
FROM generate_series(1, :number) AS n
"""


async def _stored_profiles(records: Records, number: int, purpose: str, state: str) -> None:
    own = orjson.dumps(profile(1, chargingProfilePurpose=purpose)).decode()
    values = {"number": number, "purpose": purpose, "state": state, "profile": own}
    async with records.engine.begin() as connection:
        await connection.execute(text(_PROFILES), values)


async def test_profiles_that_wait_for_a_start_keep_no_other_station_waiting(
    station: Station,
) -> None:
    records = station.records
    await records.token("T1")
    await records.decide(records.start(1))
    own = profile(10, chargingProfilePurpose="TxProfile", transactionId=1)
    await station.take(sets(1, 1, own))
    await records.report(records.stop(9))
    # Before it by their names, and as many as are looked at in a turn.
    await _stored_profiles(records, 500, "TxProfile", "waiting")
    for _ in range(20):
        await in_transaction(records.engine, settle_waiting)
    (settled,) = await records.rows("SELECT state FROM charging_profile WHERE station_id = 'S1'")
    assert settled["state"] == "ended"


async def test_profiles_with_nothing_to_settle_are_not_read(
    station: Station, analyze: Callable[[str], Awaitable[None]]
) -> None:
    records = station.records
    await _stored_profiles(records, 100_000, "TxDefaultProfile", "installed")
    await analyze("charging_profile")
    async with records.engine.begin() as connection:
        plan = (
            await connection.execute(text(f"EXPLAIN (ANALYZE) {charging_profiles._UNSETTLED.text}"))
        ).scalars()
        lines = list(plan)
    assert not [line for line in lines if "Seq Scan on charging_profile" in line], lines
    assert not [line for line in lines if "rows=100000" in line], lines


async def test_a_remote_starts_profile_is_bound_when_its_transaction_starts(
    station: Station,
) -> None:
    records = station.records
    await records.token("T1")
    own = profile(10, chargingProfilePurpose="TxProfile", chargingProfileKind="Relative")
    payload = {"idTag": "t1", "chargingProfile": own}
    await station.take(ended(1, "RemoteStartTransaction", payload))
    assert await station.held("waiting") == {10: (None, None)}
    assert await station.events() == set()
    received_ms = int((BEGIN + timedelta(seconds=30)).timestamp() * 1000)
    await records.decide(
        records.start(1, connector_id=2, timestamp=format_time(BEGIN), received_ms=received_ms)
    )
    assert await station.held("installed") == {10: (2, 1)}
    assert await station.events() == {("installed", 10)}


async def test_the_composite_schedule_merges_what_is_installed(station: Station) -> None:
    records = station.records
    await records.token("T1")
    await records.decide(records.start(1))
    maximum = profile(1, 20.5, chargingProfilePurpose="ChargePointMaxProfile")
    own = profile(3, 8.1, chargingProfilePurpose="TxProfile", transactionId=1)
    await station.take(sets(1, 0, maximum), sets(2, 0, profile(2, 16.1)), sets(3, 1, own))
    limits = {}
    for connector_id in (0, 1, 2):
        query = AskCompositeSchedule(station_id="S1", connector_id=connector_id, duration=60)
        view = await station.ask(composite, query)
        limits[connector_id] = (
            view.transaction_id,
            [period.limit for period in view.computed.periods],
        )
        assert view.reported is None
    assert limits == {0: (None, [20.5]), 1: (1, [8.1]), 2: (None, [16.1])}


async def test_a_stations_own_schedule_is_kept_and_compared(station: Station) -> None:
    await station.take(sets(1, 1, profile(2, 16.1)))
    plan = {
        "chargingRateUnit": "A",
        "duration": 300,
        "chargingSchedulePeriod": [
            {"startPeriod": 0, "limit": 16.1},
            {"startPeriod": 60, "limit": 10.0},
            {"startPeriod": 120, "limit": 32.0},
        ],
    }
    response = {
        "status": "Accepted",
        "connectorId": 1,
        "scheduleStart": format_time(BEGIN),
        "chargingSchedule": plan,
    }
    asked = {"connectorId": 1, "duration": 300}
    older = {"status": "Accepted"}
    await station.take(
        ended(5, "GetCompositeSchedule", asked, response=response),
        ended(4, "GetCompositeSchedule", asked, response=older),
    )
    query = AskCompositeSchedule(station_id="S1", connector_id=1, duration=60)
    view = await station.ask(composite, query)
    assert view.reported is not None
    assert view.reported.response == response
    assert [
        (each.start_period, each.computed, each.reported, each.kind)
        for each in view.reported.differences
    ] == [(60, 16.1, 10.0, "lower"), (120, 16.1, 32.0, "higher")]


@pytest.mark.parametrize(
    "schedule",
    [
        {},
        {"chargingRateUnit": "A"},
        {"chargingRateUnit": "X", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 6}]},
        {"chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": "0"}, None]},
        [],
    ],
)
async def test_a_schedule_in_bad_form_is_kept_and_compared_as_far_as_it_goes(
    station: Station, schedule: dict[str, Any] | list[Any]
) -> None:
    response = {"status": "Accepted", "chargingSchedule": schedule}
    asked = {"connectorId": 1, "duration": 300}
    await station.take(ended(1, "GetCompositeSchedule", asked, response=response))
    query = AskCompositeSchedule(station_id="S1", connector_id=1, duration=60)
    view = await station.ask(composite, query)
    assert view.reported is not None
    assert view.reported.differences == []


async def test_a_transactions_profile_needs_a_running_transaction(station: Station) -> None:
    records = station.records
    await records.token("T1")
    await records.decide(records.start(1))
    own = profile(10, chargingProfilePurpose="TxProfile", transactionId=1)

    async def fields(connector_id: int, sent: dict[str, Any], most: int | None = None) -> list[str]:
        payload = {"connectorId": connector_id, "csChargingProfiles": sent}
        query = CheckChargingProfile(station_id="S1", payload=payload, max_installed=most)
        return [problem.field for problem in await station.ask(check_profile, query)]

    assert await fields(1, own) == []
    assert await fields(2, own) == ["/connectorId"]
    assert await fields(1, own | {"transactionId": 7}) == ["/csChargingProfiles/transactionId"]


async def test_no_more_profiles_than_a_station_takes(station: Station) -> None:
    await station.take(sets(1, 1, profile(1)), sets(2, 2, profile(2)))

    async def fields(connector_id: int, sent: dict[str, Any]) -> list[str]:
        payload = {"connectorId": connector_id, "csChargingProfiles": sent}
        query = CheckChargingProfile(station_id="S1", payload=payload, max_installed=2)
        return [problem.field for problem in await station.ask(check_profile, query)]

    assert await fields(3, profile(3)) == ["/csChargingProfiles"]
    assert await fields(2, profile(3)) == []
    assert await fields(3, profile(1)) == []
