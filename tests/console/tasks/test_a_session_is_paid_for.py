"""Task: say what charging costs at a site, and follow a session to its charge detail record."""

import re
import secrets

import pytest
from playwright.async_api import expect

from csms_local.run_state import RunState
from csms_simulator.operator import Operator
from csms_simulator.station import SimulatedStation
from tests.console.conftest import Viewing
from tests.console.tasks.conftest import Hands
from tests.console.tasks.stations_charging import charging
from tests.console.tasks.steps import part, title_is

pytestmark = pytest.mark.asyncio(loop_scope="session")

SITE = {
    "address": "Am Sandtorkai 1",
    "city": "Hamburg",
    "country": "DE",
    "time_zone": "Europe/Berlin",
}


async def test_a_tariff_is_made_and_assigned_and_a_session_costs_by_it(
    as_role: Viewing, hands: Hands, operator: Operator, run: RunState, id_token: str
) -> None:
    mark = secrets.token_hex(4)
    site = {**SITE, "site_id": f"harbour-{mark}", "name": f"Harbour {mark}"}
    (await operator.http.post("/sites", json=site)).raise_for_status()
    station_id = f"priced-{mark}"
    made = await operator.http.post(
        "/stations", json={"station_id": station_id, "site_id": site["site_id"]}
    )
    made.raise_for_status()
    async with (
        SimulatedStation(station_id, run.ocpp_url) as station,
        as_role("admin") as viewer,
    ):
        page = viewer.page
        hand = hands(page)
        main = page.get_by_role("main")
        await viewer.open()
        navigation = page.get_by_role("navigation", name="Pages")
        await hand.press(navigation.get_by_role("link", name="Tariffs"))
        await title_is(page, "Tariffs")
        await hand.press(main.get_by_role("link", name="New tariff"))
        await title_is(page, "New tariff")
        await hand.write(main.get_by_label("Name"), f"Tariff {mark}")
        await hand.write(main.get_by_label("Energy, per kWh"), "0.5")
        await hand.write(main.get_by_label("Energy: VAT (%)"), "19")
        await hand.write(main.get_by_label("Fee, per session"), "1")
        # Most tariffs have one rate: it is there already.
        await expect(main.get_by_label("Session fee: VAT (%)")).to_have_value("19")
        await viewer.require_accessible()
        await hand.press(main.get_by_role("button", name="Create the tariff"))
        await title_is(page, f"Tariff {mark}")
        prices = part(page, "What it costs")
        await expect(prices.get_by_role("row", name="Energy")).to_contain_text("€0.50 per kWh")
        await expect(prices).to_contain_text("so free: Charging time, Parking time")

        await hand.press(main.get_by_role("button", name="Assign"))
        dialog = page.get_by_role("dialog")
        await hand.choose(dialog.get_by_label("Site"), site["name"])
        await expect(dialog).to_contain_text("records lack coordinates")
        await viewer.require_accessible()
        await hand.press(dialog.get_by_role("button", name="Assign the tariff"))
        await expect(dialog).to_have_count(0)
        row = part(page, "Where it holds").get_by_role("row", name=site["name"])
        await expect(row).to_contain_text("holds")
        await viewer.require_accessible()

        session = await charging(station, id_token)
        assert session.transaction_id is not None
        await hand.press(navigation.get_by_role("link", name="Transactions"))
        await title_is(page, "Transactions")
        # 1.5 kWh and the fee are 1.75, and 2.08 with VAT.
        running = main.get_by_role("row", name=station_id)
        await expect(running).to_contain_text("€2.08")
        await hand.press(running.get_by_role("link", name=str(session.transaction_id), exact=True))
        await title_is(page, f"Transaction {session.transaction_id}")
        cost = part(page, "Cost")
        await expect(cost).to_contain_text("running")
        await expect(cost).to_contain_text("€2.08")
        await viewer.require_accessible()

        # It uses 2.5 kWh in all: 2.25, and 2.68 with VAT. The page says so by itself.
        session.charge(1_000, 7_400)
        session.stop()
        await expect(cost).to_contain_text("final")
        await expect(cost).to_contain_text("€2.68")
        lines = cost.get_by_role("group", name="Lines", exact=True)
        await expect(lines.get_by_role("row", name="Energy")).to_contain_text("2.5 kWh")
        await expect(lines.get_by_role("row", name="Session fee")).to_contain_text("€1.19")
        await expect(cost.get_by_role("img", name="Which rule held when")).to_be_visible()
        await expect(cost.get_by_role("link", name=f"Tariff {mark}, version 1")).to_be_visible()
        await viewer.require_accessible()

        record = cost.get_by_role("link", name=re.compile(r"^Record \d+$")).first
        name = await record.inner_text()
        await hand.press(record)
        await title_is(page, name)
        await expect(part(page, "Cost")).to_contain_text("€2.68")
        await expect(part(page, "Place")).to_contain_text("Am Sandtorkai 1")
        await expect(main).to_contain_text("It lacks what a partner may ask for: ")
        await expect(main).to_contain_text("coordinates")
        await viewer.require_accessible()
    bills = (await operator.get("/bills", transaction_id=session.transaction_id))["items"]
    assert [(one["kind"], one["total_incl_vat"]) for one in bills] == [("bill", "2.68")]
