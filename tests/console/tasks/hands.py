"""The two hands that a task is done with: a mouse, or the keyboard alone.

A task says what is pressed, written and chosen, and by which name. How that is done is the hand's:
the keyboard knows Tab, Enter, Space, the arrows and typing, and has no other way to a control than
from where the focus is. So it finds what whoever has no pointer would: a focus that is lost, that
nobody sees, or that stands behind something else, and what the Tab key never reaches.
"""

from typing import Any, Protocol

from playwright.async_api import Error, Locator, Page, expect

from tests.console.viewing import WITHIN_MS

# So many elements a page may have that the keyboard reaches before the one that is wanted.
TABS_AT_MOST = 250
# So many there are on the longest page; it has a list of 200.
STOPS_AT_MOST = 1500

_HAS_FOCUS = "() => document.activeElement && document.activeElement !== document.body"
# Which way the wanted element is, or that the focus is there: one radio button of a group has it
# for all of them.
_WAY = """wanted => {
  const at = document.activeElement;
  const isOfGroup = wanted.type === "radio" && at.type === "radio"
    && at.name === wanted.name && at.form === wanted.form;
  if (at === wanted || isOfGroup) return "there";
  const isBehind = wanted.compareDocumentPosition(at) & Node.DOCUMENT_POSITION_FOLLOWING;
  return isBehind ? "Shift+Tab" : "Tab";
}"""
# What has the focus, and what is wrong with how it is seen there.
_SEEN = """() => {
  const at = document.activeElement;
  const html = at.cloneNode(false).outerHTML;
  const style = getComputedStyle(at);
  if (style.outlineStyle === "none" || parseFloat(style.outlineWidth) < 2)
    return `nobody sees that the focus is at ${html}`;
  const box = at.getClientRects()[0];
  if (!box) return `the focus is at what is not drawn: ${html}`;
  const [left, right] = [Math.max(0, box.left), Math.min(innerWidth, box.right)];
  const [top, bottom] = [Math.max(0, box.top), Math.min(innerHeight, box.bottom)];
  if (left >= right || top >= bottom) return `the focus is at what is out of sight: ${html}`;
  let above = null;
  for (const across of [0.5, 0.1, 0.9]) for (const down of [0.5, 0.1, 0.9]) {
    const [x, y] = [left + (right - left) * across, top + (bottom - top) * down];
    above = document.elementFromPoint(x, y);
    if (above && at.contains(above)) return null;
  }
  return `the focus is at what is not seen: ${html}, behind ${above?.cloneNode(false).outerHTML}`;
}"""


class Hand(Protocol):
    """What does a task in somebody's browser."""

    async def press(self, control: Locator) -> None:
        """Follow a link, or press a button."""

    async def write(self, field: Locator, text: str) -> None:
        """Write a text into a field, instead of what is in it."""

    async def search(self, field: Locator, text: str) -> None:
        """Write a text into a field, and send it off."""

    async def choose(self, field: Locator, option: str) -> None:
        """Choose one of the options of a field, by its text or its value."""

    async def tick(self, box: Locator) -> None:
        """Tick a box, or choose a radio button."""


class Mouse:
    """Points at what it wants."""

    def __init__(self, page: Page) -> None:
        self._page = page

    async def press(self, control: Locator) -> None:
        await control.click()

    async def write(self, field: Locator, text: str) -> None:
        await field.fill(text)

    async def search(self, field: Locator, text: str) -> None:
        await field.fill(text)
        await field.press("Enter")

    async def choose(self, field: Locator, option: str) -> None:
        await field.select_option(option)

    async def tick(self, box: Locator) -> None:
        await box.check()


class Keyboard:
    """Goes to what it wants from where the focus is."""

    def __init__(self, page: Page) -> None:
        self._page = page

    async def press(self, control: Locator) -> None:
        await self.reach(control)
        await self._key("Enter")

    async def write(self, field: Locator, text: str) -> None:
        if await self.reach(field) == 0 and await field.input_value():
            # Whoever comes to a field by the Tab key has all of it selected.
            await self._key("Tab")
            await self._key("Shift+Tab")
        await self._page.keyboard.type(text)
        await expect(field).to_have_value(text)

    async def search(self, field: Locator, text: str) -> None:
        await self.write(field, text)
        await self._key("Enter")

    async def choose(self, field: Locator, option: str) -> None:
        await self.reach(field)
        offered: list[dict[str, str]] = await field.locator("option").evaluate_all(
            "all => all.map(({ value, text }) => ({ value, text }))"
        )
        (n,) = [at for at, one in enumerate(offered) if option in one.values()]
        now = int(await field.evaluate("field => field.selectedIndex"))
        for _ in range(abs(n - now)):
            await self._key("ArrowDown" if n > now else "ArrowUp")
        await expect(field).to_have_value(offered[n]["value"])

    async def tick(self, box: Locator) -> None:
        await self.reach(box)
        if await box.is_checked():
            return
        if await box.get_attribute("type") != "radio" or await _is_focused(box):
            await self._key("Space")
        else:
            await self._to_radio(box)
        await expect(box).to_be_checked()

    async def reach(self, wanted: Locator) -> int:
        """Go on with the Tab key until something has the focus, and return how far it was."""
        await expect(wanted).to_be_visible()
        await expect(wanted).to_be_enabled()
        await self.require_focus()
        way: str = await wanted.evaluate(_WAY)
        step = way
        for tabs in range(TABS_AT_MOST):
            if way == "there":
                return tabs
            await self._key(step)
            await self._require_seen()
            way = await wanted.evaluate(_WAY)
        raise AssertionError(f"{step} does not reach {wanted}")

    async def walk(self) -> None:
        """Go from the first element of a page to its last, each of which must be seen."""
        await self.require_focus()
        for _ in range(STOPS_AT_MOST):
            await self._key("Tab")
            if not await self._page.evaluate(_HAS_FOCUS):
                return
            await self._require_seen()
        raise AssertionError(f"the Tab key does not come out of {self._page.url}")

    async def require_focus(self) -> None:
        """Wait until something has the focus: pages that are left and rows that go give it up."""
        try:
            await self._page.wait_for_function(_HAS_FOCUS, timeout=WITHIN_MS)
        except Error as lost:
            raise AssertionError(f"the focus is lost at {self._page.url}") from lost

    async def _require_seen(self) -> None:
        # Behind the last element is the browser itself.
        if not await self._page.evaluate(_HAS_FOCUS):
            return
        wrong: Any = await self._page.evaluate(_SEEN)
        assert wrong is None, wrong

    async def _to_radio(self, radio: Locator) -> None:
        for _ in range(TABS_AT_MOST):
            await self._key("ArrowDown")
            if await _is_focused(radio):
                return
        raise AssertionError(f"the arrows do not reach {radio}")

    async def _key(self, name: str) -> None:
        await self._page.keyboard.press(name)


async def _is_focused(element: Locator) -> bool:
    return bool(await element.evaluate("element => element === document.activeElement"))
