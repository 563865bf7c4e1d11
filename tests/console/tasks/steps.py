"""What several tasks have in common, done as a person does it: by what is seen."""

from playwright.async_api import Locator, Page, expect

from tests.console.tasks.hands import Hand


async def log_in(hand: Hand, page: Page, username: str, password: str) -> None:
    """Log in at the first page."""
    await hand.write(page.get_by_label("User name"), username)
    await hand.write(page.get_by_label("Password"), password)
    await hand.press(page.get_by_role("button", name="Log in"))
    await expect(page.get_by_role("button", name="Log out")).to_be_visible()


async def search_station(hand: Hand, page: Page, station_id: str) -> None:
    """Search a station from whichever page is open."""
    await hand.search(page.get_by_role("searchbox", name="Search stations"), station_id)


async def find_station(hand: Hand, page: Page, station_id: str) -> None:
    """Search a station from whichever page is open, and open its page."""
    await search_station(hand, page, station_id)
    await hand.press(page.get_by_role("link", name=station_id, exact=True))
    await title_is(page, station_id)


async def title_is(page: Page, title: str) -> None:
    """Wait for a page by its title."""
    await expect(page.get_by_role("heading", level=1)).to_have_text(title)


def part(page: Page, name: str) -> Locator:
    """Find a part of a page by its heading."""
    return page.get_by_role("region", name=name, exact=True)


async def send(hand: Hand, page: Page, action: str) -> Locator:
    """Send the command that is filled in, say yes, and return where its end is told."""
    name = f"Send {action}"
    await hand.press(page.get_by_role("main").get_by_role("button", name=name))
    await hand.press(page.get_by_role("dialog").get_by_role("button", name=name))
    return page.get_by_role("region", name="What became of it")
