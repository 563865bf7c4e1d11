"""Task: bill a session that had no tariff when it ended."""

import secrets

import pytest
from playwright.async_api import expect

from csms_local.run_state import RunState
from csms_simulator.operator import Operator
from csms_simulator.station import SimulatedStation
from tests.console.conftest import Viewing
from tests.console.paid_sessions import assign, bill_of, new_tariff
from tests.console.tasks.conftest import Hands
from tests.console.tasks.stations_charging import charging
from tests.console.tasks.steps import part

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_session_without_a_tariff_gets_its_bill_once_it_has_one(
    as_role: Viewing, hands: Hands, operator: Operator, run: RunState, id_token: str
) -> None:
    mark = secrets.token_hex(4)
    async with SimulatedStation(f"anew-{mark}", run.ocpp_url) as station:
        session = await charging(station, id_token)
        assert session.transaction_id is not None
        async with as_role("operator") as viewer:
            page = viewer.page
            hand = hands(page)
            await viewer.open(f"transactions/{session.transaction_id}")
            cost = part(page, "Cost")
            anew = cost.get_by_role("button", name="Bill anew")
            # What goes on is not billed yet.
            await expect(cost).to_contain_text("running")
            await expect(anew).to_have_count(0)
            session.stop()
            await session.wait_ended(60)
            await expect(cost).to_contain_text("no tariff")
            await assign(operator, await new_tariff(operator, f"Tariff {mark}"), id_token=id_token)
            await hand.press(anew)
            dialog = page.get_by_role("dialog")
            await viewer.require_accessible()
            await hand.press(dialog.get_by_role("button", name="Bill anew"))
            await expect(page.locator(".notices")).to_contain_text("billed anew")
            await expect(cost).to_contain_text("final")
            await expect(cost).to_contain_text("€2.08")
        async with as_role("viewer") as viewer:
            await viewer.open(f"transactions/{session.transaction_id}")
            cost = part(viewer.page, "Cost")
            await expect(cost).to_contain_text("final")
            await expect(cost.get_by_role("button", name="Bill anew")).to_have_count(0)
    assert (await bill_of(operator, session.transaction_id))["total_incl_vat"] == "2.08"
