"""10,000 stations in the list: all of them are there, and the browser has little to do with it.

How fast that is depends on the machine. What makes it fast does not: few rows are in the page
whatever is scrolled, sorted or selected, and an event draws the one row anew that it is about.
"""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Locator, Page, expect

from csms_local.suite import Suite
from csms_simulator.bare_station import BareStation
from csms_simulator.ledger import Ledger
from csms_simulator.settings import StationSettings
from tests.console.conftest import Viewing
from tests.console.large_fleet import PREFIX, large_fleet, station_of_fleet
from tests.console.tasks.hands import Keyboard
from tests.console.viewing import Viewer

pytestmark = pytest.mark.asyncio(loop_scope="session")

STATIONS = 10_000
MOST_ROWS = 120
_LIST = f"stations?q={PREFIX}"
_COLUMNS = "display_name,online,connectors,tags,registration,vendor,model,firmware,serial,last_boot"
# Column -> what its first row shows in ascending, and in descending order.
_ENDS = {
    "Station": (station_of_fleet(1), station_of_fleet(STATIONS)),
    "Name": ("Bay 1", f"Bay {STATIONS}"),
    "Connection": ("offline", "offline"),
    "Connectors": ("Faulted", "Available"),
    "Tags": ("area-0", "area-19"),
    "Registration": ("accepted", "pending"),
    "Vendor": ("Maker 0", "Maker 8"),
    "Model": ("Model 0", "Model 39"),
    "Firmware": ("1.0", "1.6"),
    "Serial number": ("SN1", f"SN{STATIONS}"),
    # The first of the fleet booted last.
    "Last boot": (f"SN{STATIONS}", "SN1"),
}
# Notes which rows are drawn anew.
_WATCH = """() => {
  window.drawn = new Set();
  new MutationObserver((changes) => {
    for (const { target, addedNodes } of changes) {
      for (const node of [target, ...addedNodes]) {
        const element = node instanceof Element ? node : node.parentElement;
        const row = element?.closest("tr");
        // Some time ago is another some time ago after a while, without an event.
        if (row && !element.closest("time")) window.drawn.add(row.querySelector("a")?.textContent);
      }
    }
  }).observe(document.querySelector("tbody"), {
    subtree: true, childList: true, characterData: true,
  });
}"""


@pytest_asyncio.fixture(scope="module", loop_scope="session", autouse=True)
async def _fleet(suite: Suite) -> AsyncIterator[None]:
    async with large_fleet(suite.state().database_url, STATIONS):
        yield


async def _all_are_listed(viewer: Viewer, address: str = _LIST) -> None:
    await viewer.open(address)
    await expect(viewer.page.get_by_text(f"{STATIONS:,} stations")).to_be_visible()
    await viewer.settled()
    await _few_rows_are_drawn(viewer.page)


async def _few_rows_are_drawn(page: Page) -> None:
    assert await page.get_by_role("table").locator("tr").count() <= MOST_ROWS


async def test_all_are_loaded_and_scrolled_through_with_few_rows_in_the_page(
    as_role: Viewing,
) -> None:
    async with as_role("viewer") as viewer:
        page = viewer.page
        await _all_are_listed(viewer)
        await expect(page.get_by_role("table")).to_have_attribute(
            "aria-rowcount", str(STATIONS + 1)
        )
        height = await page.evaluate("document.documentElement.scrollHeight")
        for part in (1, 2, 3, 4):
            await page.evaluate(f"scrollTo(0, {height * part // 4})")
            near = station_of_fleet(STATIONS * part // 4)[:-2]
            await expect(page.get_by_role("link", name=near).first).to_be_visible()
            await _few_rows_are_drawn(page)
        await expect(page.get_by_role("link", name=station_of_fleet(STATIONS))).to_be_in_viewport()
        await page.evaluate("scrollTo(0, 0)")
        await expect(page.get_by_role("link", name=station_of_fleet(1))).to_be_in_viewport()


async def test_they_are_walked_by_the_keyboard_and_the_focus_is_not_lost_on_the_way(
    as_role: Viewing,
) -> None:
    async with as_role("operator") as viewer:
        page, hand = viewer.page, Keyboard(viewer.page)
        await _all_are_listed(viewer)

        def box(n: int) -> Locator:
            return page.get_by_role("checkbox", name=f"Select {station_of_fleet(n)}", exact=True)

        async def is_at(n: int) -> None:
            await expect(box(n)).to_be_focused()
            await expect(box(n)).to_be_in_viewport()
            await _few_rows_are_drawn(page)

        # By Tab through whatever is in each row, further than what was drawn at first.
        for n in (1, 20, 40, 60, 70):
            await hand.reach(box(n))
        await is_at(70)
        # By keys of their own to any other.
        await page.keyboard.press("ArrowDown")
        await is_at(71)
        await page.keyboard.press("End")
        await is_at(STATIONS)
        await page.keyboard.press("ArrowUp")
        await is_at(STATIONS - 1)
        await page.keyboard.press("Home")
        await is_at(1)
        await page.keyboard.press("PageDown")
        await is_at(21)
        await page.keyboard.press("Space")
        await expect(box(21)).to_be_checked()
        # Whoever scrolls away comes back to where they were.
        await page.evaluate("scrollTo(0, document.documentElement.scrollHeight / 2)")
        await expect(page.get_by_role("link", name=station_of_fleet(STATIONS // 2))).to_be_visible()
        await expect(box(21)).to_be_focused()
        await page.keyboard.press("ArrowDown")
        await is_at(22)


@pytest.mark.long
async def test_one_is_found_by_whatever_it_is_called(as_role: Viewing) -> None:
    async with as_role("viewer") as viewer:
        page = viewer.page
        await _all_are_listed(viewer)
        search = page.get_by_label("Id, name, model, serial number")
        for sought in (station_of_fleet(7777), "Bay 7777", "SN7777"):
            await search.fill(sought)
            await expect(page.get_by_text("1 station, 0 online")).to_be_visible()
            await expect(page.get_by_role("link", name=station_of_fleet(7777))).to_be_visible()
        await viewer.settled()
        await search.fill(PREFIX)
        await expect(page.get_by_text(f"{STATIONS:,} stations, 0 online")).to_be_visible()
        await viewer.settled()
        await page.get_by_role("combobox", name="Connector").select_option("Faulted")
        await expect(page.get_by_text("100 stations, 0 online")).to_be_visible()


@pytest.mark.long
async def test_they_are_sorted_by_any_column(as_role: Viewing) -> None:
    async with as_role("viewer") as viewer:
        page = viewer.page
        await _all_are_listed(viewer, f"{_LIST}&columns={_COLUMNS}&sort=last_seen")
        first = page.locator("tbody tr:not(.space)").first
        for column, ends in _ENDS.items():
            header = page.get_by_role("columnheader", name=column, exact=True)
            button = page.get_by_role("button", name=column, exact=True)
            for direction, end in zip(("ascending", "descending"), ends, strict=True):
                await button.click()
                await expect(header).to_have_attribute("aria-sort", direction)
                await expect(first).to_contain_text(end)
                await _few_rows_are_drawn(page)


@pytest.mark.long
async def test_all_are_selected_at_once_and_stay_so_in_another_order(as_role: Viewing) -> None:
    async with as_role("operator") as viewer:
        page = viewer.page
        await _all_are_listed(viewer)
        await page.get_by_role("checkbox", name="Select all").check()
        selected = page.get_by_role("status").filter(has_text=f"{STATIONS} selected")
        await expect(selected).to_be_visible()
        # More than a command can name.
        await expect(page.get_by_role("button", name="Send a command")).to_be_disabled()
        await page.get_by_role("button", name="Station", exact=True).click()
        last = page.get_by_role("checkbox", name=f"Select {station_of_fleet(STATIONS)}")
        await expect(last).to_be_checked()
        await last.uncheck()
        await expect(
            page.get_by_role("status").filter(has_text=f"{STATIONS - 1} selected")
        ).to_be_visible()
        await _few_rows_are_drawn(page)


async def test_an_event_draws_the_row_anew_that_it_is_about_and_no_other(
    as_role: Viewing, suite: Suite
) -> None:
    there = station_of_fleet(3)
    async with (
        BareStation(there, suite.state().ocpp_url, Ledger(), StationSettings(), {}) as station,
        as_role("viewer") as viewer,
    ):
        await station.wait_accepted(60)
        await _all_are_listed(viewer)
        row = viewer.page.get_by_role("row", name=there)
        await expect(row).to_contain_text("online")
        await viewer.page.evaluate(_WATCH)
        await station.report_connector(1, "Reserved")
        await expect(row).to_contain_text("Reserved")
        assert await viewer.page.evaluate("[...window.drawn]") == [there]
