"""Task: find out why a new station can't connect, and mend it."""

import secrets

import pytest
from playwright.async_api import expect

from csms_local.run_state import RunState
from csms_simulator.operator import Operator
from csms_simulator.settings import StationSettings
from csms_simulator.station import SimulatedStation
from tests.console.conftest import Viewing
from tests.console.tasks.conftest import Hands
from tests.console.tasks.steps import part, search_station, title_is
from tests.integration.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_wrong_password_is_found_in_two_steps_and_mended(
    as_role: Viewing, hands: Hands, operator: Operator, run: RunState
) -> None:
    station_id, typed_in = f"new-{secrets.token_hex(4)}", secrets.token_hex(16)
    made = {"station_id": station_id, "password": secrets.token_hex(16)}
    await operator.post("/stations", made)
    settings = StationSettings(password=typed_in.encode(), longest_reconnect_wait=1.0)
    async with (
        SimulatedStation(station_id, run.ocpp_url, settings=settings) as station,
        as_role("admin") as viewer,
    ):
        page = viewer.page
        hand = hands(page)
        main = page.get_by_role("main")
        await _refused(operator, station_id)
        await viewer.open()
        await search_station(hand, page, station_id)
        row = page.get_by_role("row", name=station_id)
        await expect(row).to_contain_text("offline")

        # The first step says why, the second what to do.
        await hand.press(row.get_by_role("link", name=station_id))
        await title_is(page, station_id)
        await expect(main).to_contain_text("The password is missing or wrong")
        await viewer.require_accessible()
        await hand.press(main.get_by_role("link", name="The password is missing or wrong"))
        await expect(part(page, "What to do")).to_contain_text("Set a new password")
        await viewer.require_accessible()

        await hand.press(main.get_by_role("link", name="Its settings"))
        password = part(page, "Password")
        await hand.choose(password.get_by_label("The password"), "give one")
        await hand.write(password.get_by_label("Password", exact=True), typed_in)
        await hand.press(password.get_by_role("button", name="Set the password"))
        await expect(password.get_by_role("status")).to_contain_text(typed_in)
        await viewer.require_accessible()

        # It comes back by itself, and the page says so by itself.
        await station.wait_accepted(60)
        await expect(main.get_by_text("online", exact=True)).to_be_visible()
        await hand.press(page.get_by_role("link", name="Now", exact=True))
        await expect(part(page, "Connectors")).to_contain_text("Available")
        await expect(main.get_by_text("The password is missing or wrong")).to_have_count(0)
        await viewer.settled()
    assert (await operator.get(f"/stations/{station_id}"))["last_boot_at"] is not None


async def _refused(operator: Operator, station_id: str) -> None:
    async def last_refusal() -> object:
        return (await operator.get(f"/stations/{station_id}"))["last_refusal"]

    await eventually(last_refusal, bool)
