"""What the browser fetches until the overview is shown."""

from typing import Any

import pytest
from playwright.async_api import Response, expect

from tests.console.conftest import Viewing
from tests.console.viewing import Viewer

pytestmark = pytest.mark.asyncio(loop_scope="session")

MOST_BYTES = 150_000


class Fetched:
    """Bytes that came over the line for each address, headers too, compressed as they came."""

    def __init__(self) -> None:
        self.by_address: dict[str, float] = {}
        self._addresses: dict[str, str] = {}

    async def watch(self, viewer: Viewer) -> None:
        """Count from now on."""
        session = await viewer.context.new_cdp_session(viewer.page)
        session.on("Network.requestWillBeSent", self._sent)
        session.on("Network.loadingFinished", self._finished)
        await session.send("Network.enable")

    @property
    def total(self) -> float:
        """Return the sum."""
        return sum(self.by_address.values())

    def _sent(self, event: dict[str, Any]) -> None:
        self._addresses[event["requestId"]] = event["request"]["url"]

    def _finished(self, event: dict[str, Any]) -> None:
        address = self._addresses.get(event["requestId"], "")
        before = self.by_address.get(address, 0.0)
        self.by_address[address] = before + event["encodedDataLength"]


@pytest.mark.usefixtures("network")
async def test_the_first_load_is_small_and_all_from_here_and_the_second_nearly_nothing(
    as_nobody: Viewing, accounts: dict[str, tuple[str, str]]
) -> None:
    async with as_nobody() as viewer:
        viewer.expected_refusals = {401}
        first = Fetched()
        await first.watch(viewer)
        answers: list[Response] = []
        viewer.page.on("response", lambda answer: answers.append(answer))
        await viewer.open()
        await viewer.log_in(*accounts["admin"])
        await _overview_is_shown(viewer)
        assert first.total <= MOST_BYTES, first.by_address
        scripts = [one for one in answers if one.url.endswith(".js")]
        assert len(scripts) > 10
        for script in scripts:
            headers = await script.all_headers()
            assert headers["content-encoding"] == "gzip", script.url
            assert "immutable" in headers["cache-control"], script.url

        second = Fetched()
        await viewer.page.close()
        viewer.page = await viewer.context.new_page()
        await second.watch(viewer)
        await viewer.open()
        await _overview_is_shown(viewer)
        fetched = {address: size for address, size in second.by_address.items() if size > 0}
        # Only the page itself, and what REST answers: nothing of what a digest names.
        assert [address for address in fetched if "/assets/" in address] == []
        assert second.total < first.total / 5, fetched


async def _overview_is_shown(viewer: Viewer) -> None:
    await expect(viewer.page.get_by_role("heading", level=1)).to_have_text("Overview")
    await viewer.settled()


async def test_the_page_allows_nothing_inline_and_nothing_from_elsewhere(
    as_nobody: Viewing,
) -> None:
    async with as_nobody() as viewer:
        viewer.expected_refusals = {401}
        answer = await viewer.page.goto(f"{viewer.url}/console/")
        assert answer is not None
        policy = (await answer.all_headers())["content-security-policy"]
        rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
        assert rules["default-src"] == "'none'"
        assert rules["script-src"] == rules["style-src"] == "'self'"
        assert rules["frame-ancestors"] == "'none'"
        assert "unsafe" not in policy
