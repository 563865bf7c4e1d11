"""Task: bring a new firmware to four stations, one of which can't install it."""

import contextlib
import secrets

import pytest
from playwright.async_api import expect

from csms_local.run_state import RunState
from csms_simulator.bare_station import Handler
from csms_simulator.demo.firmware import VERSION, served, update_that_fails
from csms_simulator.operator import Operator
from csms_simulator.station import SimulatedStation
from tests.console.conftest import Viewing
from tests.console.tasks.conftest import Hands
from tests.console.tasks.steps import title_is

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_four_stations_are_updated_and_the_one_that_fails_is_seen(
    as_role: Viewing, hands: Hands, operator: Operator, run: RunState
) -> None:
    mark = f"firmware-{secrets.token_hex(4)}"
    ids = [f"{mark}-{n}" for n in range(4)]
    odd = ids[2]
    async with contextlib.AsyncExitStack() as stack:
        location = await stack.enter_async_context(served())
        stations: list[SimulatedStation] = []
        for station_id in ids:
            handlers: dict[str, Handler] = {}
            if station_id == odd:
                handlers["UpdateFirmware"] = update_that_fails
            station = SimulatedStation(station_id, run.ocpp_url, handlers=handlers)
            stations.append(await stack.enter_async_context(station))
        for station in stations:
            await station.wait_accepted(60)
        viewer = await stack.enter_async_context(as_role("operator"))
        page = viewer.page
        hand = hands(page)
        main = page.get_by_role("main")
        await viewer.open(f"stations?q={mark}")
        await expect(main).to_contain_text("4 stations, 4 online")
        await hand.tick(main.get_by_role("checkbox", name="Select all"))
        await hand.press(main.get_by_role("button", name="Update firmware"))

        await title_is(page, "New rollout")
        await expect(main).to_contain_text("4 stations are named")
        await hand.write(main.get_by_label("Name", exact=True), f"To {VERSION} ({mark})")
        await hand.write(main.get_by_label("Address of the firmware"), location)
        # One failure of four is expected to be possible: the others get it all the same.
        await hand.write(main.get_by_label("Stop after so many failures"), "2")
        await viewer.require_accessible()
        await hand.press(main.get_by_role("button", name="Start the rollout"))
        dialog = page.get_by_role("dialog")
        await expect(dialog).to_contain_text("Update the firmware of 4 stations?")
        await hand.press(dialog.get_by_role("button", name="Start the rollout"))

        await title_is(page, f"To {VERSION} ({mark})")
        await expect(main).to_contain_text("4 of 4 stations ended")
        table = main.get_by_role("table")
        for station_id in ids:
            state = "failed" if station_id == odd else "succeeded"
            await expect(table.get_by_role("row", name=station_id)).to_contain_text(state)
        await viewer.require_accessible()
        await hand.press(main.get_by_role("link", name="failed"))
        await expect(table.get_by_role("row")).to_have_count(2)
        await hand.press(table.get_by_role("link", name=f"Open the job {odd}"))
        await expect(main).to_contain_text("InstallationFailed")
        await viewer.require_accessible()
    versions = {
        station_id: (await operator.get(f"/stations/{station_id}"))["firmware_version"]
        for station_id in ids
    }
    assert versions == {one: "1.0.0" if one == odd else VERSION for one in ids}
