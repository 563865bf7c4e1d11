"""For whom somebody asks: their own tenant, or any for a platform administrator."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import httpx
import orjson
import pytest
from command_api_fakes import Stations, eventually, is_problem, no_such_station
from commands_over_rest import becomes, send
from orders_of_services import order, place
from tenants_of_api import Tenants, key_of

from csms_shared.runtime.clock import now_ms
from csms_shared.values.times import format_time_ms

pytestmark = pytest.mark.asyncio(loop_scope="package")

_PASSWORD = "a good password"
Headers = dict[str, str]


@pytest.fixture
def tenants(stations: Stations) -> Tenants:
    known = Tenants()
    known.answer_in(stations.registry)
    return known


async def test_a_platform_administrator_acts_for_default_or_for_whom_they_name(
    admin: httpx.AsyncClient, nobody: httpx.AsyncClient, stations: Stations, tenants: Tenants
) -> None:
    tenant_id = tenants.new()
    key = await key_of(admin, "default", platform=True)
    for headers, acts_for in (
        ({}, "default"),
        ({"X-Tenant": "default"}, "default"),
        ({"X-Tenant": tenant_id}, tenant_id),
    ):
        await nobody.get("/api/v1/sites", headers=key | headers)
        assert stations.registry.requests[-1][0] == "sites.list"
        assert stations.registry.tenants[-1] == acts_for
    for unknown in ("no-such", "No Such", "x" * 41, "a--b", ""):
        answer = await nobody.get("/api/v1/sites", headers=key | {"X-Tenant": unknown})
        is_problem(answer, 404, "unknown_tenant")


async def test_nobody_else_acts_for_another_tenant_and_learns_whether_there_is_one(
    admin: httpx.AsyncClient, nobody: httpx.AsyncClient, stations: Stations, tenants: Tenants
) -> None:
    north, south = tenants.new(), tenants.new()
    keys = [
        await key_of(admin, south),
        await key_of(admin, "default"),
        await key_of(admin, "default", "operator"),
    ]
    before = len(stations.registry.requests)
    for key in keys:
        answers = [
            is_problem(
                await nobody.get("/api/v1/sites", headers=key | {"X-Tenant": named}),
                404,
                "unknown_tenant",
            )
            for named in (north, "no-such")
        ]
        assert orjson.dumps(answers[0]) == orjson.dumps(answers[1]).replace(
            b"no-such", north.encode()
        )
    asked = [name for name, _ in stations.registry.requests[before:]]
    assert "sites.list" not in asked
    answer = await nobody.get("/api/v1/users", headers=keys[0] | {"X-Tenant": south})
    assert answer.status_code == 200
    is_problem(
        await nobody.get("/api/v1/users", headers=keys[0] | {"X-Tenant": "default"}),
        404,
        "unknown_tenant",
    )


async def test_a_tenant_is_asked_after_once_in_a_while(
    admin: httpx.AsyncClient, stations: Stations, tenants: Tenants
) -> None:
    tenant_id = tenants.new()
    for _ in range(5):
        answer = await admin.get("/users", headers={"X-Tenant": tenant_id})
        assert answer.json() == {"items": [], "next_cursor": None}
    asked = stations.registry.asked("tenants.get")
    assert asked.count({"named_tenant_id": tenant_id}) == 1


async def test_only_platform_administrators_make_and_change_platform_administrators(
    admin: httpx.AsyncClient, nobody: httpx.AsyncClient, tenants: Tenants
) -> None:
    name = secrets.token_hex(6)
    first = (await admin.get("/users/admin")).json()
    assert (first["platform"], first["tenant_id"]) == (True, "default")
    plain = await key_of(admin, "default")
    user = {"username": name, "password": _PASSWORD, "role": "admin", "platform": True}
    key = {"name": name, "role": "admin", "platform": True}
    for path, body in (("/api/v1/users", user), ("/api/v1/api-keys", key)):
        is_problem(await nobody.post(path, json=body, headers=plain), 403, "forbidden")
    for body, acting in ((user | {"role": "viewer"}, "default"), (user, tenants.new())):
        refused = await admin.post("/users", json=body, headers={"X-Tenant": acting})
        problem = is_problem(refused, 409, "no_platform_administrator")
        assert [error["field"] for error in problem["errors"]] == ["platform"]
    assert (await admin.post("/users", json=user)).json()["platform"]
    made = (await admin.post("/api-keys", json=key)).json()
    assert made["platform"]
    path = f"/api/v1/users/{name}"
    for change in ({"password": "another password"}, {"role": "viewer"}, {"platform": False}):
        is_problem(await nobody.patch(path, json=change, headers=plain), 403, "forbidden")
    is_problem(await nobody.delete(path, headers=plain), 403, "forbidden")
    path_of_key = f"/api/v1/api-keys/{made['id']}"
    is_problem(await nobody.delete(path_of_key, headers=plain), 403, "forbidden")
    assert (await admin.delete(f"/api-keys/{made['id']}")).status_code == 204
    # With the role goes the reach, and it does not come back with it.
    assert not (await admin.patch(f"/users/{name}", json={"role": "viewer"})).json()["platform"]
    assert not (await admin.patch(f"/users/{name}", json={"role": "admin"})).json()["platform"]
    assert (await admin.patch(f"/users/{name}", json={"platform": True})).json()["platform"]
    assert (await admin.delete(f"/users/{name}")).status_code == 204


async def test_a_tenant_keeps_an_administrator_and_the_platform_one_of_its_own(
    admin: httpx.AsyncClient, tenants: Tenants
) -> None:
    acting = {"X-Tenant": tenants.new()}
    names = [secrets.token_hex(6) for _ in range(2)]
    for name in names:
        user = {"username": name, "password": _PASSWORD, "role": "admin"}
        assert (await admin.post("/users", json=user, headers=acting)).status_code == 201
    assert (await admin.delete(f"/users/{names[0]}", headers=acting)).status_code == 204
    last = await admin.delete(f"/users/{names[1]}", headers=acting)
    is_problem(last, 409, "last_administrator")
    plain = {"username": names[0], "password": _PASSWORD, "role": "admin"}
    assert (await admin.post("/users", json=plain)).status_code == 201
    for change in ({"role": "viewer"}, {"platform": False}):
        is_problem(await admin.patch("/users/admin", json=change), 409, "last_administrator")
    assert (await admin.delete(f"/users/{names[0]}")).status_code == 204


async def test_one_reaches_ones_own_account_for_whomever_one_acts(
    admin: httpx.AsyncClient, nobody: httpx.AsyncClient, tenants: Tenants
) -> None:
    name, acting = secrets.token_hex(6), {"X-Tenant": tenants.new()}
    user = {"username": name, "password": _PASSWORD, "role": "admin", "platform": True}
    assert (await admin.post("/users", json=user)).status_code == 201
    logged_in = await nobody.post(
        "/api/v1/auth/token", data={"username": name, "password": _PASSWORD}
    )
    headers = {"Authorization": f"Bearer {logged_in.json()['access_token']}"} | acting
    me = await nobody.get("/api/v1/users/me", headers=headers)
    assert me.json()["username"] == name
    is_problem(await nobody.get(f"/api/v1/users/{name}", headers=headers), 404, "not_found")
    changed = await nobody.put(
        "/api/v1/users/me/password",
        json={"current_password": _PASSWORD, "new_password": "a better password"},
        headers=headers,
    )
    assert changed.status_code == 204
    assert (await nobody.post("/api/v1/auth/logout", headers=headers)).status_code == 204
    assert (await nobody.get("/api/v1/users/me", headers=headers)).status_code == 401


async def test_users_of_default_read_what_is_of_the_deployment_and_those_of_others_do_not(
    admin: httpx.AsyncClient, nobody: httpx.AsyncClient, stations: Stations, tenants: Tenants
) -> None:
    fleet = {"stations": 3, "stations_online": 2, "gateways": [], "warnings": {}}
    stations.registry.operations["fleet.status"] = lambda _: fleet
    viewer = await key_of(admin, "default", "viewer")
    shown = (await nobody.get("/api/v1/status", headers=viewer)).json()
    assert (shown["stations"], shown["gateways"], shown["warnings"]) == (3, [], {})
    assert (await nobody.get("/api/v1/parked?service=command-api", headers=viewer)).is_success
    plain = await key_of(admin, "default")
    is_problem(await nobody.delete("/api/v1/parked/command-api:1", headers=plain), 403, "forbidden")
    counts = {"stations": 2, "stations_online": 1, "stations_unconfirmed": 0}
    stations.registry.operations["fleet.counts"] = lambda _: counts
    tenant_id = tenants.new()
    other = await key_of(admin, tenant_id)
    acting = {"Authorization": admin.headers["Authorization"], "X-Tenant": tenant_id}
    for headers in (other, acting):
        shown = (await nobody.get("/api/v1/status", headers=headers)).json()
        assert (shown["station_registry"], stations.registry.tenants[-1]) == ("up", tenant_id)
        assert shown.items() >= counts.items()
        assert (shown["gateways"], shown["warnings"]) == (None, None)
    is_problem(await nobody.get("/api/v1/parked", headers=other), 403, "forbidden")


async def test_a_tenants_requests_are_bounded_and_those_of_others_are_not(
    admin: httpx.AsyncClient, nobody: httpx.AsyncClient, stations: Stations, tenants: Tenants
) -> None:
    slow, other = tenants.new(), tenants.new()
    tenants.rates[slow] = 1
    keys = {tenant_id: await key_of(admin, tenant_id, "viewer") for tenant_id in (slow, other)}

    async def burst() -> list[httpx.Response]:
        paths = ["/api/v1/commands"] * 5
        return await asyncio.gather(*(nobody.get(path, headers=keys[slow]) for path in paths))

    answers = await eventually(burst, lambda found: any(a.status_code == 429 for a in found))
    refused = next(answer for answer in answers if answer.status_code == 429)
    is_problem(refused, 429, "too_many_requests")
    assert refused.headers["retry-after"] == "1"
    assert (await nobody.get("/api/v1/commands", headers=keys[other])).status_code == 200
    # Whoever acts for it has their own.
    answers = [await admin.get("/commands", headers={"X-Tenant": slow}) for _ in range(3)]
    assert {answer.status_code for answer in answers} == {200}

    async def one() -> int:
        return (await nobody.get("/api/v1/commands", headers=keys[slow])).status_code

    await eventually(one, lambda status: status == 200)


async def _stream(nobody: httpx.AsyncClient, headers: Headers) -> AsyncIterator[str]:
    async with nobody.stream("GET", "/api/v1/events", headers=headers, timeout=20) as response:
        async for line in response.aiter_lines():
            if line.startswith((": open", "data: ")):
                yield line


async def test_a_stream_has_the_events_of_its_tenant(
    admin: httpx.AsyncClient, nobody: httpx.AsyncClient, stations: Stations, tenants: Tenants
) -> None:
    north, south = tenants.new(), tenants.new()
    platform = await key_of(admin, "default", platform=True)
    streams = {
        south: _stream(nobody, await key_of(admin, south)),
        north: _stream(nobody, platform | {"X-Tenant": north}),
        "default": _stream(nobody, platform),
    }
    for stream in streams.values():
        assert await anext(stream) == ": open"
    for tenant_id in (south, north, "default"):
        await stations.emit("station.changed", f"S-{tenant_id}", {}, tenant_id)
    # The next of each is its own: none of the others came before.
    seen = {tenant_id: await anext(stream) for tenant_id, stream in streams.items()}
    assert len(set(seen.values())) == 3
    for tenant_id in streams:
        await stations.emit("station.changed", f"S-{tenant_id}", {}, tenant_id)
        assert await anext(streams[tenant_id]) not in seen.values()
    for stream in streams.values():
        await stream.aclose()  # type: ignore[attr-defined]


async def test_a_command_names_its_tenant_to_all_who_follow_it(
    admin: httpx.AsyncClient, stations: Stations, tenants: Tenants, database: asyncpg.Pool
) -> None:
    tenant_id = tenants.new()
    station_id = stations.online()
    is_problem(
        await admin.post(
            f"/stations/{station_id}/commands/Reset",
            json={"type": "Soft"},
            headers={"X-Tenant": tenant_id},
        ),
        404,
        "unknown_station",
    )
    stations.owners[station_id]["tenant_id"] = tenant_id
    await stations.emit_connected(station_id)
    other = stations.online()
    stations.owners[other]["tenant_id"] = tenant_id
    made = await send(admin, other, headers={"X-Tenant": tenant_id})
    assert made["tenant_id"] == tenant_id

    async def told() -> list[Any]:
        rows = await database.fetch("SELECT events FROM outbox ORDER BY id")
        events = [event for row in rows for event in orjson.loads(row[0])]
        return [one for one in events if one["data"].get("command_id") == made["command_id"]]

    (event,) = await eventually(told, bool)
    assert (event["tenantid"], event["data"]["tenant_id"]) == (tenant_id, tenant_id)


async def test_orders_are_their_tenants_and_find_no_station_of_another(
    admin: httpx.AsyncClient, stations: Stations, tenants: Tenants
) -> None:
    north, south = tenants.new(), tenants.new()
    station_id = stations.online()
    stations.owners[station_id]["tenant_id"] = north
    right, wrong = (order(station_id, tenant_id=tenant_id) for tenant_id in (north, south))
    await place(stations, right, wrong)
    as_north, as_south = (
        httpx.AsyncClient(
            base_url=admin.base_url,
            headers={**admin.headers, "X-Tenant": tenant_id},
            trust_env=False,
        )
        for tenant_id in (north, south)
    )
    await becomes(as_north, str(right.order_id), status="completed", tenant_id=north)
    ended = await becomes(as_south, str(wrong.order_id), status="error")
    assert ended["error"]["code"] == "UNKNOWN_STATION"
    is_problem(await as_south.get(f"/commands/{right.order_id}"), 404, "not_found")
    await as_north.aclose()
    await as_south.aclose()


async def test_a_held_command_is_not_sent_to_a_station_that_is_anothers_by_then(
    admin: httpx.AsyncClient, stations: Stations, tenants: Tenants
) -> None:
    station_id = stations.offline()
    until = format_time_ms(now_ms() + 3_600_000)
    held = await send(admin, station_id, status=202, wait=0, hold_until=until)
    stations.online(station_id)
    stations.owners[station_id]["tenant_id"] = tenants.new()
    await stations.emit_connected(station_id)
    ended = await becomes(admin, held["command_id"], status="error")
    assert ended["error"]["code"] == "UNKNOWN_STATION"
    assert stations.gateway.commands_to(station_id) == []


async def test_only_a_platform_administrator_gives_a_station_of_a_tenant_to_another(
    admin: httpx.AsyncClient,
    nobody: httpx.AsyncClient,
    stations: Stations,
    tenants: Tenants,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    north, south = tenants.new(), tenants.new()
    registry, station_id = stations.registry, f"moved-{secrets.token_hex(6)}"
    path, body = f"/api/v1/stations/{station_id}/tenant", {"tenant_id": south}
    acting = {"Authorization": admin.headers["Authorization"], "X-Tenant": north}
    monkeypatch.setitem(registry.operations, "stations.change", no_such_station)
    before = len(registry.requests)
    for key in (await key_of(admin, north), await key_of(admin, "default")):
        is_problem(await nobody.put(path, json=body, headers=key), 403, "forbidden")
    for wrong in (None, "Upper", "a" * 41, "", 1):
        refused = await nobody.put(path, json={"tenant_id": wrong}, headers=acting)
        problem = is_problem(refused, 422, "validation_failed")
        assert problem["errors"][0]["field"] == "tenant_id"
    asked = registry.requests[before:]
    assert "stations.change" not in [operation for operation, _ in asked]
    is_problem(await nobody.put(path, json=body, headers=acting), 404, "not_found")
    monkeypatch.setitem(registry.operations, "stations.change", lambda parameters: parameters)
    moved = await nobody.put(path, json=body, headers=acting)
    assert moved.json() == {
        "station_id": station_id,
        "set": ["to_tenant_id"],
        "to_tenant_id": south,
    }
    assert registry.tenants[-1] == north
