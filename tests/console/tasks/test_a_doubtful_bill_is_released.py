"""Task: look at a bill that can't be right, and send it on all the same."""

import re
import secrets

import pytest
from playwright.async_api import expect

from csms_local.run_state import RunState
from csms_simulator.operator import Operator
from csms_simulator.station import SimulatedStation
from tests.console.conftest import Viewing
from tests.console.paid_sessions import assign, bill_of, new_tariff
from tests.console.tasks.conftest import Hands
from tests.console.tasks.steps import part, title_is

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def _charged_with_a_clock_that_was_never_set(
    station_id: str, id_token: str, ocpp_url: str
) -> int:
    async with SimulatedStation(station_id, ocpp_url) as station:
        await station.wait_accepted(60)
        started = await station.call(
            "StartTransaction",
            {
                "connectorId": 1,
                "idTag": id_token,
                "meterStart": 0,
                "timestamp": "2010-01-01T00:00:00Z",
            },
        )
        transaction_id: int = started["transactionId"]
        await station.call(
            "StopTransaction",
            {
                "transactionId": transaction_id,
                "meterStop": 4_000,
                "timestamp": "2010-01-01T01:00:00Z",
            },
        )
    return transaction_id


async def test_a_bill_that_waits_for_review_is_explained_and_released(
    as_role: Viewing, hands: Hands, operator: Operator, run: RunState, id_token: str
) -> None:
    station_id = f"doubtful-{secrets.token_hex(4)}"
    await assign(operator, await new_tariff(operator, f"Tariff {station_id}"), id_token=id_token)
    transaction_id = await _charged_with_a_clock_that_was_never_set(
        station_id, id_token, run.ocpp_url
    )
    bill = await bill_of(operator, transaction_id)
    assert (bill["status"], bill["cdr_id"]) == ("review", None)
    async with as_role("operator") as viewer:
        page = viewer.page
        hand = hands(page)
        main = page.get_by_role("main")
        await viewer.open()
        navigation = page.get_by_role("navigation", name="Pages")
        await expect(navigation.get_by_role("link", name="Bills")).to_be_visible()
        # An overview is up to two seconds old, and is read anew.
        held = main.get_by_role("link", name=re.compile(r"^[1-9]\d*\s*bills wait for review$"))
        await hand.press(held)
        await title_is(page, "Bills")
        await hand.write(main.get_by_role("searchbox", name="Station", exact=True), station_id)
        await expect(main.get_by_role("row")).to_have_count(2)
        row = main.get_by_role("row", name=station_id)
        await expect(row).to_contain_text("clock not set")
        await viewer.require_accessible()
        await hand.press(row.get_by_role("link", name=f"Transaction {transaction_id}", exact=True))
        await title_is(page, f"Transaction {transaction_id}")
        cost = part(page, "Cost")
        await expect(cost).to_contain_text("waits for review")
        await expect(cost).to_contain_text("The station's clock was never set")
        await hand.press(cost.get_by_role("button", name="Release"))
        await viewer.require_accessible()
        await hand.press(page.get_by_role("dialog").get_by_role("button", name="Release"))
        await expect(cost).to_contain_text("final")
        await expect(cost.get_by_role("button", name="Release")).to_have_count(0)
        await viewer.require_accessible()
    released = await bill_of(operator, transaction_id)
    assert released["status"] == "final"
    assert released["cdr_id"] is not None


async def test_several_bills_are_released_together(
    as_role: Viewing, hands: Hands, operator: Operator, run: RunState, id_token: str
) -> None:
    station_id = f"doubtful-{secrets.token_hex(4)}"
    await assign(operator, await new_tariff(operator, f"Tariff {station_id}"), id_token=id_token)
    transactions = [
        await _charged_with_a_clock_that_was_never_set(station_id, id_token, run.ocpp_url)
        for _ in range(2)
    ]
    for transaction_id in transactions:
        await bill_of(operator, transaction_id)
    async with as_role("operator") as viewer:
        page = viewer.page
        hand = hands(page)
        main = page.get_by_role("main")
        await viewer.open(f"bills?station_id={station_id}")
        await expect(main.get_by_role("row")).to_have_count(3)
        await hand.tick(main.get_by_role("checkbox", name="Select all"))
        await hand.press(main.get_by_role("button", name="Release selected (2)"))
        dialog = page.get_by_role("dialog")
        await viewer.require_accessible()
        await hand.press(dialog.get_by_role("button", name="Release 2 bills"))
        await expect(dialog).to_contain_text("Done: 2. Left as they are: 0.")
        await hand.press(dialog.get_by_role("button", name="Close"))
        await expect(main).to_contain_text("No bill waits for review.")
    for transaction_id in transactions:
        assert (await bill_of(operator, transaction_id))["status"] == "final"
