"""The console behind a proxy that takes a prefix away, of which the suite does not know."""

import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from csms_local.balancer import find_haproxy
from csms_local.pytest_scale import every
from csms_local.run_state import RunState
from csms_simulator.operator import Operator
from csms_simulator.station import SimulatedStation
from tests.console.prefix_proxies import haproxy, plain_proxy
from tests.console.viewing import Viewer, encoded, viewing

pytestmark = pytest.mark.asyncio(loop_scope="session")

PREFIX = "/operators/csms"
_PROXIES = {"a plain proxy": plain_proxy} | ({"haproxy": haproxy} if find_haproxy() else {})


@pytest_asyncio.fixture(params=every(2, [*_PROXIES]), loop_scope="session")
async def url(request: pytest.FixtureRequest, run: RunState, tmp_path: Path) -> AsyncIterator[str]:
    """Where the suite is behind a proxy."""
    async with _PROXIES[request.param](tmp_path, PREFIX, run.rest_url) as address:
        yield address


def _asked_of(viewer: Viewer) -> list[str]:
    asked: list[str] = []
    viewer.context.on("request", lambda request: asked.append(urlsplit(request.url).path))
    return asked


async def test_one_logs_in_and_loads_a_page_of_any_station_anew(
    browser: Browser, url: str, accounts: dict[str, tuple[str, str]], operator: Operator
) -> None:
    station_id = f"gate 1/left %2F {secrets.token_hex(3)}"
    made = await operator.http.post("/stations", json={"station_id": station_id})
    assert made.status_code == 201, made.text
    async with viewing(browser, url) as viewer:
        viewer.expected_refusals = {401}
        asked = _asked_of(viewer)
        page = viewer.page
        await page.goto(f"{url}/")
        await expect(page).to_have_url(f"{url}/console/")
        await viewer.log_in(*accounts["viewer"])
        await viewer.open(f"stations/{encoded(station_id)}/messages")
        heading = page.get_by_role("heading", level=1)
        await expect(heading).to_contain_text(station_id)
        await page.reload()
        await expect(heading).to_contain_text(station_id)
        await viewer.settled()
        await page.get_by_role("link", name="Stations", exact=True).first.click()
        await expect(page).to_have_url(f"{url}/console/stations")
        await viewer.settled()
        assert [path for path in asked if not path.startswith(f"{PREFIX}/")] == []
    await operator.http.delete(f"/stations/{encoded(station_id)}")


async def test_events_arrive_and_files_are_saved(
    browser: Browser,
    url: str,
    run: RunState,
    accounts: dict[str, tuple[str, str]],
    station_id: str,
    tmp_path: Path,
) -> None:
    async with viewing(browser, url, accounts["viewer"]) as viewer:
        page = viewer.page
        await viewer.open(f"stations?q={station_id}")
        await expect(page.locator(".bar .stream")).to_have_text("Live")
        async with SimulatedStation(station_id, run.ocpp_url) as station:
            await station.wait_accepted(60)
            await expect(page.get_by_role("row", name=station_id)).to_contain_text("online")
            await viewer.open(f"stations/{station_id}/messages")
            await expect(page.get_by_role("main")).to_contain_text("BootNotification")
            async with page.expect_download() as saving:
                await page.get_by_role("button", name="Export as JSON lines").click()
            saved = tmp_path / "messages.jsonl"
            await (await saving.value).save_as(saved)
            assert "BootNotification" in saved.read_text()
            await viewer.settled()


async def test_the_documentation_of_rest_is_reached_and_asks_where_it_is(
    browser: Browser, url: str, accounts: dict[str, tuple[str, str]]
) -> None:
    async with viewing(browser, url, accounts["viewer"]) as viewer:
        asked = _asked_of(viewer)
        await viewer.open()
        async with viewer.context.expect_page() as opening:
            await viewer.page.locator("a[href='../docs']").click()
        documentation = await opening.value
        await expect(documentation).to_have_url(f"{url}/docs")
        section = documentation.get_by_role("link", name="stations", exact=True)
        await expect(section.first).to_be_visible()
        await expect(documentation.locator(".servers")).to_contain_text(f"{PREFIX}/")
        assert [path for path in asked if not path.startswith(f"{PREFIX}/")] == []
        await viewer.settled()
