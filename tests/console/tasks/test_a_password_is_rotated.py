"""Task: give a station a new password, which nobody has to type in at the station."""

import base64
import secrets

import pytest
from playwright.async_api import expect
from websockets.exceptions import InvalidStatus

from csms_local.run_state import RunState
from csms_simulator.operator import Operator
from csms_simulator.settings import StationSettings
from csms_simulator.station import SimulatedStation
from tests.admitted import admitted
from tests.console.conftest import Viewing
from tests.console.tasks.conftest import Hands
from tests.console.tasks.steps import find_station, part

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_new_password_is_sent_shown_once_and_counts_from_then_on(
    as_role: Viewing, hands: Hands, operator: Operator, run: RunState
) -> None:
    station_id, old = f"rotated-{secrets.token_hex(4)}", secrets.token_hex(20)
    await operator.post("/stations", {"station_id": station_id, "password": old})
    settings = StationSettings(password=bytes.fromhex(old))
    async with (
        SimulatedStation(station_id, run.ocpp_url, settings=settings) as station,
        as_role("admin") as viewer,
    ):
        await station.wait_accepted(60)
        page = viewer.page
        hand = hands(page)
        await viewer.open()
        await find_station(hand, page, station_id)
        await hand.press(page.get_by_role("link", name="Settings", exact=True))
        password = part(page, "Password")
        await hand.choose(password.get_by_label("How"), "send the station a new one")
        await hand.press(password.get_by_role("button", name="Send the new password"))
        await expect(password).to_contain_text("It is not shown again")
        await expect(password).to_contain_text("The station accepted it")
        new = await password.get_by_role("code").inner_text()
        await viewer.require_accessible()
        assert await password.get_by_text(old).count() == 0

        # Whoever comes later finds it nowhere.
        await hand.press(password.get_by_role("link", name="The command"))
        await expect(page.get_by_role("main")).to_contain_text("AuthorizationKey")
        await viewer.require_accessible()
        assert new not in await page.get_by_role("main").inner_text()
        await page.go_back()
        await expect(password).to_contain_text("The station has a password")
        assert new not in await password.inner_text()

        assert await _status(run, station_id, old) == 401
        await station.link.drop()
        await station.link.wait_online(60)
        await expect(page.get_by_role("main").get_by_text("online", exact=True)).to_be_visible()
    assert station.link.password == bytes.fromhex(new)


async def _status(run: RunState, station_id: str, password: str) -> int:
    """Answer of the gateway to a station that connects with a password."""
    known = base64.b64encode(station_id.encode() + b":" + bytes.fromhex(password)).decode()
    headers = {"Authorization": f"Basic {known}"}
    try:
        async with admitted(f"{run.ocpp_url}/{station_id}", additional_headers=headers):
            return 101
    except InvalidStatus as refused:
        return refused.response.status_code
