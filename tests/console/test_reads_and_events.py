"""What is read and what is told meet: nothing is lost between, nothing too late is shown."""

import asyncio
import contextlib
import secrets
from typing import Any

import pytest
from playwright.async_api import Error, Route, expect

from csms_simulator.operator import Operator
from tests.console.conftest import Viewing

pytestmark = pytest.mark.asyncio(loop_scope="session")

_LIST = "**/api/v1/id-tokens?*"
_STREAM = "**/api/v1/events?*"


@pytest.mark.long
async def test_a_list_that_could_not_be_read_once_follows_events_again(
    as_role: Viewing, operator: Operator
) -> None:
    mark = secrets.token_hex(5).upper()
    async with as_role("viewer") as viewer:
        viewer.expected_refusals = {503}
        page = viewer.page
        await viewer.open(f"id-tokens?q={mark}")
        await viewer.settled()
        await expect(page.locator(".bar .stream")).to_have_text("Live")
        refused = asyncio.Event()

        async def refuse(route: Route) -> None:
            refused.set()
            await route.fulfill(status=503, json={"title": "away", "detail": "away for a moment"})

        await page.route(_LIST, refuse)
        await operator.ensure_id_token(f"{mark}-1")
        await asyncio.wait_for(refused.wait(), 60)
        await expect(page.get_by_role("main").get_by_role("alert")).to_contain_text("away")
        await page.unroute(_LIST)
        await operator.ensure_id_token(f"{mark}-2")
        await expect(page.get_by_role("row", name=f"{mark}-2")).to_be_visible()
        await expect(page.get_by_role("row", name=f"{mark}-1")).to_be_visible()


async def test_what_comes_too_late_for_the_filter_of_before_is_not_shown(
    as_role: Viewing, operator: Operator, id_token: str
) -> None:
    shown = (await operator.items("/id-tokens", q=id_token))[0]
    go_on, asked, answered = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def answer(route: Route) -> None:
        items: list[dict[str, Any]] = []
        if "cursor=more" in route.request.url:
            asked.set()
            await go_on.wait()
            items = [{**shown, "id_token": "TOO-LATE"}]
        elif "status=" not in route.request.url:
            items = [shown]
        cursor = "more" if len(items) == 1 and items[0] is shown else None
        with contextlib.suppress(Error):
            await route.fulfill(json={"items": items, "next_cursor": cursor})
        if "cursor=more" in route.request.url:
            answered.set()

    async with as_role("viewer") as viewer:
        page = viewer.page
        await page.route(_LIST, answer)
        await viewer.open("id-tokens")
        await page.get_by_role("button", name="Show more").click()
        await asyncio.wait_for(asked.wait(), 60)
        await page.locator("form.filters select").select_option(index=1)
        await expect(page.get_by_role("row", name=id_token)).to_have_count(0)
        await viewer.settled()
        go_on.set()
        await asyncio.wait_for(answered.wait(), 60)
        # What is asked for later is there: so is what came before, had it been waited for.
        await page.evaluate("() => fetch(new URL('../api/v1/id-tokens?status=', document.baseURI))")
        await page.evaluate(
            "() => new Promise(done => requestAnimationFrame(() => setTimeout(done)))"
        )
        await expect(page.get_by_role("row", name="TOO-LATE")).to_have_count(0)


@pytest.mark.long
async def test_what_happens_before_the_stream_is_open_is_shown_once_it_is(
    as_role: Viewing, operator: Operator, id_token: str
) -> None:
    go_on = asyncio.Event()

    async def held(route: Route) -> None:
        await go_on.wait()
        await route.continue_()

    async with as_role("viewer") as viewer:
        page = viewer.page
        await page.route(_STREAM, held)
        mark = secrets.token_hex(5).upper()
        await viewer.open(f"id-tokens?q={mark}")
        await viewer.settled()
        await operator.ensure_id_token(mark)
        go_on.set()
        await expect(page.locator(".bar .stream")).to_have_text("Live")
        await expect(page.get_by_role("row", name=mark)).to_be_visible()


async def test_what_happens_while_the_stream_begins_anew_is_shown(
    as_role: Viewing, operator: Operator
) -> None:
    opened: list[str | None] = []
    go_on, waiting = asyncio.Event(), asyncio.Event()

    async def forgetful(route: Route) -> None:
        opened.append(route.request.headers.get("last-event-id"))
        if len(opened) == 1:
            # It ends at once; what follows its position is kept no longer.
            headers = {"Content-Type": "text/event-stream"}
            await route.fulfill(headers=headers, body=": open\nid: 1\n\n")
        elif len(opened) == 2:
            await route.fulfill(status=410, json={"title": "gone"})
        else:
            waiting.set()
            await go_on.wait()
            await route.continue_()

    mark = secrets.token_hex(5).upper()
    async with as_role("viewer") as viewer:
        viewer.expected_refusals = {410}
        page = viewer.page
        await page.route(_STREAM, forgetful)
        await viewer.open(f"id-tokens?q={mark}")
        await asyncio.wait_for(waiting.wait(), 60)
        await viewer.settled()
        await operator.ensure_id_token(mark)
        go_on.set()
        await expect(page.locator(".bar .stream")).to_have_text("Live")
        await expect(page.get_by_role("row", name=mark)).to_be_visible()
        assert opened[:3] == [None, "1", None]


@pytest.mark.long
async def test_what_takes_longer_to_read_than_it_is_asked_for_is_shown_all_the_same(
    as_role: Viewing, operator: Operator
) -> None:
    station = f"slow-{secrets.token_hex(4)}"
    (await operator.http.post("/stations", json={"station_id": station})).raise_for_status()
    made = await operator.http.post(f"/stations/{station}/commands/ClearCache", json={})
    command = made.raise_for_status().json()
    reads: list[str] = []

    async def slow(route: Route) -> None:
        reads.append(route.request.url)
        if len(reads) == 1:
            await route.fulfill(json={**command, "status": "pending", "error": None})
            return
        # Longer than from one look at an open command to the next.
        await asyncio.sleep(3)
        with contextlib.suppress(Error):
            await route.fulfill(json=command)

    async with as_role("viewer") as viewer:
        await viewer.page.route(f"**/api/v1/commands/{command['command_id']}", slow)
        await viewer.open(f"commands/{command['command_id']}")
        await expect(viewer.page.locator("h1 ~ .state")).to_have_text("pending")
        await expect(viewer.page.locator("h1 ~ .state")).to_have_text("station offline")
