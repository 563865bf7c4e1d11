"""Tenants over REST: what station-registry is asked, and who may."""

import httpx
import pytest
from command_api_fakes import Stations, is_problem
from tenants_of_api import Tenants, key_of

pytestmark = pytest.mark.asyncio(loop_scope="package")


@pytest.fixture
def tenants(stations: Stations) -> Tenants:
    known = Tenants()
    known.answer_in(stations.registry)
    return known


async def test_a_platform_administrator_sees_tenants(
    admin: httpx.AsyncClient, tenants: Tenants
) -> None:
    tenant_id = tenants.new()
    shown = await admin.get(f"/tenants/{tenant_id}")
    assert shown.json()["tenant_id"] == tenant_id
    is_problem(await admin.get("/tenants/no-such"), 404, "not_found")


async def test_nobody_else_sees_tenants(
    admin: httpx.AsyncClient, nobody: httpx.AsyncClient, tenants: Tenants
) -> None:
    tenant_id = tenants.new()
    for key in (await key_of(admin, tenant_id), await key_of(admin, "default")):
        for method, path in (
            ("GET", "/api/v1/tenants"),
            ("GET", f"/api/v1/tenants/{tenant_id}"),
        ):
            answer = await nobody.request(method, path, json={"name": "x"}, headers=key)
            is_problem(answer, 403, "forbidden")
