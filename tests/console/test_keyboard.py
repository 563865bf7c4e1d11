"""Whoever has no pointer: the focus is never lost, is always seen, and comes to all there is."""

import re
import secrets
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Locator, expect

from csms_local.run_state import RunState
from csms_simulator.operator import Operator
from csms_simulator.station import SimulatedStation
from tests.console.conftest import Viewing
from tests.console.known_pages import KnownPage, known_pages
from tests.console.tasks.hands import Keyboard
from tests.console.viewing import Viewer, encoded

pytestmark = pytest.mark.asyncio(loop_scope="session")

_IS_WITHIN = """dialog => document.activeElement === document.body
  || dialog.contains(document.activeElement)"""
_QUICK = ("", "stations", "stations/:station_id", "users")
PAGES = [
    pytest.param(
        page, id=page.path or "overview", marks=() if page.path in _QUICK else pytest.mark.long
    )
    for page in known_pages()
]


@pytest_asyncio.fixture(loop_scope="session")
async def tag(operator: Operator) -> AsyncIterator[str]:
    """A tag of three stations."""
    name = f"keys-{secrets.token_hex(4)}"
    for n in range(3):
        made = {"station_id": f"{name}-{n}", "tags": [name]}
        (await operator.http.post("/stations", json=made)).raise_for_status()
    yield name
    for station in await operator.items("/stations", tag=name):
        await operator.http.delete(f"/stations/{station['station_id']}")


def _box(viewer: Viewer, station_id: str) -> Locator:
    return viewer.page.get_by_role("checkbox", name=f"Select {station_id}")


async def test_a_dialog_keeps_the_focus_in_it_and_gives_it_back(as_role: Viewing) -> None:
    async with as_role("admin") as viewer:
        page, hand = viewer.page, Keyboard(viewer.page)
        await viewer.open("users")
        opens = page.get_by_role("button", name="New user")
        await hand.press(opens)
        dialog = page.get_by_role("dialog")
        await expect(dialog).to_be_visible()
        for way in ("Tab", "Shift+Tab"):
            for _ in range(12):
                await page.keyboard.press(way)
                # Between its last element and its first stands the browser.
                assert await dialog.evaluate(_IS_WITHIN)
        await page.keyboard.press("Escape")
        await expect(dialog).to_have_count(0)
        await expect(opens).to_be_focused()


async def test_what_was_refused_leaves_the_focus_in_the_form(as_nobody: Viewing) -> None:
    async with as_nobody() as viewer:
        page, hand = viewer.page, Keyboard(viewer.page)
        viewer.expected_refusals = {401}
        await viewer.open()
        await expect(page.get_by_label("User name")).to_be_focused()
        await hand.write(page.get_by_label("User name"), "nobody")
        await hand.write(page.get_by_label("Password"), "wrong")
        submit = page.get_by_role("button", name="Log in")
        await hand.press(submit)
        await expect(page.get_by_role("alert")).not_to_be_empty()
        await expect(submit).to_be_focused()


async def test_whoever_logs_out_can_log_in_again_at_once(as_role: Viewing) -> None:
    async with as_role("viewer") as viewer:
        page, hand = viewer.page, Keyboard(viewer.page)
        viewer.expected_refusals = {401}
        await viewer.open()
        await viewer.settled()
        await hand.press(page.get_by_role("button", name="Log out"))
        await expect(page.get_by_label("User name")).to_be_focused()


async def test_the_row_that_takes_the_place_of_one_that_goes_has_the_focus(
    as_role: Viewing, operator: Operator, tag: str
) -> None:
    async with as_role("operator") as viewer:
        hand = Keyboard(viewer.page)
        # What has changed is read, and may have gone by then.
        viewer.expected_refusals = {404}
        await viewer.open(f"stations?tag={tag}")
        await viewer.settled()
        await hand.reach(_box(viewer, f"{tag}-1"))
        await operator.http.delete(f"/stations/{tag}-1")
        await expect(_box(viewer, f"{tag}-1")).to_have_count(0)
        await expect(_box(viewer, f"{tag}-2")).to_be_focused()
        await operator.http.delete(f"/stations/{tag}-2")
        before = viewer.page.get_by_role("row", name=f"{tag}-0")
        await expect(before.locator(":focus")).to_have_count(1)


async def test_rows_do_not_move_while_one_of_them_has_the_focus(
    as_role: Viewing, run: RunState, tag: str
) -> None:
    async with as_role("operator") as viewer:
        page, hand = viewer.page, Keyboard(viewer.page)
        await viewer.open(f"stations?tag={tag}&sort=online")
        rows = page.locator("tbody tr")
        await expect(rows).to_have_count(3)
        await hand.reach(_box(viewer, f"{tag}-1"))
        async with SimulatedStation(f"{tag}-2", run.ocpp_url) as station:
            await station.wait_accepted(60)
            row = page.get_by_role("row", name=f"{tag}-2")
            await expect(row.get_by_text("online", exact=True)).to_be_visible()
            await expect(rows.nth(2)).to_contain_text(f"{tag}-2")
            await expect(_box(viewer, f"{tag}-1")).to_be_focused()
            await hand.reach(page.get_by_role("searchbox", name="Search stations"))
            await expect(rows.nth(0)).to_contain_text(f"{tag}-2")


async def test_a_message_that_leads_on_waits_until_it_is_followed(as_role: Viewing) -> None:
    token = secrets.token_hex(6).upper()
    async with as_role("admin") as viewer:
        page, hand = viewer.page, Keyboard(viewer.page)
        # Hours pass in a moment for the page.
        await page.clock.install()
        await viewer.open("id-tokens")
        await hand.press(page.get_by_role("button", name="New id token"))
        dialog = page.get_by_role("dialog")
        await hand.write(dialog.get_by_role("textbox").first, token)
        await hand.press(dialog.locator("button.primary"))
        await expect(dialog).to_have_count(0)
        leads = page.locator(".notices").get_by_role("link")
        await expect(leads).to_be_visible()
        await page.clock.fast_forward("01:00")
        await hand.press(leads)
        await expect(page.get_by_role("heading", level=1)).to_be_focused()
        await expect(leads).to_have_count(0)


@pytest.mark.parametrize("page", PAGES)
async def test_the_tab_key_comes_through_a_page_and_the_focus_is_always_seen(
    as_role: Viewing, things: dict[str, str], page: KnownPage
) -> None:
    # So low that most of a page is below what is seen.
    async with as_role("admin", viewport={"width": 1280, "height": 500}) as viewer:
        nothing = "certificate_id" in page.parameters or page.path.endswith("/local-list")
        viewer.expected_refusals = {404} if nothing else set()
        await viewer.open(re.sub(r":(\w+)", lambda name: encoded(things[name[1]]), page.path))
        await viewer.settled()
        await Keyboard(viewer.page).walk()
