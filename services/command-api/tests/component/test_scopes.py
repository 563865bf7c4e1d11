"""Users and keys that are limited to sites or tags."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from command_api_fakes import Stations, is_problem
from fake_service import FakeService
from tenants_of_api import Tenants, key_of

from csms_shared.contracts.refusals import refuse
from csms_shared.contracts.requests import SCOPED
from csms_shared.contracts.scopes import Scope
from csms_shared.contracts.stations import STATIONS_IN_SCOPE

pytestmark = pytest.mark.asyncio(loop_scope="package")

SCOPE: dict[str, list[str]] = {"site_ids": ["harbour"], "tags": ["fast", "vip"]}
_PASSWORD = "a good password"
Answer = dict[str, Any]


async def _key(admin: httpx.AsyncClient, role: str, scope: Answer | None = SCOPE) -> Answer:
    wanted = {"name": secrets.token_hex(6), "role": role, "scope": scope}
    answer = await admin.post("/api-keys", json=wanted)
    assert answer.status_code == 201, answer.text
    made: Answer = answer.json()
    return made


@pytest_asyncio.fixture(loop_scope="package")
async def limited(admin: httpx.AsyncClient) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client that asks as an administrator of its scope."""
    key = (await _key(admin, "admin"))["key"]
    async with httpx.AsyncClient(
        base_url=admin.base_url, headers={"X-API-Key": key}, trust_env=False, timeout=70
    ) as client:
        yield client


async def _user(admin: httpx.AsyncClient, **fields: Any) -> str:
    username = f"user-{secrets.token_hex(6)}"
    wanted = {"username": username, "password": _PASSWORD, "role": "admin", **fields}
    answer = await admin.post("/users", json=wanted)
    assert answer.status_code == 201, answer.text
    return username


async def _token(admin: httpx.AsyncClient, username: str) -> dict[str, str]:
    answer = await admin.post("/auth/token", data={"username": username, "password": _PASSWORD})
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


async def test_a_scope_is_shown_and_changed(admin: httpx.AsyncClient) -> None:
    key = await _key(admin, "viewer", {"site_ids": ["b", "a", "b"]})
    assert key["scope"] == {"site_ids": ["a", "b"], "tags": []}
    assert (await _key(admin, "viewer", None))["scope"] is None
    username = await _user(admin, scope=SCOPE)
    path = f"/users/{username}"
    assert (await admin.get(path)).json()["scope"] == SCOPE
    assert (await admin.patch(path, json={"role": "viewer"})).json()["scope"] == SCOPE
    other = {"site_ids": [], "tags": ["slow"]}
    assert (await admin.patch(path, json={"scope": other})).json()["scope"] == other
    assert (await admin.get(path)).json()["scope"] == other
    assert (await admin.patch(path, json={"scope": None})).json()["scope"] is None
    is_problem(await admin.patch(path, json={}), 422, "validation_failed")


async def test_a_scope_is_bounded_and_names_what_sites_and_tags_are_called(
    admin: httpx.AsyncClient,
) -> None:
    scopes: list[Any] = [
        {"site_ids": [""]},
        {"site_ids": [".."]},
        {"site_ids": ["a\0"]},
        {"site_ids": ["a" * 65]},
        {"tags": [" "]},
        {"tags": ["a\0"]},
        {"tags": [1]},
        {"tags": [str(number) for number in range(51)]},
        {"site_ids": [str(number) for number in range(51)]},
        {"stations": ["S1"]},
        [],
    ]
    for scope in scopes:
        wanted = {"name": secrets.token_hex(6), "role": "viewer", "scope": scope}
        is_problem(await admin.post("/api-keys", json=wanted), 422, "validation_failed")
    most = {"tags": [f"{number:02}" for number in range(50)], "site_ids": []}
    assert (await _key(admin, "viewer", most))["scope"] == most


async def test_a_platform_administrator_has_no_scope(admin: httpx.AsyncClient) -> None:
    code = "no_platform_administrator"
    both = {"role": "admin", "platform": True, "scope": SCOPE}
    key = {"name": secrets.token_hex(6), **both}
    is_problem(await admin.post("/api-keys", json=key), 409, code)
    user = {"username": secrets.token_hex(6), "password": _PASSWORD, **both}
    is_problem(await admin.post("/users", json=user), 409, code)
    username = await _user(admin, platform=True)
    is_problem(await admin.patch(f"/users/{username}", json={"scope": SCOPE}), 409, code)
    change = {"scope": SCOPE, "platform": False}
    changed = (await admin.patch(f"/users/{username}", json=change)).json()
    assert (changed["platform"], changed["scope"]) == (False, SCOPE)
    is_problem(await admin.patch(f"/users/{username}", json={"platform": True}), 409, code)


async def test_who_is_limited_is_no_administrator_of_the_tenant(
    admin: httpx.AsyncClient, limited: httpx.AsyncClient
) -> None:
    username = await _user(admin)
    for method, path, body in (
        ("GET", "/users", None),
        ("POST", "/users", {"username": "x", "password": _PASSWORD, "role": "viewer"}),
        ("PATCH", f"/users/{username}", {"role": "viewer"}),
        ("DELETE", f"/users/{username}", None),
        ("GET", f"/users/{username}/sessions", None),
        ("POST", "/api-keys", {"name": "x", "role": "viewer"}),
        ("GET", "/audit", None),
        ("POST", "/stations", {"station_id": "S"}),
        ("POST", "/sites", {"name": "Harbour"}),
        ("GET", "/id-tokens", None),
    ):
        answer = await limited.request(method, path, json=body)
        is_problem(answer, 403, "outside_scope")


async def test_a_running_session_has_its_new_scope_at_once(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    fleet = {"stations": 1, "stations_online": 1, "gateways": []}
    stations.registry.operations["fleet.status"] = lambda _: fleet
    username = await _user(admin, role="viewer", scope=SCOPE)
    token = await _token(admin, username)
    me = await admin.get("/users/me", headers=token)
    assert me.json()["scope"] == SCOPE
    is_problem(await admin.get("/id-tokens", headers=token), 403, "outside_scope")
    await admin.patch(f"/users/{username}", json={"scope": {"tags": ["slow"]}})
    # Its tokens ended, as with a change of the role.
    is_problem(await admin.get("/users/me", headers=token), 401, "unauthenticated")
    me = await admin.get("/users/me", headers=await _token(admin, username))
    assert me.json()["scope"] == {"site_ids": [], "tags": ["slow"]}
    status = (await admin.get("/status", headers=await _token(admin, username))).json()
    assert (status["stations"], status["gateways"], status["warnings"]) == (None, None, None)


async def test_a_station_outside_is_answered_as_one_that_does_not_exist(
    limited: httpx.AsyncClient, stations: Stations
) -> None:
    inside, outside = stations.online(), stations.online()
    stations.inside |= {inside}
    reset = {"type": "Soft"}
    assert (await limited.post(f"/stations/{inside}/commands/Reset", json=reset)).status_code == 200
    for station_id in (outside, "none"):
        answer = await limited.post(f"/stations/{station_id}/commands/Reset", json=reset)
        problem = is_problem(answer, 404, "not_found")
        assert problem["detail"] == f"there is no station {station_id}"
        reservation = {
            "station_id": station_id,
            "connector_id": 1,
            "id_token": "T1",
            "expires_at": "2030-01-01T00:00:00Z",
        }
        answer = await limited.post("/reservations", json=reservation)
        assert is_problem(answer, 404, "not_found")["detail"] == problem["detail"]
    assert stations.gateway.commands_to(outside) == []


async def test_services_are_asked_within_the_scope_and_of_a_station_that_is_in_it_without(
    limited: httpx.AsyncClient, admin: httpx.AsyncClient, stations: Stations
) -> None:
    page: Answer = {"items": [], "next_cursor": None}
    registry, station_id = stations.registry, stations.online()
    stations.inside |= {station_id}
    registry.operations |= {SCOPED + "stations.list": lambda _: page}
    registry.operations |= {"stations.list": lambda _: page, "history.list": lambda _: page}
    assert (await limited.get("/stations")).status_code == 200
    assert _asked(registry, "stations.list") == (SCOPED, Scope.model_validate(SCOPE))
    assert (await limited.get(f"/stations/{station_id}/history")).status_code == 200
    assert _asked(registry, "history.list") == ("", None)
    assert (await admin.get("/stations")).status_code == 200
    assert _asked(registry, "stations.list") == ("", None)


def _asked(service: FakeService, operation: str) -> tuple[str, Scope | None]:
    """Return what stood before an operation's name when it was asked last, and the scope."""
    asked = zip(service.requests, service.scopes, strict=True)
    return [
        (name.removesuffix(operation), scope)
        for (name, _), scope in asked
        if name.endswith(operation)
    ][-1]


async def test_a_service_of_the_release_before_answers_nothing_within_a_scope(
    limited: httpx.AsyncClient, stations: Stations
) -> None:
    def older(_: Answer) -> None:
        raise refuse(404, "unknown_operation", "there is no operation within_scope:sites.list")

    stations.registry.operations[SCOPED + "sites.list"] = older
    is_problem(await limited.get("/sites"), 503, "service_unavailable")


async def test_where_a_station_stands_is_not_changed_by_who_is_limited(
    limited: httpx.AsyncClient, stations: Stations
) -> None:
    station_id = stations.online()
    stations.inside |= {station_id}
    changes: list[Answer] = [{"site_id": None}, {"tags": []}, {"strict": True, "tags": ["fast"]}]
    for change in changes:
        answer = await limited.patch(f"/stations/{station_id}", json=change)
        is_problem(answer, 403, "outside_scope")


async def test_commands_are_those_of_stations_in_the_scope(
    admin: httpx.AsyncClient,
    limited: httpx.AsyncClient,
    stations: Stations,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    inside, outside = stations.online(), stations.online()
    stations.inside |= {inside}
    sent: list[str] = []
    for station_id in (inside, outside, inside, outside, inside):
        answer = await admin.post(f"/stations/{station_id}/commands/ClearCache", json={})
        sent.append(answer.json()["command_id"])
    mine = [sent[4], sent[2], sent[0]]
    found = await _pages(limited, limit=2)
    assert [one for one in found if one in sent] == mine
    monkeypatch.setattr("command_api.commands.handlers.scoped_lists.LOOKED_AT", 2)
    found = await _pages(limited, limit=2)
    assert [one for one in found if one in sent] == mine
    assert await _pages(limited, station_id=inside) == mine
    assert await _pages(limited, station_id=outside) == []
    assert (await limited.get(f"/commands/{sent[0]}")).status_code == 200
    for command_id in (sent[1], "00000000-0000-0000-0000-000000000000"):
        problem = is_problem(await limited.get(f"/commands/{command_id}"), 404, "not_found")
        assert problem["detail"] == f"there is no command {command_id}"
    # It goes by where the station is now.
    stations.inside -= {inside}
    is_problem(await limited.get(f"/commands/{sent[0]}"), 404, "not_found")


async def _pages(client: httpx.AsyncClient, **query: Any) -> list[str]:
    found: list[str] = []
    while True:
        page = (await client.get("/commands", params=query)).json()
        found += [one["command_id"] for one in page["items"]]
        if page["next_cursor"] is None:
            return found
        query["cursor"] = page["next_cursor"]


async def test_a_stream_has_the_events_of_stations_in_the_scope(
    limited: httpx.AsyncClient, stations: Stations
) -> None:
    inside, outside = stations.online(), stations.online()
    stations.inside |= {inside}
    async with asyncio.timeout(30), limited.stream("GET", "/events") as answer:
        lines = answer.aiter_lines()
        assert await anext(lines) == ": open"
        # Whose subject is called as the station.
        await stations.emit("id_token.changed", inside, {})
        await stations.emit("site.updated", inside, {})
        for number, station_id in enumerate([outside, inside, outside, inside]):
            await stations.emit("connector.status_changed", station_id, {"number": number})
        seen: list[Answer] = []
        while len(seen) < 2:
            line = await anext(lines)
            if line.startswith("data: "):
                seen.append(json.loads(line.removeprefix("data: ")))
    assert [event["data"]["number"] for event in seen] == [1, 3]
    assert {event["subject"] for event in seen} == {inside}


async def test_a_stream_asks_for_the_tenant_of_who_reads_it(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    tenants = Tenants()
    tenants.answer_in(stations.registry)
    tenant_id, inside = tenants.new(), stations.online()
    stations.inside |= {inside}
    key = await key_of(admin, tenant_id, "viewer", scope=SCOPE)
    # The key says who asks, whatever is beside it.
    async with asyncio.timeout(30), admin.stream("GET", "/events", headers=key) as answer:
        lines = answer.aiter_lines()
        assert await anext(lines) == ": open"
        await stations.emit("connector.status_changed", inside, {}, tenant_id)
        while not (await anext(lines)).startswith("data: "):
            pass
    registry = stations.registry
    asked = zip(registry.requests, registry.tenants, strict=True)
    *_, last = (whose for (name, _), whose in asked if name.endswith(STATIONS_IN_SCOPE))
    assert last == tenant_id


async def test_a_stream_ends_when_the_scope_of_who_reads_it_changes(
    admin: httpx.AsyncClient, stations: Stations, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("command_api.http.routes.events.KEEP_ALIVE_S", 0.2)
    username = await _user(admin, role="viewer", scope=SCOPE)
    token = await _token(admin, username)
    async with (
        asyncio.timeout(60),
        admin.stream("GET", "/events", headers=token) as answer,
    ):
        lines = answer.aiter_lines()
        assert await anext(lines) == ": open"
        changed = await admin.patch(f"/users/{username}", json={"scope": {"tags": ["slow"]}})
        assert changed.status_code == 200
        rest = [line async for line in lines]
    assert ": not authorized any more" in rest


async def test_an_administrator_without_scope_always_stays(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    tenants = Tenants()
    tenants.answer_in(stations.registry)
    acting = {"X-Tenant": tenants.new()}
    names = [f"user-{secrets.token_hex(6)}" for _ in range(2)]
    for username, scope in zip(names, (None, SCOPE), strict=True):
        user = {"username": username, "password": _PASSWORD, "role": "admin", "scope": scope}
        assert (await admin.post("/users", json=user, headers=acting)).status_code == 201
    for change in ({"role": "viewer"}, {"scope": SCOPE}):
        answer = await admin.patch(f"/users/{names[0]}", json=change, headers=acting)
        is_problem(answer, 409, "last_administrator")
    is_problem(await admin.delete(f"/users/{names[0]}", headers=acting), 409, "last_administrator")
    assert (await admin.delete(f"/users/{names[1]}", headers=acting)).status_code == 204
