"""What happens is on the screen at once, and nothing of it is missed when the stream is lost."""

import asyncio
import secrets
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Request, Route, expect

from csms_local.suite import Suite
from csms_simulator.operator import Operator
from csms_simulator.station import SimulatedStation
from tests.console.conftest import Viewing
from tests.console.viewing import Viewer, encoded, viewing
from tests.faults.proxy import Proxy
from tests.integration.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def line(suite: Suite) -> AsyncIterator[Proxy]:
    """The way from a browser to the suite, which can be cut."""
    async with Proxy.to(suite.state().rest_url) as proxy:
        yield proxy


async def _stream_is(page: Page, state: str) -> None:
    await expect(page.locator(".bar .stream")).to_have_text(state)


async def test_what_happens_while_the_stream_is_lost_is_shown_when_it_is_back(
    browser: Browser,
    suite: Suite,
    line: Proxy,
    accounts: dict[str, tuple[str, str]],
    operator: Operator,
) -> None:
    run = suite.state()
    mark = f"lost-{secrets.token_hex(4)}"
    ids = [f"{mark}-{n}" for n in range(3)]
    url = line.url(run.rest_url)
    async with viewing(browser, url, accounts["viewer"]) as viewer:
        page = viewer.page
        await viewer.open(f"stations?q={mark}")
        await _stream_is(page, "Live")
        async with SimulatedStation(ids[0], run.ocpp_url):
            await expect(page.get_by_role("link", name=ids[0])).to_be_visible()
            asked: list[Request] = []
            page.on("request", lambda request: asked.append(request))
            line.cut()
            await _stream_is(page, "Not live")
            # Two come while nothing can be told, and the first goes: events, not a new list, tell.
            async with SimulatedStation(ids[1], run.ocpp_url):
                await _online(operator, ids[1])
                line.mend()
                await _stream_is(page, "Live")
                row = page.get_by_role("row", name=ids[1])
                await expect(row).to_contain_text("online")
        await expect(page.get_by_role("row", name=ids[0])).to_contain_text("offline")
        async with SimulatedStation(ids[2], run.ocpp_url):
            await expect(page.get_by_role("row", name=ids[2])).to_contain_text("online")
        streams = [one for one in asked if "/api/v1/events?" in one.url]
        assert streams
        for one in streams:
            assert int((await one.all_headers())["last-event-id"]) > 0
        assert [one.url for one in asked if "/api/v1/stations?" in one.url] == []
        # What the browser says of requests that were cut is what the test did.
        viewer.problems.clear()


async def _online(operator: Operator, station_id: str) -> None:
    async def online() -> bool:
        answer = await operator.http.get(f"/stations/{encoded(station_id)}")
        return answer.status_code == 200 and bool(answer.json()["online"])

    await eventually(online, bool, 60)


@pytest.mark.long
async def test_a_change_of_a_connector_is_shown_without_reading_the_list_again(
    as_role: Viewing, suite: Suite, operator: Operator
) -> None:
    station_id = f"live-{secrets.token_hex(4)}"
    async with SimulatedStation(station_id, suite.state().ocpp_url) as station:
        await _online(operator, station_id)
        async with as_role("viewer") as viewer:
            await viewer.open(f"stations?q={station_id}")
            row = viewer.page.get_by_role("row", name=station_id)
            await expect(row).to_contain_text("Available")
            await viewer.settled()
            asked: list[str] = []
            viewer.page.on("request", lambda request: asked.append(request.url))
            await station.call(
                "StatusNotification",
                {"connectorId": 1, "errorCode": "GroundFailure", "status": "Faulted"},
            )
            await expect(row).to_contain_text("Faulted")
            assert [url for url in asked if "/api/v1/stations" in url] == []


async def test_what_happens_while_a_new_station_is_read_is_shown_though_the_answer_is_older(
    as_role: Viewing, suite: Suite, operator: Operator
) -> None:
    mark = f"read-{secrets.token_hex(4)}"
    known, new = f"{mark}-known", f"{mark}-new"
    url = suite.state().ocpp_url
    async with SimulatedStation(known, url) as before, as_role("viewer") as viewer:
        await _online(operator, known)
        page = viewer.page
        await viewer.open(f"stations?q={mark}")
        await expect(page.get_by_role("row", name=known)).to_contain_text("Available")
        read, told = asyncio.Event(), asyncio.Event()

        async def hold(route: Route) -> None:
            answer = await route.fetch()
            read.set()
            await asyncio.wait_for(told.wait(), 60)
            await route.fulfill(response=answer)

        await page.route(f"**/api/v1/stations/{new}", hold)
        async with SimulatedStation(new, url) as station:
            await asyncio.wait_for(read.wait(), 60)
            await station.wait_accepted()
            await station.report_connector(1, "Faulted")
            await _stored(operator, new, "Faulted")
            # What is told after it has come: so it has, too.
            await before.report_connector(1, "Faulted")
            await expect(page.get_by_role("row", name=known)).to_contain_text("Faulted")
            told.set()
            await expect(page.get_by_role("row", name=new)).to_contain_text("Faulted")


async def _stored(operator: Operator, station_id: str, status: str) -> None:
    async def statuses() -> list[str]:
        told = await operator.items(
            "/events/history", station_id=station_id, type="connector.status_changed"
        )
        return [one["event"]["data"]["status"] for one in told]

    await eventually(statuses, lambda found: status in found, 60)


@pytest.mark.long
async def test_rows_stay_where_they_are_under_the_pointer(
    as_role: Viewing, suite: Suite, operator: Operator
) -> None:
    mark = f"still-{secrets.token_hex(4)}"
    async with (
        SimulatedStation(f"{mark}-b", suite.state().ocpp_url),
        as_role("viewer") as viewer,
    ):
        await _online(operator, f"{mark}-b")
        await viewer.open(f"stations?q={mark}")
        links = viewer.page.get_by_role("table").get_by_role("link")
        row = viewer.page.get_by_role("row", name=f"{mark}-b")
        await row.hover()
        async with SimulatedStation(f"{mark}-a", suite.state().ocpp_url):
            await expect(viewer.page.get_by_role("row", name=f"{mark}-a")).to_be_visible()
            before = await _stations_shown(viewer, mark)
            # Not where the order puts it, but last.
            assert before == [f"{mark}-b", f"{mark}-a"]
            await viewer.page.get_by_role("heading", level=1).hover()
            await expect(links.first).to_have_text(f"{mark}-a")


async def _stations_shown(viewer: Viewer, mark: str) -> list[str]:
    texts = await viewer.page.get_by_role("table").get_by_role("link").all_inner_texts()
    return [text for text in texts if text.startswith(mark)]
