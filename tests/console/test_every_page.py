"""Every page of the console, as every role: shown, accessible, without an error in the browser."""

import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from csms_local.pytest_scale import every
from csms_local.suite import Suite
from csms_simulator.operator import Operator
from tests.console.conftest import Viewing
from tests.console.known_pages import KnownPage, known_pages
from tests.console.viewing import Viewer, encoded, viewing

pytestmark = pytest.mark.asyncio(loop_scope="session")

PAGES = known_pages()
RANKS = ["viewer", "operator", "admin"]
NARROW = {"width": 360, "height": 740}
_MAIN = (
    "",
    "stations",
    "stations/:station_id",
    "transactions/:transaction_id",
    "tariffs/:tariff_id",
    "tariffs/new",
    "commands",
)


def _address(page: KnownPage, things: dict[str, str]) -> str:
    if page.path.endswith("/local-list"):
        # Few stations have one.
        things = {**things, "station_id": things["listed_station_id"]}
    return re.sub(r":(\w+)", lambda name: encoded(things[name[1]]), page.path)


async def _look(viewer: Viewer, page: KnownPage, things: dict[str, str], role: str) -> None:
    viewer.problems.clear()
    await viewer.open(_address(page, things))
    await viewer.settled()
    main = viewer.page.get_by_role("main")
    if RANKS.index(role) < RANKS.index(page.role):
        await expect(main).to_contain_text("This page needs the role")
    else:
        await expect(main.locator(".problem:not(:empty)")).to_have_count(0)
    await viewer.require_accessible()
    assert viewer.problems == [], page.path


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def looked_at(
    browser: Browser, suite: Suite, accounts: dict[str, tuple[str, str]]
) -> AsyncIterator[dict[str, Viewer]]:
    """A viewer of each role, for all pages."""
    url = suite.state().rest_url
    async with (
        viewing(browser, url, accounts["viewer"]) as viewer,
        viewing(browser, url, accounts["operator"]) as operator,
        viewing(browser, url, accounts["admin"]) as administrator,
    ):
        yield {"viewer": viewer, "operator": operator, "admin": administrator}


@pytest.mark.parametrize("role", every(len(RANKS), RANKS))
@pytest.mark.parametrize(
    "page",
    [
        pytest.param(
            page, id=page.path or "overview", marks=[] if page.path in _MAIN else pytest.mark.long
        )
        for page in PAGES
    ],
)
async def test_a_page_is_shown_to_each_role(
    looked_at: dict[str, Viewer], things: dict[str, str], page: KnownPage, role: str
) -> None:
    await _look(looked_at[role], page, things, role)


@pytest.mark.parametrize(
    "page", [one for one in PAGES if one.path in _MAIN], ids=lambda page: page.path or "overview"
)
@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.long)])
async def test_a_page_fits_a_telephone_by_day_and_by_night(
    as_role: Viewing, things: dict[str, str], page: KnownPage, scheme: str
) -> None:
    async with as_role("admin", viewport=NARROW, color_scheme=scheme) as viewer:
        await viewer.open(_address(page, things))
        await viewer.settled()
        wide = await viewer.page.evaluate("document.documentElement.scrollWidth")
        assert wide <= NARROW["width"]
        await viewer.require_accessible()


async def test_what_a_page_can_not_read_is_said_and_can_be_tried_again(
    as_role: Viewing, operator: Operator
) -> None:
    async with as_role("viewer") as viewer:
        viewer.expected_refusals = {404}
        await viewer.open("stations/NO-SUCH-STATION")
        problem = viewer.page.get_by_role("alert").first
        await expect(problem).to_contain_text("NO-SUCH-STATION")
        await expect(problem.get_by_role("button", name="Try again")).to_be_visible()


async def test_an_address_of_no_page_leads_on(as_role: Viewing) -> None:
    async with as_role("viewer") as viewer:
        await viewer.open("no/such/page")
        await viewer.page.get_by_role("link", name="To the overview").click()
        await expect(viewer.page).to_have_url(f"{viewer.url}/console/")
        await viewer.settled()
