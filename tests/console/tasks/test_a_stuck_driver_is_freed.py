"""Task: a driver can't leave, because the station does not end the session."""

import secrets

import pytest
from playwright.async_api import expect

from csms_local.run_state import RunState
from csms_simulator.answer import Answer
from csms_simulator.bare_station import BareStation
from csms_simulator.operator import Operator
from csms_simulator.session_script import SessionPlan, run_session
from csms_simulator.station import SimulatedStation
from csms_simulator.wire import Payload
from tests.console.conftest import Viewing
from tests.console.tasks.conftest import Hands
from tests.console.tasks.stations_charging import charging
from tests.console.tasks.steps import find_station, part, send, title_is

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def _refuse(station: BareStation, request: Payload) -> Answer:
    return Answer({"status": "Rejected"})


async def _fail_to_unlock(station: BareStation, request: Payload) -> Answer:
    return Answer({"status": "UnlockFailed"})


async def test_a_station_that_stops_nothing_is_worked_around_step_by_step(
    as_role: Viewing, hands: Hands, operator: Operator, run: RunState, id_token: str
) -> None:
    stubborn = {
        "RemoteStopTransaction": _refuse,
        "UnlockConnector": _fail_to_unlock,
        "Reset": _refuse,
    }
    station_id = f"stuck-{secrets.token_hex(4)}"
    async with (
        SimulatedStation(station_id, run.ocpp_url, handlers=stubborn) as station,
        as_role("admin") as viewer,
    ):
        page = viewer.page
        hand = hands(page)
        main = page.get_by_role("main")
        session = await charging(station, id_token)
        number = session.transaction_id
        await viewer.open()
        await find_station(hand, page, station_id)
        connectors = part(page, "Connectors")
        await hand.press(connectors.get_by_role("link", name="Stop").first)
        outcome = await send(hand, page, "RemoteStopTransaction")
        await expect(outcome).to_contain_text("The station answered, and refused it")
        await expect(outcome).to_contain_text(f"Transaction {number} at connector 1 is still")
        await viewer.require_accessible()

        await hand.press(outcome.get_by_role("link", name="Unlock connector 1"))
        outcome = await send(hand, page, "UnlockConnector")
        await expect(outcome).to_contain_text("UnlockFailed")
        await hand.press(outcome.get_by_role("link", name="Reset the station"))
        outcome = await send(hand, page, "Reset")
        await expect(outcome).to_contain_text("Rejected")

        await hand.press(outcome.get_by_role("link", name=f"Close transaction {number} by hand"))
        await title_is(page, f"Transaction {number}")
        await hand.press(main.get_by_role("button", name="Close by hand"))
        dialog = page.get_by_role("dialog")
        # The last reading is there already.
        await expect(dialog.get_by_label("Meter at the end")).to_have_value("2500")
        await hand.write(dialog.get_by_label("Why it is closed by hand"), "the cable is stuck")
        await viewer.require_accessible()
        await hand.press(dialog.get_by_role("button", name="Close by hand"))
        await expect(
            page.get_by_role("status").get_by_text("The transaction is closed")
        ).to_be_visible()
        await expect(main).to_contain_text("Somebody ended it here")
        await expect(main.get_by_role("button", name="Close by hand")).to_have_count(0)
        await viewer.require_accessible()
        told = [one.action for one in station.ledger.commands]
    assert told == ["RemoteStopTransaction", "UnlockConnector", "Reset"]
    found = await operator.get(f"/transactions/{number}")
    assert (found["status"], found["energy_wh"]) == ("completed", 1500)


async def test_an_operator_frees_a_cable_by_unlocking_its_connector(
    as_role: Viewing, hands: Hands, operator: Operator, run: RunState, id_token: str
) -> None:
    station_id = f"stuck-{secrets.token_hex(4)}"
    handlers = {"RemoteStopTransaction": _refuse}
    async with (
        SimulatedStation(station_id, run.ocpp_url, handlers=handlers) as station,
        as_role("operator") as viewer,
    ):
        page = viewer.page
        hand = hands(page)
        await station.wait_accepted(60)
        plan = SessionPlan(samples=None, sample_interval=0.5)
        station.spawn(run_session(station, 1, id_token, plan))
        await viewer.open()
        await find_station(hand, page, station_id)
        running = page.get_by_role("region", name="at connector 1")
        await hand.press(running.get_by_role("link", name="Open transaction"))
        await hand.press(page.get_by_role("button", name="Stop charging"))
        await hand.press(page.get_by_role("dialog").get_by_role("button", name="Stop charging"))
        # The command's own page leads on, too.
        await title_is(page, f"RemoteStopTransaction at {station_id}")
        await hand.press(page.get_by_role("link", name="Unlock connector 1"))
        outcome = await send(hand, page, "UnlockConnector")
        await expect(outcome).to_contain_text("Unlocked")
        # It ends by itself, and so does the offer of what else could be tried.
        await expect(outcome.get_by_role("link", name="Reset the station")).to_have_count(0)
        await hand.press(page.get_by_role("link", name="Now", exact=True))
        await expect(page.get_by_role("row", name="1 Available")).to_be_visible()
        await expect(running).to_have_count(0)
    (ended,) = await operator.items("/transactions", station_id=station_id)
    assert ended["stop_reason"] == "UnlockCommand"
