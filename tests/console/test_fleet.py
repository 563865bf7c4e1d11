"""The fleet in a browser: stations, sites, the map, and one command for many stations."""

import re
import secrets
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import pytest_asyncio
from playwright.async_api import Locator, Page, expect

from csms_local.run_state import RunState
from csms_simulator.operator import Operator
from csms_simulator.station import SimulatedStation
from tests.console.conftest import Viewing
from tests.console.viewing import encoded

pytestmark = pytest.mark.asyncio(loop_scope="session")

ODD = 'odd/%2F ?#&=<b>"x"</b>'


@pytest_asyncio.fixture(loop_scope="session")
async def tag(operator: Operator) -> AsyncIterator[str]:
    """A tag of one test's own; its stations are deleted afterwards."""
    name = f"tag-{secrets.token_hex(4)}"
    yield name
    for station in await operator.items("/stations", tag=name):
        await operator.http.delete(f"/stations/{encoded(station['station_id'])}")


async def _create(operator: Operator, station_id: str, **described: Any) -> None:
    made = await operator.http.post("/stations", json={"station_id": station_id, **described})
    assert made.status_code == 201, made.text


async def _create_site(operator: Operator, **described: Any) -> str:
    made = await operator.http.post("/sites", json=described)
    assert made.status_code == 201, made.text
    site_id: str = made.json()["site_id"]
    return site_id


def _row(page: Page, text: str) -> Locator:
    return page.get_by_role("row").filter(has_text=text)


async def test_a_station_is_followed_live_through_its_life(
    as_role: Viewing, run: RunState, operator: Operator, station_id: str, tag: str
) -> None:
    async with as_role("viewer") as viewer:
        await viewer.open(f"stations?tag={tag}")
        await expect(viewer.page.get_by_text("No station fits these filters.")).to_be_visible()
        await _create(operator, station_id, tags=[tag], display_name="Left gate")
        row = _row(viewer.page, station_id)
        await expect(row).to_contain_text("Left gate")
        await expect(row).to_contain_text("offline")
        async with SimulatedStation(station_id, run.ocpp_url) as station:
            await station.wait_accepted()
            await expect(row).to_contain_text("online")
            await station.report_connector(1, "Faulted")
            await expect(row).to_contain_text("Faulted")
            await station.report_connector(1, "Available")
            await expect(row).to_contain_text("Available")
        await expect(row).to_contain_text("offline")
        moved = await operator.http.patch(f"/stations/{station_id}", json={"tags": []})
        assert moved.status_code == 200, moved.text
        await expect(row).to_have_count(0)
        await operator.http.delete(f"/stations/{station_id}")


@pytest.mark.long
async def test_what_is_asked_of_the_list_is_in_its_address_and_outlives_a_reload(
    as_role: Viewing, operator: Operator, tag: str
) -> None:
    for n in range(3):
        await _create(operator, f"{tag}-{n}", tags=[tag], display_name=f"Name {n}")
    async with as_role("viewer") as viewer:
        page = viewer.page
        await viewer.open("stations")
        await page.get_by_role("combobox", name="Tag").fill(tag)
        await expect(_row(page, tag)).to_have_count(3)
        await page.get_by_role("button", name="Name").click()
        await page.get_by_role("button", name="Name").click()
        await page.locator("summary", has_text="Columns").click()
        await page.get_by_role("checkbox", name="Firmware").check()
        await page.get_by_role("checkbox", name="Model").uncheck()
        query = parse_qs(urlsplit(page.url).query)
        assert (query["tag"], query["sort"]) == ([tag], ["-display_name"])
        await page.reload()
        await expect(_row(page, tag)).to_have_count(3)
        shown = await _row(page, tag).all_inner_texts()
        assert [re.findall(r"Name \d", text)[0] for text in shown] == ["Name 2", "Name 1", "Name 0"]
        await expect(page.get_by_role("columnheader", name="Firmware")).to_be_visible()
        await expect(page.get_by_role("columnheader", name="Model")).to_have_count(0)
        # The browser remembers the columns without the address, too.
        await viewer.open("stations")
        await expect(page.get_by_role("columnheader", name="Firmware")).to_be_visible()
        await viewer.settled()
        await viewer.require_accessible()


@pytest.mark.long
async def test_a_viewer_is_not_offered_what_they_may_not_do(
    as_role: Viewing, operator: Operator, tag: str
) -> None:
    await _create(operator, tag, tags=[tag])
    site_id = await _create_site(operator, name=tag)
    async with as_role("viewer") as viewer:
        await viewer.open(f"stations?tag={tag}")
        await expect(_row(viewer.page, tag)).to_have_count(1)
        await expect(viewer.page.get_by_role("link", name="New station")).to_have_count(0)
        await expect(viewer.page.get_by_role("button", name="Send a command")).to_have_count(0)
        await expect(viewer.page.get_by_role("checkbox", name="Select all")).to_have_count(0)
        await viewer.open(f"sites/{site_id}")
        await viewer.settled()
        for name in ("Edit", "Delete"):
            await expect(viewer.page.get_by_role("button", name=name)).to_have_count(0)
    await operator.http.delete(f"/sites/{site_id}")


async def test_a_station_is_created_with_any_id_and_leads_to_its_page(
    as_role: Viewing, operator: Operator, tag: str
) -> None:
    name = f"{tag} {ODD}"
    async with as_role("admin") as viewer:
        page = viewer.page
        await viewer.open("stations/new")
        await page.get_by_label("Station id").fill(name)
        await page.get_by_label("Tags").fill(f"{tag}, second")
        await page.get_by_label("Heartbeat interval").fill("300")
        await viewer.require_accessible()
        await page.get_by_role("button", name="Create the station").click()
        await expect(page.get_by_role("heading", level=1)).to_contain_text(name)
        assert page.url.startswith(f"{viewer.url}/console/stations/{encoded(name)}")
        (found,) = await operator.items("/stations", tag=tag)
        assert (found["station_id"], found["tags"]) == (name, sorted([tag, "second"]))
        assert found["heartbeat_interval"] == 300
        await viewer.open(f"stations?tag={tag}")
        await expect(page.get_by_role("link", name=name)).to_be_visible()
        await viewer.settled()


async def test_chosen_stations_get_a_command_and_each_has_its_result(
    as_role: Viewing, run: RunState, operator: Operator, tag: str
) -> None:
    there, away = f"{tag}-there", f"{tag}-away"
    for station_id in (there, away):
        await _create(operator, station_id, tags=[tag])
    async with (
        SimulatedStation(there, run.ocpp_url) as station,
        as_role("operator") as viewer,
    ):
        await station.wait_accepted()
        page = viewer.page
        await viewer.open(f"stations?tag={tag}")
        await expect(_row(page, tag)).to_have_count(2)
        await page.get_by_role("checkbox", name="Select all").check()
        await page.get_by_role("button", name="Send a command").click()
        await expect(page.get_by_text("2 chosen stations")).to_be_visible()
        await page.get_by_label("Command", exact=True).select_option("TriggerMessage")
        await page.get_by_label("requestedMessage").select_option("Heartbeat")
        await viewer.require_accessible()
        await page.get_by_role("button", name="Send TriggerMessage to 2 stations").click()
        dialog = page.get_by_role("dialog")
        await expect(dialog).to_contain_text("Send TriggerMessage to 2 stations?")
        await dialog.get_by_role("button", name="Send TriggerMessage").click()
        await expect(page.get_by_label("2 of 2 stations are done")).to_be_visible()
        await expect(_row(page, there)).to_contain_text("Accepted")
        await expect(_row(page, away)).to_contain_text("station offline")
        await viewer.settled()
        await viewer.require_accessible()
        # Only to the one where it failed, with what was sent.
        await page.get_by_role("button", name="Send again to the one where it failed").click()
        await expect(page.get_by_text("1 chosen station")).to_be_visible()
        await expect(page.get_by_label("requestedMessage")).to_have_value("Heartbeat")


@pytest.mark.long
async def test_a_command_to_a_tag_is_held_and_its_rest_cancelled(
    as_role: Viewing, operator: Operator, tag: str
) -> None:
    await _create(operator, tag, tags=[tag])
    async with as_role("operator") as viewer:
        page = viewer.page
        await viewer.open(f"command-groups/new?tag={tag}&action=Reset")
        await expect(page.get_by_text("1 station, 0 online")).to_be_visible()
        await page.get_by_label("type", exact=False).first.select_option("Soft")
        await page.get_by_label("Where a station is offline").select_option("3600")
        await page.get_by_role("button", name="Send Reset to 1 station").click()
        await page.get_by_role("dialog").get_by_role("button", name="Send Reset").click()
        await expect(_row(page, tag).first).to_contain_text("waiting")
        await page.get_by_role("button", name="Cancel the rest").click()
        await page.get_by_role("dialog").get_by_role("button", name="Cancel the rest").click()
        await expect(page.locator(".title .state")).to_have_text("cancelled")
        await expect(page.get_by_role("button", name="Cancel the rest")).to_have_count(0)
        await viewer.open("command-groups?action=Reset")
        await expect(_row(page, f"tag {tag}")).to_contain_text("cancelled")
        await viewer.settled()
        await viewer.require_accessible()


@pytest.mark.long
async def test_a_site_is_made_mended_shown_on_the_map_and_deleted(
    as_role: Viewing, operator: Operator, tag: str
) -> None:
    name = f"{tag} {ODD}"
    async with as_role("admin") as viewer:
        viewer.expected_refusals = {422}
        page = viewer.page
        await viewer.open("sites/new")
        await page.get_by_label("Name", exact=True).fill(name)
        await page.get_by_label("Site id").fill(f"{tag}{ODD}")
        await page.get_by_label("Time zone").fill("Europe/Nowhere")
        await page.get_by_role("button", name="Create the site").click()
        await expect(page.get_by_label("Time zone")).to_have_attribute("aria-invalid", "true")
        await page.get_by_label("Time zone").fill("Europe/Berlin")
        await page.get_by_role("button", name="Create the site").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text(name)
        await page.get_by_role("button", name="Edit").click()
        await page.get_by_label("Latitude").fill("-33.9")
        await page.get_by_label("Longitude").fill("18.4")
        await page.get_by_label("Opening hours").select_option("hours")
        await page.get_by_role("button", name="Save").click()
        await expect(page.get_by_text("Monday 08:00–20:00")).to_be_visible()
        await viewer.settled()
        await viewer.require_accessible()
        await page.get_by_role("link", name="on the map").click()
        marker = page.locator(".ground").get_by_role("link", name=name)
        await expect(marker).to_be_in_viewport()
        await viewer.settled()
        await viewer.require_accessible()
        await marker.click()
        await page.get_by_role("button", name="Delete").click()
        dialog = page.get_by_role("dialog")
        await expect(dialog.get_by_role("button", name="Delete the site")).to_be_disabled()
        await dialog.get_by_role("textbox").fill(name)
        await dialog.get_by_role("button", name="Delete the site").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Sites")
        assert await operator.items("/sites", q=tag) == []


@pytest.mark.long
async def test_the_map_moves_by_keyboard_and_says_how_each_site_does(
    as_role: Viewing, run: RunState, operator: Operator, tag: str
) -> None:
    site_id = await _create_site(operator, name=tag, latitude=64.1, longitude=-21.9)
    await _create(operator, tag, tags=[tag], site_id=site_id)
    async with (
        SimulatedStation(tag, run.ocpp_url) as station,
        as_role("viewer") as viewer,
    ):
        await station.wait_accepted()
        page = viewer.page
        await viewer.open(f"map?site_id={site_id}")
        marker = page.locator(".ground").get_by_role("link", name=tag)
        await expect(marker).to_contain_text("1/1")
        await expect(_row(page, tag)).to_contain_text("all online")
        await station.report_connector(1, "Faulted")
        await expect(marker).to_contain_text("1 faulted")
        await expect(_row(page, tag)).to_contain_text("faulted")
        await page.locator(".ground").focus()
        for _ in range(12):
            await page.keyboard.press("ArrowRight")
        await expect(marker).to_have_count(0)
        await page.get_by_role("button", name="Show all").click()
        await expect(page.locator(".ground").locator("a, button").first).to_be_visible()
    await operator.http.delete(f"/stations/{tag}")
    await operator.http.delete(f"/sites/{site_id}")


@pytest.mark.long
@pytest.mark.parametrize(
    "path", ["stations", "stations/new", "sites", "sites/new", "map", "command-groups"]
)
async def test_a_page_of_the_fleet_fits_a_telephone(as_role: Viewing, path: str) -> None:
    async with as_role("admin", viewport={"width": 360, "height": 740}) as viewer:
        await viewer.open(path)
        await viewer.settled()
        assert await viewer.page.evaluate("document.documentElement.scrollWidth") == 360
        await viewer.require_accessible()
