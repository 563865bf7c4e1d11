"""Somebody who uses the console: a browser of their own, logged in or not."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Request, expect

from tests.console.installed import MODULES

WITHIN_MS = 60_000
_AXE = MODULES / "axe-core" / "axe.min.js"
_AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa"]
expect.set_options(timeout=WITHIN_MS)


def encoded(value: object) -> str:
    """Return a value as it stands in an address."""
    return quote(str(value), safe="")


@dataclass
class Viewer:
    """A page of the console, and what its browser says of it.

    `problems` are errors and warnings in the browser's console, of scripts, of the content security
    policy, and requests to elsewhere: leaving `viewing` fails where there is one. A refusal of REST
    is an error there, too: `expected_refusals` holds the codes that are meant.
    """

    page: Page
    context: BrowserContext
    url: str
    problems: list[str] = field(default_factory=list)
    expected_refusals: set[int] = field(default_factory=set)

    async def open(self, path: str = "") -> None:
        """Open a page of the console by its address, and wait for its title."""
        await self.page.goto(f"{self.url}/console/{path}")
        await expect(self.page.get_by_role("heading", level=1)).to_be_visible()

    async def log_in(self, username: str, password: str) -> None:
        """Log in as a person does."""
        await self.page.get_by_label("User name").fill(username)
        await self.page.get_by_label("Password").fill(password)
        await self.page.get_by_role("button", name="Log in").click()
        await expect(self.page.get_by_role("button", name="Log out")).to_be_visible()

    async def settled(self) -> None:
        """Wait until nothing is being read any more."""
        await expect(self.page.locator(".loading")).to_have_count(0)

    async def require_accessible(self) -> None:
        """Fail on what axe finds of WCAG 2.0 to 2.2, A and AA, and calls serious or critical."""
        if not await self.page.evaluate("() => 'axe' in window"):
            # By the debugger, and not as a script of the page: its policy stays as it is.
            await self.page.evaluate(_AXE.read_text())
        found: dict[str, Any] = await self.page.evaluate(
            # What it would load first (styles, media) are files of this console.
            "options => axe.run(document, {...options, preload: false})",
            # How large a target is axe asks only where it is told to.
            {
                "runOnly": {"type": "tag", "values": _AXE_TAGS},
                "rules": {"target-size": {"enabled": True}},
            },
        )
        serious = [
            f"{one['id']}: {one['help']}: {[node['html'][:200] for node in one['nodes'][:3]]}"
            for one in found["violations"]
            if one["impact"] in ("serious", "critical")
        ]
        assert not serious, "\n".join([self.page.url, *serious])

    def _said(self, message: ConsoleMessage) -> None:
        if message.type not in ("error", "warning"):
            return
        text = message.text
        # The accessibility checker tries out styles, which the policy forbids. What it does has no
        # address, and what the page does has one.
        if not message.location.get("url"):
            return
        if any(f"status of {code} " in text for code in self.expected_refusals):
            return
        place = message.location.get("url", "")
        # Axe tries out styles, which the page's policy forbids. A file of the page would be named.
        if "Applying inline style violates" in text and not place:
            return
        self.problems.append(f"{message.type}: {text} ({place})")

    def _asked(self, request: Request) -> None:
        scheme, place = urlsplit(request.url)[:2]
        if scheme not in ("data", "blob") and place != urlsplit(self.url).netloc:
            self.problems.append(f"asks elsewhere: {request.url}")


@asynccontextmanager
async def viewing(
    browser: Browser,
    url: str,
    credentials: tuple[str, str] | None = None,
    **options: Any,
) -> AsyncIterator[Viewer]:
    """Yield somebody's console; with `credentials` they are logged in already.

    `options` are those of a browser's context: `viewport`, `color_scheme`, `timezone_id`, ...
    """
    context = await browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
    context.set_default_timeout(WITHIN_MS)
    try:
        if credentials is not None:
            answer = await context.request.post(
                f"{url}/api/v1/auth/session",
                data={"username": credentials[0], "password": credentials[1]},
            )
            assert answer.ok, await answer.text()
        page = await context.new_page()
        viewer = Viewer(page, context, url)
        page.on("console", viewer._said)
        page.on("pageerror", lambda error: viewer.problems.append(f"script: {error}"))
        page.on("request", viewer._asked)
        yield viewer
        assert not viewer.problems, "\n".join(viewer.problems)
    finally:
        await context.close()
