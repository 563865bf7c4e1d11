"""Tenants over REST: what station-registry is asked, and who may."""

import secrets
from typing import Any

import asyncpg
import httpx
import pytest
from command_api_fakes import Stations, is_problem
from tenants_of_api import Tenants, key_of

pytestmark = pytest.mark.asyncio(loop_scope="package")

_VIEW: dict[str, Any] = {
    "party_id": None,
    "country_code": None,
    "time_zone": None,
    "max_stations": None,
    "max_requests_per_s": None,
    "status": "active",
    "created_at": "2026-11-20T00:00:00.000Z",
    "updated_at": "2026-11-20T00:00:00.000Z",
}


@pytest.fixture
def tenants(stations: Stations) -> Tenants:
    known = Tenants()
    known.answer_in(stations.registry)
    return known


async def test_a_platform_administrator_changes_a_tenant(
    admin: httpx.AsyncClient, stations: Stations, tenants: Tenants, database: asyncpg.Pool
) -> None:
    registry, tenant_id = stations.registry, tenants.new()
    registry.operations["tenants.change"] = lambda parameters: (
        _VIEW
        | {
            "tenant_id": parameters["changed_tenant_id"],
            "name": "N",
            "status": "suspended",
        }
    )
    changed = await admin.patch(
        f"/tenants/{tenant_id}", json={"status": "suspended", "party_id": None}
    )
    assert changed.json()["status"] == "suspended"
    assert registry.asked("tenants.change")[-1] == {
        "changed_tenant_id": tenant_id,
        "set": ["party_id", "status"],
        "status": "suspended",
        "party_id": None,
    }
    noted = await database.fetchrow(
        "SELECT target_type, target_id, tenant_id FROM audit WHERE target_id = $1", tenant_id
    )
    assert noted is not None
    assert tuple(noted) == ("tenants", tenant_id, "default")
    shown = await admin.get(f"/tenants/{tenant_id}")
    assert shown.json()["tenant_id"] == tenant_id
    is_problem(await admin.get("/tenants/no-such"), 404, "not_found")
    for field in ("name", "status"):
        refused = await admin.patch(f"/tenants/{tenant_id}", json={field: None})
        problem = is_problem(refused, 422, "validation_failed")
        assert problem["errors"] == [{"field": field, "message": "is not null"}]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("party_id", "abc"),
        ("country_code", "de"),
        ("time_zone", "Nowhere/At_all"),
        ("max_stations", -1),
        ("max_stations", 10**18),
        ("max_requests_per_s", 0),
        ("max_requests_per_s", 1_000_001),
        ("status", "away"),
        ("name", "a\x00b"),
        ("name", ""),
    ],
)
async def test_what_no_tenant_can_be_is_refused_with_its_field(
    admin: httpx.AsyncClient, field: str, value: object
) -> None:
    refused = await admin.patch("/tenants/default", json={field: value})
    problem = is_problem(refused, 422, "validation_failed")
    assert {error["field"].partition(".")[0] for error in problem["errors"]} == {field}


async def test_nobody_else_sees_tenants(
    admin: httpx.AsyncClient, nobody: httpx.AsyncClient, tenants: Tenants
) -> None:
    tenant_id = tenants.new()
    for key in (await key_of(admin, tenant_id), await key_of(admin, "default")):
        for method, path in (
            ("GET", "/api/v1/tenants"),
            ("POST", "/api/v1/tenants"),
            ("GET", f"/api/v1/tenants/{tenant_id}"),
            ("PATCH", f"/api/v1/tenants/{tenant_id}"),
        ):
            answer = await nobody.request(
                method, path, json={"tenant_id": "x", "name": "x"}, headers=key
            )
            is_problem(answer, 403, "forbidden")


async def test_a_tenant_is_made_once_for_its_idempotency_key(
    admin: httpx.AsyncClient, stations: Stations, tenants: Tenants
) -> None:
    tenant_id = f"new-{secrets.token_hex(6)}"

    def create(parameters: dict[str, Any]) -> dict[str, Any]:
        tenants.known.add(parameters["new_tenant_id"])
        return _VIEW | {"tenant_id": parameters["new_tenant_id"], "name": parameters["name"]}

    stations.registry.operations["tenants.create"] = create
    answers = [
        await admin.post(
            "/tenants",
            json={"tenant_id": tenant_id, "name": "New", "max_stations": 5},
            headers={"Idempotency-Key": tenant_id},
        )
        for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [201, 201]
    (asked,) = [
        one
        for one in stations.registry.asked("tenants.create")
        if one["new_tenant_id"] == tenant_id
    ]
    assert (asked["name"], asked["max_stations"]) == ("New", 5)
    users = await admin.get("/users", headers={"X-Tenant": tenant_id})
    assert users.json()["items"] == []
    for wrong in ("Upper", "a" * 41, "", "a_b", "-a", "a\x00"):
        refused = await admin.post("/tenants", json={"tenant_id": wrong, "name": "x"})
        problem = is_problem(refused, 422, "validation_failed")
        assert problem["errors"][0]["field"] == "tenant_id"
