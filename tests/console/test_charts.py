"""Whoever can not see a chart reads the same numbers in the table beside it."""

import re

import pytest
from playwright.async_api import expect

from csms_local.pytest_scale import every
from tests.console.conftest import Viewing
from tests.console.viewing import encoded

pytestmark = pytest.mark.asyncio(loop_scope="session")

# The least contrast of a filled shape to what is behind it (WCAG 2.2, 1.4.11).
_CONTRASTS = """() => {
  const parsed = (text) => text.match(/[\\d.]+/g).slice(0, 3).map(Number);
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const { backgroundColor } = getComputedStyle(at);
      if (!/, 0\\)$|transparent/.test(backgroundColor)) return parsed(backgroundColor);
    }
    return [255, 255, 255];
  };
  const light = (colour) => {
    const [r, g, b] = colour
      .map((c) => c / 255)
      .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  return [...document.querySelectorAll(".bars rect, .parts rect")].map((rect) => {
    const { fill, fillOpacity } = getComputedStyle(rect);
    const ground = behind(rect);
    const share = Number(fillOpacity);
    const seen = parsed(fill).map((c, n) => c * share + ground[n] * (1 - share));
    const [a, b] = [light(seen), light(ground)].sort((x, y) => y - x);
    return [rect.getAttribute("class") ?? "", (a + 0.05) / (b + 0.05)];
  });
}"""


@pytest.mark.parametrize(
    "path", every(3, ["transactions/:transaction_id", "stations/:station_id", ""])
)
async def test_a_chart_has_its_numbers_in_a_table_beside_it(
    as_role: Viewing, things: dict[str, str], path: str
) -> None:
    address = re.sub(r":(\w+)", lambda name: encoded(things[name[1]]), path)
    async with as_role("viewer") as viewer:
        await viewer.open(address)
        await viewer.settled()
        charts = viewer.page.get_by_role("main").locator(".curve, .bars")
        await expect(charts.first).to_be_visible()
        for n in range(await charts.count()):
            chart = charts.nth(n)
            await expect(chart.get_by_role("img")).to_have_attribute("aria-label", re.compile("."))
            # By the keyboard, as who does not see it does.
            await chart.locator("summary").focus()
            await viewer.page.keyboard.press("Enter")
            rows = chart.locator("details").get_by_role("table").locator("tbody tr")
            await expect(rows.first).to_be_visible()
            await expect(rows.first).to_contain_text(re.compile(r"\d"))
        await viewer.require_accessible()


async def test_the_bars_of_the_overview_are_the_rows_of_their_table(
    as_role: Viewing, things: dict[str, str]
) -> None:
    async with as_role("viewer") as viewer:
        await viewer.open()
        await viewer.settled()
        chart = viewer.page.locator(".bars")
        await chart.locator("summary").click()
        rows = chart.locator("details").get_by_role("table").locator("tbody tr")
        await expect(rows).to_have_count(await chart.locator("rect").count())
        # The newest is the first row and the last bar.
        shown = await rows.first.locator("td").nth(1).inner_text()
        await expect(chart.locator("rect").last.locator("title")).to_contain_text(shown)


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_bars_are_told_from_what_is_behind_them(
    as_role: Viewing, things: dict[str, str], scheme: str
) -> None:
    async with as_role("viewer", color_scheme=scheme) as viewer:
        await viewer.open()
        await viewer.settled()
        await expect(viewer.page.locator(".parts rect").first).to_be_visible()
        contrasts: list[tuple[str, float]] = await viewer.page.evaluate(_CONTRASTS)
        assert contrasts
        assert [one for one in contrasts if one[1] < 3] == []
