"""Task: a driver calls, and charging is started from the office."""

import secrets

import pytest
from playwright.async_api import expect

from csms_local.run_state import RunState
from csms_simulator.operator import Operator
from csms_simulator.session_script import SessionPlan
from csms_simulator.station import SimulatedStation
from tests.console.conftest import Viewing
from tests.console.tasks.conftest import Hands
from tests.console.tasks.steps import find_station, part, title_is

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_session_is_started_and_seen_with_its_power(
    as_role: Viewing, hands: Hands, operator: Operator, run: RunState, id_token: str
) -> None:
    station_id = f"remote-{secrets.token_hex(4)}"
    async with (
        SimulatedStation(station_id, run.ocpp_url) as station,
        as_role("operator") as viewer,
    ):
        station.remote_plan = SessionPlan(samples=None, sample_interval=0.5, power_w=6_600)
        await station.wait_accepted(60)
        page = viewer.page
        hand = hands(page)
        main = page.get_by_role("main")
        await viewer.open()
        await find_station(hand, page, station_id)
        connectors = part(page, "Connectors")
        await hand.press(connectors.get_by_role("link", name="Start").first)
        await hand.write(main.get_by_label("Id token idTag"), id_token)
        await hand.press(main.get_by_role("button", name="Send RemoteStartTransaction"))
        outcome = part(page, "What became of it")
        await expect(outcome).to_contain_text("The station accepted it")
        await viewer.require_accessible()

        # The session is on the station's page by itself, with what it draws.
        await hand.press(page.get_by_role("link", name="Now", exact=True))
        await expect(main).to_contain_text("6.6 kW")
        number = station.sessions[1].transaction_id
        running = part(page, f"Transaction {number} at connector 1")
        await expect(running).to_contain_text(id_token)
        await viewer.require_accessible()
        await hand.press(running.get_by_role("link", name="Open transaction"))
        await title_is(page, f"Transaction {number}")
        await expect(main).to_contain_text("6.6 kW")
        await expect(main.get_by_role("heading", name="Power", exact=True)).to_be_visible()
        await expect(main.get_by_role("button", name="Stop charging")).to_be_visible()
        await viewer.require_accessible()
    assert (await operator.get(f"/transactions/{number}"))["id_token"] == id_token
