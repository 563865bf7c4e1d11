"""The suite itself: who answers, what waits, how large the database is."""

import asyncio
from collections.abc import Iterator
from functools import partial

import asyncpg
import httpx
import pytest
from command_api_fakes import Answer, Proxy, Stations, eventually, is_problem
from tenants_of_api import Tenants, key_of

from command_api.database import SCHEMA
from command_api.system.store import BACKUPS_KEPT, BACKUPS_SHOWN, purge_backups
from csms_shared.broker.topology import all_queues
from csms_shared.db.engine import create_engine, in_transaction

from .test_outages import instance, target, through

pytestmark = pytest.mark.asyncio(loop_scope="package")

AT = "2026-11-24T03:00:00.000Z"
GATEWAY: Answer = {
    "gateway_id": "gw-1.abc",
    "name": "gw-1",
    "connections": 3,
    "version": "1.0",
    "started_at": AT,
    "lease_expires_at": AT,
}
FLEET: Answer = {
    "stations": 4,
    "stations_online": 3,
    "gateways": [GATEWAY],
    "warnings": {"certificate_authority": "it has no key"},
}


def _about(instance: str, **more: object) -> Answer:
    told = {"instance": instance, "version": "1.0", "since": AT, "warnings": {}}
    return {**told, "paused": [], "upkeep": [], **more}


def _answer(told: Answer, _: Answer) -> Answer:
    return told


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
    stations.registry.operations["fleet.status"] = lambda _: FLEET
    names = ("registry-a", "sessions-a", "store-a", "bills-a")
    for service, name in zip(services, names, strict=True):
        service.operations["service.about"] = partial(_answer, _about(name))
    yield stations
    for service, operations in zip(services, before, strict=True):
        service.operations.clear()
        service.operations.update(operations)


async def _until(client: httpx.AsyncClient, **states: str | None) -> Answer:
    """Return what is shown once these services are so; an answer may be two seconds old."""

    async def shown() -> Answer:
        answer = await client.get("/system", timeout=60)
        assert answer.status_code == 200, answer.text
        found: Answer = answer.json()
        return found

    def holds(found: Answer) -> bool:
        known = {one["name"].replace("-", "_"): one["state"] for one in found["services"]}
        return states.items() <= known.items()

    return await eventually(shown, holds)


async def test_the_suite_tells_of_its_instances_queues_and_database(
    admin: httpx.AsyncClient, asked: Stations
) -> None:
    turn = {"task": "purge_outbox", "began_at": AT}
    asked.sessions.operations["service.about"] = lambda _: _about(
        "sessions-a",
        warnings={"outbox": "waits"},
        paused=["session-service.reports.v1"],
        upkeep=[turn],
    )
    up = {
        "ws_gateway": "up",
        "station_registry": "up",
        "session_service": "up",
        "integration_service": "up",
        "billing_service": "up",
        "command_api": "up",
    }
    found = await _until(admin, **up)
    services = {one["name"]: one for one in found["services"]}
    assert services["ws-gateway"]["instances"] == [
        {"instance": "gw-1.abc", "version": "1.0", "since": AT}
    ]
    assert [one["instance"] for one in services["session-service"]["instances"]] == ["sessions-a"]
    assert services["session-service"]["replicas"] == 1
    (own,) = services["command-api"]["instances"]
    assert own["version"] == found["version"]
    assert found["gateways"][0]["connections"] == 3
    assert found["broker"]["state"] == "up"
    assert found["broker"]["version"][0].isdigit()
    queues = {queue["name"]: queue for queue in found["broker"]["queues"]}
    # Of services that are played here, not all queues have been declared.
    assert queues.keys() <= {queue.name for queue in all_queues()}
    assert queues["command-api.orders.v1"]["consumers"] >= 1
    assert queues["command-api.orders.v1"]["unacknowledged"] is None
    database = found["database"]
    sizes = {schema["name"]: schema["size_bytes"] for schema in database["schemas"]}
    assert 0 < sizes["command"] < database["size_bytes"]
    assert database["version"][0].isdigit()
    warned = {(one["service"], one["instance"], one["name"]) for one in found["warnings"]}
    assert ("station-registry", None, "certificate_authority") in warned
    assert ("session-service", "sessions-a", "outbox") in warned
    paused = {"instance": "sessions-a", "queue": "session-service.reports.v1"}
    assert found["paused"] == [{"service": "session-service", **paused}]
    assert {"service": "session-service", **turn} in found["upkeep"]


async def _shown_backups(client: httpx.AsyncClient, newest: str | None) -> list[Answer]:
    """Return the backups once the newest is this one, None for none at all."""

    async def shown() -> list[Answer]:
        answer = await client.get("/system", timeout=60)
        assert answer.status_code == 200, answer.text
        found: list[Answer] = answer.json()["backups"]
        return found

    return await eventually(shown, lambda found: (found[0]["place"] if found else None) == newest)


async def test_the_last_backups_are_shown_and_the_newest_are_kept(
    admin: httpx.AsyncClient, asked: Stations, database: asyncpg.Pool, service_url: str
) -> None:
    assert await _shown_backups(admin, None) == []
    noted = BACKUPS_KEPT + 3
    await database.execute(
        "SELECT note_backup(at - interval '90 s', at, 1000 + n, n || '.dump', '1.0') "
        "FROM generate_series(1, $1) n, LATERAL (VALUES (timestamptz '2026-11-24T00:00:00Z' "
        "+ n * interval '1 minute')) AS ended (at)",
        noted,
    )
    found = await _shown_backups(admin, f"{noted}.dump")
    assert [one["place"] for one in found] == [f"{noted - n}.dump" for n in range(BACKUPS_SHOWN)]
    assert found[0] == {
        "began_at": "2026-11-24T01:41:30.000Z",
        "ended_at": "2026-11-24T01:43:00.000Z",
        "size_bytes": 1000 + noted,
        "place": f"{noted}.dump",
    }
    engine = create_engine(service_url, SCHEMA, name="test", pool_size=1)
    assert await in_transaction(engine, purge_backups) is True
    assert await in_transaction(engine, purge_backups) is False
    await engine.dispose()
    kept = "SELECT array_agg(place ORDER BY ended_at) FROM backup"
    assert await database.fetchval(kept) == [f"{n}.dump" for n in range(4, noted + 1)]
    await database.execute("DELETE FROM backup")


async def test_what_does_not_answer_is_down_and_what_nobody_knows_is_null(
    admin: httpx.AsyncClient, asked: Stations
) -> None:
    asked.registry.silent = True
    try:
        async with asyncio.timeout(60):
            found = await _until(admin, station_registry="down", session_service="up")
    finally:
        asked.registry.silent = False
    services = {one["name"]: one for one in found["services"]}
    assert services["station-registry"]["instances"] is None
    # It is the registry that knows of gateways.
    assert (services["ws-gateway"]["state"], found["gateways"]) == (None, None)
    await _until(admin, station_registry="up")


async def test_without_a_broker_and_without_a_database_it_answers_all_the_same(
    admin: httpx.AsyncClient, asked: Stations, broker_url: str, service_url: str
) -> None:
    async with (
        Proxy(*target(broker_url)) as broker,
        Proxy(*target(service_url)) as database,
        instance(through(broker_url, broker), through(service_url, database), admin) as (client, _),
    ):
        await _until(client, session_service="up", command_api="up")
        broker.cut()
        found = await _until(client, session_service="down", command_api="up")
        assert (found["broker"]["state"], found["broker"]["queues"]) == ("down", None)
        assert found["broker"]["version"] is None
        assert found["database"]["state"] == "up"
        # An answer from memory, of who asks too, while the database goes away.
        database.cut()

        async def shown() -> httpx.Response:
            return await client.get("/system", timeout=60)

        answer = await eventually(
            shown,
            lambda one: one.status_code != 200 or one.json()["database"]["state"] == "down",
        )
        if answer.status_code == 200:
            assert answer.json()["database"]["schemas"] is None
            assert answer.json()["backups"] is None
        else:
            is_problem(answer, 503, "database_unavailable")
        broker.mend()
        database.mend()


async def test_only_the_deployments_own_people_see_it(
    admin: httpx.AsyncClient, nobody: httpx.AsyncClient, stations: Stations
) -> None:
    tenants = Tenants()
    tenants.answer_in(stations.registry)
    key = await key_of(admin, tenants.new())
    is_problem(await nobody.get("/api/v1/system", headers=key), 403, "forbidden")
    is_problem(await nobody.get("/api/v1/system"), 401, "unauthenticated")
