"""Task: change a setting of fifty stations, one of which refuses."""

import contextlib
import secrets

import pytest
from playwright.async_api import expect

from csms_local.run_state import RunState
from csms_simulator.answer import Answer
from csms_simulator.bare_station import BareStation, Handler
from csms_simulator.station import SimulatedStation
from csms_simulator.wire import Payload
from tests.console.conftest import Viewing
from tests.console.tasks.conftest import Hands
from tests.console.tasks.steps import title_is

pytestmark = pytest.mark.asyncio(loop_scope="session")

KEY, VALUE = "MeterValueSampleInterval", "47"


async def _refuse(station: BareStation, request: Payload) -> Answer:
    return Answer({"status": "Rejected"})


async def test_a_setting_goes_to_fifty_stations_and_the_one_that_refuses_is_seen(
    as_role: Viewing, hands: Hands, run: RunState
) -> None:
    mark = f"fifty-{secrets.token_hex(4)}"
    ids = [f"{mark}-{n:02}" for n in range(50)]
    odd = ids[17]
    async with contextlib.AsyncExitStack() as stack, as_role("operator") as viewer:
        stations: list[SimulatedStation] = []
        for station_id in ids:
            handlers: dict[str, Handler] = (
                {"ChangeConfiguration": _refuse} if station_id == odd else {}
            )
            station = SimulatedStation(station_id, run.ocpp_url, handlers=handlers)
            stations.append(await stack.enter_async_context(station))
        for station in stations:
            await station.wait_accepted(60)
        page = viewer.page
        hand = hands(page)
        main = page.get_by_role("main")
        await viewer.open("stations")
        await hand.write(main.get_by_label("Id, name, model, serial number"), mark)
        await expect(main).to_contain_text("50 stations, 50 online")
        await hand.tick(main.get_by_role("checkbox", name="Select all"))
        await expect(main).to_contain_text("50 selected")
        await viewer.require_accessible()
        await hand.press(main.get_by_role("button", name="Send a command"))

        await title_is(page, "Send a command to many stations")
        await expect(main).to_contain_text("50 chosen stations")
        await hand.choose(main.get_by_label("Command", exact=True), "ChangeConfiguration")
        await hand.write(main.get_by_label("Key key"), KEY)
        await hand.write(main.get_by_label("Value value"), VALUE)
        await viewer.require_accessible()
        submit = "Send ChangeConfiguration to 50 stations"
        await hand.press(main.get_by_role("button", name=submit))
        dialog = page.get_by_role("dialog")
        await expect(dialog).to_contain_text("50 stations?")
        await hand.press(dialog.get_by_role("button", name="Send ChangeConfiguration"))

        await title_is(page, "ChangeConfiguration")
        await expect(main).to_contain_text("50 of 50 stations are done")
        table = page.get_by_role("table")
        await expect(table.get_by_role("row")).to_have_count(51)
        await expect(table.get_by_role("row", name=ids[0])).to_contain_text("Accepted")
        await expect(table.get_by_role("row", name=odd)).to_contain_text("Rejected")
        await viewer.require_accessible()
        # Among fifty, the one is found without reading them all.
        await hand.choose(main.get_by_role("combobox", name="State", exact=True), "refused")
        await expect(table.get_by_role("row")).to_have_count(2)
        await hand.press(table.get_by_role("row", name=odd).get_by_role("link", name="Details"))
        await title_is(page, f"ChangeConfiguration at {odd}")
        await expect(main).to_contain_text("The station answered, and refused it")
        await viewer.require_accessible()
        taken = {one.station_id for one in stations if one.configuration.text(KEY) == VALUE}
    assert taken == set(ids) - {odd}
