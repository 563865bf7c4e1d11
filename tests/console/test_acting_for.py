"""Acting for another tenant: what is shown, and told, is that tenant's."""

import secrets

import httpx
import pytest
from playwright.async_api import expect

from csms_simulator.operator import Operator
from tests.console.conftest import Viewing
from tests.console.viewing import Viewer

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def _tenant(operator: Operator) -> str:
    tenant = f"t{secrets.token_hex(4)}"
    made = await operator.http.post("/tenants", json={"tenant_id": tenant, "name": tenant})
    made.raise_for_status()
    return tenant


async def _station(
    operator: Operator, station_id: str, tenant: str | None = None
) -> httpx.Response:
    headers = {} if tenant is None else {"X-Tenant": tenant}
    made = await operator.http.post("/stations", json={"station_id": station_id}, headers=headers)
    return made.raise_for_status()


async def _act_for(viewer: Viewer, tenant: str) -> None:
    await viewer.open(f"tenants/{tenant}")
    await viewer.page.get_by_role("button", name="Act for it").click()
    await expect(viewer.page.locator(".acting")).to_contain_text(tenant)


async def test_events_are_those_of_the_tenant_that_is_acted_for(
    as_role: Viewing, operator: Operator
) -> None:
    tenant, mark = await _tenant(operator), f"acting-{secrets.token_hex(4)}"
    async with as_role("admin") as viewer:
        await _act_for(viewer, tenant)
        navigation = viewer.page.get_by_role("navigation", name="Pages")
        await navigation.get_by_role("link", name="Stations", exact=True).click()
        await expect(viewer.page.get_by_role("heading", level=1)).to_have_text("Stations")
        await viewer.settled()
        await expect(viewer.page.locator(".bar .stream")).to_have_text("Live")
        asked: list[str] = []
        viewer.page.on("request", lambda request: asked.append(request.url))
        await _station(operator, f"{mark}-own")
        await _station(operator, f"{mark}-theirs", tenant)
        await expect(viewer.page.get_by_role("row", name=f"{mark}-theirs")).to_be_visible()
        # Of what belongs to the tenant of before, nothing is told.
        assert [url for url in asked if f"{mark}-own" in url] == []
        await viewer.page.get_by_role("button", name="Back to your own").click()
        await expect(viewer.page.locator(".bar .stream")).to_have_text("Live")
        await viewer.settled()
        await _station(operator, f"{mark}-later")
        await expect(viewer.page.get_by_role("row", name=f"{mark}-later")).to_be_visible()
        await expect(viewer.page.get_by_role("row", name=f"{mark}-theirs")).to_have_count(0)


async def test_who_may_act_for_nobody_any_more_is_back_at_their_own(
    as_role: Viewing, as_nobody: Viewing, operator: Operator
) -> None:
    tenant = await _tenant(operator)
    name, password = f"admin-{secrets.token_hex(4)}", secrets.token_hex(12)
    body = {"username": name, "password": password, "role": "admin"}
    (await operator.http.post("/users", json=body)).raise_for_status()
    async with as_nobody() as viewer:
        # A tab remembers for which tenant another acted, who has not logged out.
        await viewer.context.add_init_script(
            f"if (!sessionStorage.getItem('seen')) {{ sessionStorage.setItem('seen', '1'); "
            f"sessionStorage.setItem('csms.tenant', '{tenant}'); }}"
        )
        viewer.expected_refusals = {401}
        await viewer.open("stations")
        await viewer.log_in(name, password)
        await viewer.settled()
        await expect(viewer.page.locator(".acting")).to_have_count(0)
        await viewer.page.reload()
        await expect(viewer.page.get_by_role("heading", level=1)).to_have_text("Stations")
