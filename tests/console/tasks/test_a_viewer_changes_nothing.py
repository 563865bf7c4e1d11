"""Task: let somebody look at everything and change nothing."""

import secrets

import pytest
from playwright.async_api import Page, expect

from csms_local.run_state import RunState
from csms_simulator.station import SimulatedStation
from tests.console.conftest import Viewing
from tests.console.tasks.conftest import Hands
from tests.console.tasks.stations_charging import charging
from tests.console.tasks.steps import find_station, log_in, part, title_is
from tests.console.viewing import encoded

pytestmark = pytest.mark.asyncio(loop_scope="session")

FORBIDDEN = 403


async def _nothing_to_change(page: Page) -> None:
    main = page.get_by_role("main")
    offers = ("New station", "Send a command", "Reset", "Stop", "Start", "Unlock", "Block", "Edit")
    for name in (*offers, "Delete", "Stop charging", "Close by hand", "Take out of service"):
        await expect(main.get_by_role("button", name=name, exact=True)).to_have_count(0)
        await expect(main.get_by_role("link", name=name, exact=True)).to_have_count(0)
    await expect(main.get_by_role("checkbox", name="Select all")).to_have_count(0)


async def test_a_viewer_is_made_logs_in_sees_all_and_is_offered_no_change(
    as_role: Viewing, hands: Hands, as_nobody: Viewing, run: RunState, id_token: str
) -> None:
    name, password = f"looks-{secrets.token_hex(4)}", secrets.token_hex(12)
    async with as_role("admin") as viewer:
        page = viewer.page
        hand = hands(page)
        await viewer.open()
        await hand.press(
            page.get_by_role("navigation", name="Pages").get_by_role("link", name="Users")
        )
        await title_is(page, "Users")
        await hand.press(page.get_by_role("button", name="New user"))
        dialog = page.get_by_role("dialog")
        await hand.write(dialog.get_by_label("User name"), name)
        await hand.write(dialog.get_by_label("Password"), password)
        # The role that is offered first is the one that can do least.
        await expect(dialog.get_by_label("Role")).to_have_value("viewer")
        await expect(dialog).to_contain_text("Sees everything, changes nothing")
        await viewer.require_accessible()
        await hand.press(dialog.get_by_role("button", name="Create the user"))
        await hand.press(page.get_by_role("link", name=f"{name} may log in now"))
        await title_is(page, name)
        await expect(part(page, "Account")).to_contain_text("viewer")
        await viewer.require_accessible()

    station_id = f"seen-{secrets.token_hex(4)}"
    async with (
        SimulatedStation(station_id, run.ocpp_url) as station,
        as_nobody() as viewer,
    ):
        session = await charging(station, id_token)
        page = viewer.page
        hand = hands(page)
        viewer.expected_refusals = {401}
        await viewer.open()
        await log_in(hand, page, name, password)
        viewer.expected_refusals = set()
        await title_is(page, "Overview")
        navigation = page.get_by_role("navigation", name="Pages")
        await expect(navigation.get_by_role("link", name="Users")).to_have_count(0)
        await hand.press(navigation.get_by_role("link", name="Stations", exact=True))
        await title_is(page, "Stations")
        await viewer.settled()
        await _nothing_to_change(page)

        await find_station(hand, page, station_id)
        running = part(page, f"Transaction {session.transaction_id} at connector 1")
        await expect(running).to_contain_text("7.4 kW")
        await _nothing_to_change(page)
        await expect(page.get_by_role("link", name="Settings", exact=True)).to_have_count(0)
        await viewer.require_accessible()
        await hand.press(page.get_by_role("link", name="Commands", exact=True).last)
        await expect(page.get_by_text("Nothing was sent to this station yet")).to_be_visible()
        await _nothing_to_change(page)
        await hand.press(page.get_by_role("link", name="Now", exact=True))
        await hand.press(running.get_by_role("link", name="Open transaction"))
        await title_is(page, f"Transaction {session.transaction_id}")
        await viewer.settled()
        await _nothing_to_change(page)
        await viewer.require_accessible()

        # Whoever knows an address is told what they lack; REST refuses them all the same.
        await viewer.open(f"stations/{station_id}/commands/Reset")
        await viewer.settled()
        await expect(page.get_by_role("main")).to_contain_text("needs the role operator")
        await viewer.open("users")
        await expect(page.get_by_role("main")).to_contain_text("needs the role administrator")
        viewer.expected_refusals = {FORBIDDEN}
        for path in (
            f"stations/{encoded(station_id)}/commands/Reset",
            f"transactions/{session.transaction_id}/close",
            f"id-tokens/{id_token}/block",
        ):
            answer = await viewer.context.request.post(
                f"{viewer.url}/api/v1/{path}",
                data={"type": "Soft", "meter_stop": 1, "reason": "curiosity"},
                headers={"X-Requested-With": "test"},
            )
            assert answer.status == FORBIDDEN, path
    assert station.ledger.commands == []
