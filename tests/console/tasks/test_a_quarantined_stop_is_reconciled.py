"""Task: give the end of a session, which named none that exists, to the session that was meant."""

import secrets

import pytest
from playwright.async_api import expect

from csms_local.run_state import RunState
from csms_simulator.operator import Operator
from csms_simulator.settings import StationSettings
from csms_simulator.station import SimulatedStation
from tests.console.conftest import Viewing
from tests.console.tasks.conftest import Hands
from tests.console.tasks.stations_charging import charging
from tests.console.tasks.steps import title_is

pytestmark = pytest.mark.asyncio(loop_scope="session")

UNKNOWN = 2_000_000_000


async def test_a_stop_that_fits_none_goes_to_the_session_that_somebody_chooses(
    as_role: Viewing, hands: Hands, operator: Operator, run: RunState, id_token: str
) -> None:
    station_id = f"lost-{secrets.token_hex(4)}"
    settings = StationSettings(connectors=2)
    async with (
        SimulatedStation(station_id, run.ocpp_url, settings=settings) as station,
        as_role("admin") as viewer,
    ):
        first = await charging(station, id_token)
        second = await charging(station, id_token, connector_id=2)
        stop = {
            "transactionId": UNKNOWN,
            "meterStop": 3_210,
            "timestamp": station.timestamp(),
            "reason": "Local",
        }
        await station.call("StopTransaction", stop)
        page = viewer.page
        hand = hands(page)
        main = page.get_by_role("main")
        await viewer.open()
        # The first page says that somebody has to decide.
        await hand.press(main.get_by_role("link", name="in quarantine"))
        await title_is(page, "Quarantine")
        await hand.write(main.get_by_role("searchbox", name="Station", exact=True), station_id)
        row = main.get_by_role("row", name=station_id)
        await expect(row).to_contain_text(str(UNKNOWN))
        await viewer.require_accessible()
        await hand.press(row.get_by_role("button", name="End of a transaction"))
        dialog = page.get_by_role("dialog")
        await expect(dialog).to_contain_text("3210")
        await hand.tick(dialog.get_by_role("radio", name=f"Transaction {second.transaction_id}"))
        await viewer.require_accessible()
        await hand.press(dialog.get_by_role("button", name="Give it to this transaction"))
        await hand.press(page.get_by_role("link", name="It belongs to the transaction now"))
        await title_is(page, f"Transaction {second.transaction_id}")
        await expect(main).to_contain_text("3,210 Wh")
        await viewer.require_accessible()
        navigation = page.get_by_role("navigation", name="Pages")
        await hand.press(navigation.get_by_role("link", name="Quarantine"))
        await hand.write(main.get_by_role("searchbox", name="Station", exact=True), station_id)
        await expect(main).to_contain_text("Nothing waits for a decision")
    ended = await operator.get(f"/transactions/{second.transaction_id}")
    assert (ended["status"], ended["energy_wh"]) == ("completed", 2210)
    goes_on = await operator.get(f"/transactions/{first.transaction_id}")
    assert goes_on["status"] == "active"
