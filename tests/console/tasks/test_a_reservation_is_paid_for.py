"""Task: find out what somebody pays for a reservation that they did not use."""

import secrets
from typing import Any

import pytest
from playwright.async_api import expect

from csms_local.run_state import RunState
from csms_simulator.operator import Operator
from csms_simulator.station import SimulatedStation
from tests.console.conftest import Viewing
from tests.console.paid_sessions import assign, new_tariff
from tests.console.tasks.conftest import Hands
from tests.console.tasks.steps import part, title_is
from tests.integration.reserving import becomes, reserve

pytestmark = pytest.mark.asyncio(loop_scope="session")

_TARIFF: dict[str, Any] = {
    "currency": "EUR",
    "elements": [
        {
            "price_components": [{"type": "FLAT", "price": 3, "vat": 20, "step_size": 1}],
            "restrictions": {"reservation": "RESERVATION"},
        }
    ],
}


async def test_a_reservation_that_nobody_used_is_explained_billed_and_recorded(
    as_role: Viewing, hands: Hands, operator: Operator, run: RunState, id_token: str
) -> None:
    station_id = f"reserved-{secrets.token_hex(4)}"
    async with SimulatedStation(station_id, run.ocpp_url) as station, as_role("operator") as viewer:
        await station.wait_accepted()
        made = await reserve(operator, station_id, id_token)
        number = made["reservation_id"]
        await becomes(operator, f"/reservations/{number}", "active")
        page = viewer.page
        hand = hands(page)
        await viewer.open(f"reservations/{number}")
        cost = part(page, "Cost")
        await expect(cost).to_contain_text("pays for it with the session")
        await expect(cost.get_by_role("button", name="Bill anew")).to_have_count(0)
        (await operator.http.post(f"/reservations/{number}/cancel")).raise_for_status()
        await expect(cost).to_contain_text("no tariff")
        await assign(operator, await new_tariff(operator, station_id, _TARIFF), id_token=id_token)
        await hand.press(cost.get_by_role("button", name="Bill anew"))
        dialog = page.get_by_role("dialog")
        await expect(dialog).to_contain_text(f"Bill reservation {number} anew?")
        await hand.press(dialog.get_by_role("button", name="Bill anew"))
        await expect(cost).to_contain_text("€3.60")
        await expect(cost).to_contain_text("of the reservation")
        await viewer.require_accessible()
        await viewer.open(f"bills?show=all&reservation_id={number}")
        row = page.get_by_role("main").get_by_role("row", name=station_id)
        await expect(row).to_contain_text("€3.60")
        await viewer.require_accessible()
        await hand.press(row.get_by_role("link", name=f"Reservation {number}", exact=True))
        await title_is(page, f"Reservation {number}")
        await hand.press(part(page, "Cost").get_by_role("link", name="Record").first)
        await expect(page.get_by_role("main")).to_contain_text("reservation cancelled")
        await viewer.require_accessible()
