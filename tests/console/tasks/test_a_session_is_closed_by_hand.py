"""Task: close a session whose station is gone."""

import secrets

import pytest
from playwright.async_api import expect

from csms_local.run_state import RunState
from csms_simulator.operator import Operator
from csms_simulator.station import SimulatedStation
from tests.console.conftest import Viewing
from tests.console.tasks.conftest import Hands
from tests.console.tasks.stations_charging import charging
from tests.console.tasks.steps import title_is
from tests.integration.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_session_of_a_station_that_is_gone_is_closed_with_what_somebody_read(
    as_role: Viewing, hands: Hands, operator: Operator, run: RunState, id_token: str
) -> None:
    station_id = f"gone-{secrets.token_hex(4)}"
    async with SimulatedStation(station_id, run.ocpp_url) as station:
        session = await charging(station, id_token)
        path = f"/transactions/{session.transaction_id}"

        async def measured() -> object:
            return (await operator.get(path))["live"]["measured_at"]

        await eventually(measured, bool)
    async with as_role("admin") as viewer:
        page = viewer.page
        hand = hands(page)
        main = page.get_by_role("main")
        await viewer.open()
        navigation = page.get_by_role("navigation", name="Pages")
        await hand.press(navigation.get_by_role("link", name="Transactions"))
        await title_is(page, "Transactions")
        await hand.write(main.get_by_role("searchbox", name="Station", exact=True), station_id)
        row = main.get_by_role("row", name=station_id)
        await expect(main.get_by_role("row")).to_have_count(2)
        await hand.press(row.get_by_role("link", name=str(session.transaction_id), exact=True))
        await title_is(page, f"Transaction {session.transaction_id}")
        await hand.press(main.get_by_role("button", name="Close by hand"))
        dialog = page.get_by_role("dialog")
        # The last reading that the station told is offered; somebody has read the meter since.
        await expect(dialog.get_by_label("Meter at the end")).to_have_value("2500")
        await hand.write(dialog.get_by_label("Meter at the end"), "2750")
        await hand.write(dialog.get_by_label("Why it is closed by hand"), "struck by a lorry")
        await viewer.require_accessible()
        await hand.press(dialog.get_by_role("button", name="Close by hand"))
        await expect(dialog).to_have_count(0)
        await expect(main).to_contain_text("Somebody ended it here")
        await viewer.require_accessible()
    found = await operator.get(path)
    assert (found["status"], found["energy_wh"]) == ("completed", 1750)
