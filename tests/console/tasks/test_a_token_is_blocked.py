"""Task: block a card that was stolen, while it charges."""

import secrets

import pytest
from playwright.async_api import expect

from csms_local.run_state import RunState
from csms_simulator.operator import Operator
from csms_simulator.session_script import SessionPlan, run_session
from csms_simulator.station import SimulatedStation
from tests.console.conftest import Viewing
from tests.console.tasks.conftest import Hands
from tests.console.tasks.steps import find_station, part, title_is

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_token_that_charges_is_blocked_and_what_it_charges_is_stopped(
    as_role: Viewing, hands: Hands, operator: Operator, run: RunState, id_token: str
) -> None:
    station_id = f"thief-{secrets.token_hex(4)}"
    async with (
        SimulatedStation(station_id, run.ocpp_url) as station,
        as_role("operator") as viewer,
    ):
        await station.wait_accepted(60)
        plan = SessionPlan(samples=None, sample_interval=0.5)
        station.spawn(run_session(station, 1, id_token, plan))
        page = viewer.page
        hand = hands(page)
        main = page.get_by_role("main")
        await viewer.open()
        await find_station(hand, page, station_id)
        await hand.press(main.get_by_role("link", name=id_token))
        await title_is(page, id_token)
        await hand.press(main.get_by_role("button", name="Block"))
        dialog = page.get_by_role("dialog")
        await expect(dialog).to_contain_text("It charges now, which blocking does not stop")
        await expect(dialog.get_by_role("list")).to_contain_text(station_id)
        await expect(dialog.get_by_label("Stop this transaction, too")).to_be_checked()
        await viewer.require_accessible()
        await hand.press(dialog.get_by_role("button", name="Block"))
        await expect(dialog).to_have_count(0)

        # Both ends are seen by themselves: the token's, and that of what it charged.
        await expect(main.get_by_text("blocked", exact=True)).to_be_visible()
        history = part(page, "Transactions").get_by_role("row", name=station_id)
        await expect(history).to_contain_text("completed")
        await viewer.require_accessible()
        await hand.press(page.get_by_role("link", name=f"{station_id} is told to stop"))
        await expect(main).to_contain_text("The station accepted it")
        assert not await station.authorize(id_token)
    (stopped,) = await operator.items("/transactions", id_token=id_token)
    assert stopped["stop_reason"] == "Remote"
