"""The overview: one answer of all services, and what is left of it while some are away."""

import asyncio
import secrets
from collections.abc import Iterator
from typing import Any

import asyncpg
import httpx
import pytest
from command_api_fakes import Answer, Proxy, Stations, eventually, is_problem
from fake_service import FakeService
from sqlalchemy.ext.asyncio import create_async_engine
from tenants_of_api import Tenants, key_of

from command_api.commands.store.failures import FAILED
from csms_shared.contracts.command_ids import new_command_id
from csms_shared.contracts.requests import SCOPED
from csms_shared.db.index_plans import plan_by_indexes
from csms_shared.runtime.clock import now_ms

from .test_outages import instance, target, through

pytestmark = pytest.mark.asyncio(loop_scope="package")

AT = "2026-11-24T03:00:00.000Z"
PARTS = ("stations", "connectors", "sessions", "energy_by_hour", "bills")
DEADLINE_S = 6.0


def _attention(text: str, count: int = 1) -> Answer:
    return {"count": count, "since": AT, "examples": [{"id": "X", "at": AT, "text": text}]}


STATIONS: Answer = {
    "stations": {"total": 4, "online": 3, "offline": 1},
    "connectors": {"charging": 2},
    "attention": {"refusals": _attention("unknown_station")},
}
SESSIONS: Answer = {
    "sessions": {
        "active": 2,
        "power_w": 11_000.0,
        "energy_active_wh": 500,
        "energy_today_wh": 700,
        "started_today": 3,
    },
    "energy_by_hour": [],
    "attention": {"quarantine": _attention("S1: stop", 2)},
}

BILLS: Answer = {"bills": {"held": 3}}


@pytest.fixture
def asked(stations: Stations) -> Iterator[Stations]:
    """Have all services answer; afterwards they know nothing of it again."""
    services = (
        stations.registry,
        stations.sessions,
        stations.store.service,
        stations.billing.service,
    )
    before = [dict(service.operations) for service in services]
    for name in ("overview.stations", SCOPED + "overview.stations"):
        stations.registry.operations[name] = lambda _: STATIONS
    for name in ("overview.sessions", SCOPED + "overview.sessions"):
        stations.sessions.operations[name] = lambda _: SESSIONS
    for name in ("overview.bills", SCOPED + "overview.bills"):
        stations.billing.service.operations[name] = lambda _: BILLS
    for service in services:
        service.operations["parked.count"] = lambda _: {"waiting": None}
    stations.store.service.operations["events.list_system"] = lambda _: {"items": []}
    yield stations
    for service, operations in zip(services, before, strict=True):
        service.operations.clear()
        service.operations.update(operations)


@pytest.fixture
def tenants(stations: Stations) -> Tenants:
    known = Tenants()
    known.answer_in(stations.registry)
    return known


async def _failed(database: asyncpg.Pool, tenant_id: str, station_id: str, ago: str) -> str:
    command_id = new_command_id(now_ms())
    await database.execute(
        "INSERT INTO commands (command_id, station_id, action, ocpp_version, payload, status, "
        "created_by, created_at, deadline, held, attempts, completed_at, tenant_id) VALUES "
        "($1, $2, 'Reset', 'ocpp1.6', '{}', 'outcome_unknown', 'a', now(), now(), false, 1, "
        "now() - CAST($3::text AS interval), $4)",
        command_id,
        station_id,
        ago,
        tenant_id,
    )
    return str(command_id)


def _kinds(overview: Answer) -> list[str]:
    return [item["kind"] for item in overview["attention"]]


async def test_all_services_answer_as_one_the_most_urgent_first(
    admin: httpx.AsyncClient,
    nobody: httpx.AsyncClient,
    asked: Stations,
    tenants: Tenants,
    database: asyncpg.Pool,
) -> None:
    tenant_id = tenants.new()
    key = await key_of(admin, tenant_id, "viewer")
    newest = await _failed(database, tenant_id, "S1", "1 hour")
    await _failed(database, tenant_id, "S2", "30 hours")
    await _failed(database, "default", "S3", "1 hour")
    answer = await nobody.get("/api/v1/overview", headers=key)
    overview = answer.json()
    assert answer.status_code == 200, answer.text
    assert overview["position"] == len(asked.store.events)
    assert (overview["stations"]["total"], overview["connectors"]["charging"]) == (4, 2)
    assert overview["sessions"]["energy_today_wh"] == 700
    assert overview["sessions"]["today_from"].endswith("T00:00:00.000Z")
    assert [hour["energy_wh"] for hour in overview["energy_by_hour"]] == [0] * 24 + [500]
    assert overview["bills"] == {"held": 3, "held_is_bound": False}
    assert _kinds(overview) == ["refusals", "quarantine", "commands_failed"]
    refusals, _, commands = overview["attention"]
    assert refusals["examples"][0]["text"] == "No station of this id has been created"
    assert (commands["count"], commands["count_is_bound"]) == (1, False)
    (example,) = commands["examples"]
    assert (example["id"], example["text"]) == (newest, "S1: Reset, outcome_unknown")
    assert overview["away"] == []


async def test_a_day_is_that_of_the_tenants_time_zone(
    admin: httpx.AsyncClient, nobody: httpx.AsyncClient, asked: Stations, tenants: Tenants
) -> None:
    known = asked.registry.operations["tenants.get"]
    asked.registry.operations["tenants.get"] = lambda parameters: {
        **known(parameters),
        "time_zone": "Asia/Kathmandu",
    }
    key = await key_of(admin, tenants.new())
    overview = (await nobody.get("/api/v1/overview", headers=key)).json()
    today_from = overview["sessions"]["today_from"]
    assert today_from.endswith("T18:15:00.000Z")
    assert asked.sessions.asked("overview.sessions")[-1]["today_from"] == today_from


async def test_what_belongs_to_the_deployment_is_told_to_its_own_people_alone(
    admin: httpx.AsyncClient, nobody: httpx.AsyncClient, asked: Stations, tenants: Tenants
) -> None:
    waiting = {"waiting": _attention("q: why", 3)}
    asked.sessions.operations["parked.count"] = lambda _: waiting
    asked.registry.operations["parked.count"] = lambda _: waiting
    event = {
        "position": 7,
        "time": AT,
        "type": "csms.system.x.v1",
        "level": "error",
        "service": "session-service",
        "instance": "i",
        "message": "It failed.",
        "data": {},
    }
    asked.store.service.operations["events.list_system"] = lambda _: {"items": [event]}

    async def shown() -> Answer:
        found: Answer = (await admin.get("/overview")).json()
        return found

    overview = await eventually(shown, lambda found: "system" in _kinds(found))
    by_kind = {item["kind"]: item for item in overview["attention"]}
    assert by_kind["parked"]["count"] == 6
    assert {one["id"] for one in by_kind["parked"]["examples"]} == {
        "station-registry:X",
        "session-service:X",
    }
    assert by_kind["system"]["examples"] == [{"id": "7", "at": AT, "text": "It failed."}]
    assert asked.store.service.asked("events.list_system")[-1]["level"] == "error"
    other = tenants.new()
    for headers in (await key_of(admin, other), {"X-Tenant": other, **dict(admin.headers)}):
        found = (await nobody.get("/api/v1/overview", headers=headers)).json()
        assert not {"parked", "system"} & set(_kinds(found))


async def test_who_is_limited_is_told_of_the_stations_there_and_of_nothing_else(
    admin: httpx.AsyncClient,
    nobody: httpx.AsyncClient,
    asked: Stations,
    tenants: Tenants,
    database: asyncpg.Pool,
) -> None:
    tenant_id = tenants.new()
    scope = {"site_ids": [secrets.token_hex(4)], "tags": []}
    key = await key_of(admin, tenant_id, "viewer", scope=scope)
    inside, outside = secrets.token_hex(4), secrets.token_hex(4)
    asked.inside |= {inside}
    for station_id in (inside, outside):
        await _failed(database, tenant_id, station_id, "1 hour")
    before = len(asked.store.service.requests)
    overview = (await nobody.get("/api/v1/overview", headers=key)).json()
    assert overview["away"] == []
    commands = overview["attention"][-1]
    assert [one["text"] for one in commands["examples"]] == [f"{inside}: Reset, outcome_unknown"]
    for service in (asked.registry, asked.sessions, asked.billing.service):
        scopes = {
            (name, None if found is None else found.site_ids)
            for (name, _), found in zip(service.requests, service.scopes, strict=True)
            if name.startswith(SCOPED + "overview.")
        }
        assert (scopes.pop()[1], scopes) == (tuple(scope["site_ids"]), set())
    # How far the store is, and nothing more.
    assert {name for name, _ in asked.store.service.requests[before:]} == {"events.head"}


@pytest.mark.parametrize(
    "away", ["station-registry", "session-service", "integration-service", "billing-service"]
)
async def test_a_service_that_is_away_costs_its_part_and_is_named(
    admin: httpx.AsyncClient,
    nobody: httpx.AsyncClient,
    asked: Stations,
    tenants: Tenants,
    away: str,
) -> None:
    services: dict[str, FakeService] = {
        "station-registry": asked.registry,
        "session-service": asked.sessions,
        "integration-service": asked.store.service,
        "billing-service": asked.billing.service,
    }
    key = await key_of(admin, tenants.new())
    services[away].silent = True
    try:
        async with asyncio.timeout(DEADLINE_S):
            answer = await nobody.get("/api/v1/overview", headers=key, timeout=60)
    finally:
        services[away].silent = False
    overview = answer.json()
    assert (answer.status_code, overview["away"]) == (200, [away])
    lost = {
        "station-registry": ("stations", "connectors"),
        "session-service": ("sessions", "energy_by_hour"),
        "integration-service": ("position",),
        "billing-service": ("bills",),
    }[away]
    assert {part for part in ("position", *PARTS) if overview[part] is None} == set(lost)


@pytest.mark.parametrize("result", [{"stations": 1}, [], None, "text"])
async def test_an_answer_of_another_contract_is_no_answer(
    admin: httpx.AsyncClient,
    nobody: httpx.AsyncClient,
    asked: Stations,
    tenants: Tenants,
    result: Any,
) -> None:
    key = await key_of(admin, tenants.new())
    asked.registry.operations["overview.stations"] = lambda _: result
    overview = (await nobody.get("/api/v1/overview", headers=key)).json()
    assert (overview["stations"], overview["away"]) == (None, ["station-registry"])
    assert overview["sessions"]["active"] == 2


async def test_many_who_ask_at_once_cost_one_question_to_each_service(
    admin: httpx.AsyncClient, nobody: httpx.AsyncClient, asked: Stations, tenants: Tenants
) -> None:
    key = await key_of(admin, tenants.new())
    before = len(asked.registry.asked("overview.stations"))
    answers = await asyncio.gather(
        *(nobody.get("/api/v1/overview", headers=key, timeout=60) for _ in range(50))
    )
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    assert len(asked.registry.asked("overview.stations")) == before + 1


async def test_without_its_own_database_the_others_are_told_as_long_as_it_knows_who_asks(
    admin: httpx.AsyncClient, asked: Stations, broker_url: str, service_url: str
) -> None:
    async with (
        Proxy(*target(service_url)) as proxy,
        instance(broker_url, through(service_url, proxy), admin) as (client, _),
    ):
        assert (await client.get("/overview")).json()["away"] == []
        proxy.cut()

        async def without() -> httpx.Response:
            async with asyncio.timeout(DEADLINE_S):
                return await client.get("/overview")

        answer = await eventually(
            without, lambda found: found.status_code != 200 or found.json()["away"] != []
        )
        if answer.status_code == 200:
            assert answer.json()["away"] == ["command-api"]
            assert answer.json()["stations"]["total"] == 4
        answer = await eventually(without, lambda found: found.status_code != 200)
        is_problem(answer, 503, "database_unavailable")


async def test_failures_are_found_by_an_index_on_when_they_ended(service_url: str) -> None:
    engine = create_async_engine(service_url.replace("postgresql:", "postgresql+asyncpg:"))
    async with engine.begin() as connection:
        await connection.exec_driver_sql("SET LOCAL search_path = command")
        await plan_by_indexes(connection)
        explained = f"EXPLAIN {FAILED.text}".replace(":tenant_id", "'default'")
        plan = "\n".join(row[0] for row in await connection.exec_driver_sql(explained))
    await engine.dispose()
    assert " commands_failed " in plan, plan
    assert "completed_at >= (now() - '24:00:00'::interval)" in plan, plan
    assert "Seq Scan" not in plan, plan
