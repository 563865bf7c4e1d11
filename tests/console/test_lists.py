"""What a list shows is in its address: it survives a reload, and can be sent to somebody."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.async_api import Locator, expect

from tests.console.conftest import Viewing
from tests.console.installed import ASSETS
from tests.console.known_pages import KnownPage, known_pages
from tests.console.viewing import encoded

pytestmark = pytest.mark.asyncio(loop_scope="session")

_SOURCES = ASSETS / "src"
_PART = re.compile(r'from "(?:\.\./)+(parts/[^"]+)"')


def _is_filtered(page: KnownPage) -> bool:
    """Whether a page has filters, by itself or by the part that shows its list."""
    module = (_SOURCES / page.module).read_text()
    texts = [module]
    # The page of one thing may take something else from the part that lists them.
    if "List}" in module:
        texts += [(_SOURCES / part).read_text() for part in _PART.findall(module)]
    return any("<${Filters}" in text for text in texts)


LISTS = [page for page in known_pages() if _is_filtered(page)]
# The others are looked at by `make test-long`: all share what keeps the filters.
_MAIN = ("transactions",)


async def _choose(field: Locator) -> None:
    """Say something in a filter; a choice without options stays as it is."""
    kind = await field.evaluate("one => one.localName === 'select' ? 'select' : one.type")
    if kind == "select":
        options = await field.locator("option").evaluate_all("all => all.map(one => one.value)")
        await field.select_option(options[-1])
    else:
        await field.fill("2026-01-02T03:04" if kind == "datetime-local" else "1")


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, id=page.path, marks=[] if page.path in _MAIN else pytest.mark.long)
        for page in LISTS
    ],
)
async def test_the_filters_of_a_list_outlive_a_reload(
    as_role: Viewing, things: dict[str, str], page: KnownPage
) -> None:
    address = re.sub(r":(\w+)", lambda name: encoded(things[name[1]]), page.path)
    async with as_role("admin") as viewer:
        await viewer.open(address)
        await viewer.settled()
        fields = viewer.page.locator("form.filters[role=search] > label").locator("input, select")
        await expect(fields.first).to_be_visible()
        count = await fields.count()
        said: list[str] = []
        for n in range(count):
            await _choose(fields.nth(n))
            said.append(await fields.nth(n).input_value())
        wanted = sum(1 for value in said if value)
        assert wanted > 0
        await viewer.page.wait_for_function(
            "wanted => new URLSearchParams(location.search).size >= wanted", arg=wanted
        )
        before = viewer.page.url
        await viewer.page.reload()
        await viewer.settled()
        for n, value in enumerate(said):
            await expect(fields.nth(n)).to_have_value(value)
        assert viewer.page.url == before
        await viewer.page.get_by_role("button", name="Clear filters").click()
        await expect(viewer.page).to_have_url(f"{viewer.url}/console/{address}")
        await viewer.settled()


async def test_the_order_of_the_stations_outlives_a_reload(
    as_role: Viewing, things: dict[str, str]
) -> None:
    async with as_role("viewer") as viewer:
        await viewer.open("stations")
        await viewer.settled()
        heading = viewer.page.get_by_role("columnheader", name="Last seen")
        await heading.get_by_role("button").click()
        await expect(heading).to_have_attribute("aria-sort", "ascending")
        await heading.get_by_role("button").click()
        await expect(heading).to_have_attribute("aria-sort", "descending")
        assert parse_qs(urlsplit(viewer.page.url).query) == {"sort": ["-last_seen"]}
        await viewer.page.reload()
        await expect(heading).to_have_attribute("aria-sort", "descending")
        await viewer.settled()
