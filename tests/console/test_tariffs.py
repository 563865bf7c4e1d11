"""A tariff's form, its words, its versions, and what a session would cost by it."""

import json
import re
import secrets

import pytest
from playwright.async_api import Route, expect

from csms_simulator.operator import Operator
from tests.console.conftest import Viewing
from tests.console.paid_sessions import new_tariff
from tests.console.tasks.steps import part, title_is

pytestmark = pytest.mark.asyncio(loop_scope="session")

ENERGY = "ENERGY"
NIGHT = {
    "price_components": [{"type": ENERGY, "price": 0.2, "vat": 19, "step_size": 1}],
    "restrictions": {"start_time": "22:00", "end_time": "06:00"},
}
DAY = {
    "price_components": [
        {"type": ENERGY, "price": 0.4, "vat": 19, "step_size": 1},
        {"type": "PARKING_TIME", "price": 6, "vat": 19, "step_size": 60},
    ]
}


async def test_a_tariff_is_told_in_words(as_role: Viewing, operator: Operator) -> None:
    mark = secrets.token_hex(4)
    tariff = {
        "currency": "EUR",
        "elements": [NIGHT, DAY],
        "min_price": {"excl_vat": 1, "incl_vat": 1.19},
    }
    tariff_id = await new_tariff(operator, f"Words {mark}", tariff)
    async with as_role("viewer") as viewer:
        await viewer.open(f"tariffs/{tariff_id}")
        words = part(viewer.page, "What it costs")
        night = words.get_by_role("row", name="Rule 1")
        await expect(night).to_contain_text("€0.20 per kWh")
        await expect(night).to_contain_text("from 22:00 until 06:00, over midnight")
        await expect(words.get_by_role("row", name="otherwise")).to_contain_text("€0.40 per kWh")
        parking = words.get_by_role("row", name="Parking time")
        await expect(parking).to_contain_text("€6.00 per hour of parking")
        await expect(parking).to_contain_text("1 min")
        await expect(words).to_contain_text("€1.00 without VAT, €1.19 with VAT")
        # Who may only look neither changes nor tries anything.
        main = viewer.page.get_by_role("main")
        for name in ("Edit", "Delete", "Assign", "Simulate"):
            await expect(main.get_by_role("button", name=name, exact=True)).to_have_count(0)


async def test_a_simulated_session_shows_what_costs_and_which_rule_held_when(
    as_role: Viewing, operator: Operator
) -> None:
    tariff = {"currency": "EUR", "elements": [NIGHT, DAY]}
    tariff_id = await new_tariff(operator, f"Simulated {secrets.token_hex(4)}", tariff)
    async with as_role("operator", timezone_id="Europe/Berlin") as viewer:
        await viewer.open(f"tariffs/{tariff_id}")
        form = part(viewer.page, "Simulate a session")
        await form.get_by_label("Start", exact=True).fill("2026-01-12T21:00")
        await form.get_by_label("End", exact=True).fill("2026-01-12T23:30")
        await form.get_by_label("Energy (kWh)", exact=True).fill("10")
        await form.get_by_label("Time zone of the place").fill("Europe/Berlin")
        await form.get_by_role("button", name="Add a reading").click()
        await form.get_by_label("At", exact=True).fill("2026-01-12T23:00")
        await form.get_by_label("Energy since the start (kWh)").fill("10")
        await form.get_by_role("button", name="Simulate").click()
        # 5 kWh by day, 5 by night, then half an hour of parking: 2.00 + 1.00 + 3.00.
        result = form.get_by_role("status", name="It would cost")
        await expect(result).to_contain_text("€6.00")
        await expect(result).to_contain_text("€7.14")
        periods = result.get_by_role("group", name="Which rule held when").locator("tbody tr")
        await expect(periods).to_have_count(3)
        await expect(periods.nth(0)).to_contain_text("Energy: Rule 2")
        await expect(periods.nth(1)).to_contain_text("Energy: Rule 1")
        await expect(periods.nth(2)).to_contain_text("Parking time: Rule 2")
        strip = result.get_by_role("img", name="Which rule held when")
        assert await strip.locator("rect.rule").count() == 3
        await viewer.require_accessible()
    told = await operator.http.post(
        f"/tariffs/{tariff_id}/simulate",
        json={
            "started_at": "2026-01-12T20:00:00Z",
            "stopped_at": "2026-01-12T22:30:00Z",
            "time_zone": "Europe/Berlin",
            "meter_start": 0,
            "meter_stop": 10_000,
            "readings": [{"at": "2026-01-12T22:00:00Z", "energy_wh": 10_000}],
        },
    )
    assert told.raise_for_status().json()["total_incl_vat"] == "7.14"


async def test_what_is_wrong_with_a_tariff_is_said_at_its_field_and_the_json_keeps_step(
    as_role: Viewing,
) -> None:
    async with as_role("admin") as viewer:
        viewer.expected_refusals = {422}
        page = viewer.page
        await viewer.open("tariffs/new")
        await page.get_by_label("Name").fill("Wrong")
        # Key by key: "0." is no number yet, and stays.
        await page.get_by_label("Energy, per kWh").press_sequentially("0.45")
        await expect(page.get_by_label("Energy, per kWh")).to_have_value("0.45")
        await page.get_by_text("Holds: always").click()
        await page.get_by_label("After (kWh)").fill("10")
        await page.get_by_label("Up to (kWh)").fill("5")
        document = page.get_by_label("The same as JSON")
        await expect(document).to_have_value(re.compile('"max_kwh": 5'))
        element = json.loads(await document.input_value())["elements"][0]
        assert element["restrictions"] == {"min_kwh": 10, "max_kwh": 5}
        await page.get_by_role("button", name="Create the tariff").click()
        wrong = page.get_by_label("Up to (kWh)")
        await expect(wrong).to_have_attribute("aria-invalid", "true")
        await expect(wrong).to_be_focused()
        await expect(wrong).to_have_accessible_description(re.compile("must be more than min_kwh"))
        await viewer.require_accessible()

        # What has no field is kept, and said.
        tariff = {"currency": "SEK", "elements": [{**DAY, "restrictions": {"max_power": 22}}]}
        await document.fill(json.dumps(tariff))
        await expect(page.get_by_label("Currency")).to_have_value("SEK")
        await expect(page.get_by_label("Parking, per hour")).to_have_value("6")
        await expect(page.get_by_text("Also, by the JSON: max_power")).to_be_visible()
        await page.get_by_label("Parking, per hour").fill("")
        await expect(document).not_to_have_value(re.compile("PARKING_TIME"))
        changed = json.loads(await document.input_value())
        assert changed["elements"] == [
            {"price_components": DAY["price_components"][:1], "restrictions": {"max_power": 22}}
        ]
        await document.fill("{")
        await expect(page.get_by_role("button", name="Create the tariff")).to_be_disabled()


async def test_a_changed_tariff_is_a_new_version_and_an_assigned_one_is_not_deleted(
    as_role: Viewing, operator: Operator
) -> None:
    name = f"Changed {secrets.token_hex(4)}"
    tariff_id = await new_tariff(operator, name)
    async with as_role("admin") as viewer:
        page = viewer.page
        main = page.get_by_role("main")
        await viewer.open(f"tariffs/{tariff_id}")
        await main.get_by_role("button", name="Edit").click()
        await main.get_by_label("Energy, per kWh").fill("0.6")
        await main.get_by_role("button", name="Save as a new version").click()
        words = part(page, "What it costs")
        await expect(words).to_contain_text("€0.60 per kWh")
        await words.get_by_label("Version").select_option("1")
        await expect(words).to_contain_text("€0.50 per kWh")
        await expect(words).to_contain_text("This is an old version")
        await viewer.require_accessible()

        await main.get_by_role("button", name="Assign").click()
        dialog = page.get_by_role("dialog")
        await dialog.get_by_label("To", exact=True).select_option("tag")
        await dialog.get_by_label("Tag").fill(name)
        await dialog.get_by_role("button", name="Assign the tariff").click()
        await expect(part(page, "Where it holds").get_by_role("row", name=name)).to_be_visible()

        viewer.expected_refusals = {409}
        await main.get_by_role("button", name="Delete").click()
        await dialog.get_by_label(f"Type {name} to go on").fill(name)
        await dialog.get_by_role("button", name="Delete the tariff").click()
        await expect(page.locator(".notice.bad")).to_contain_text("assigned")

        await part(page, "Where it holds").get_by_role("button", name="Remove").click()
        await dialog.get_by_role("button", name="Remove").click()
        await expect(part(page, "Where it holds")).to_contain_text("No tariff is assigned here")
        await main.get_by_role("button", name="Delete").click()
        await dialog.get_by_label(f"Type {name} to go on").fill(name)
        await dialog.get_by_role("button", name="Delete the tariff").click()
        await title_is(page, "Tariffs")
    assert (await operator.http.get(f"/tariffs/{tariff_id}")).status_code == 404


async def test_a_tariff_whose_answer_was_lost_is_made_once(
    as_role: Viewing, operator: Operator
) -> None:
    name = f"Lost {secrets.token_hex(4)}"
    answers: list[int] = []

    async def lose_the_first(route: Route) -> None:
        if route.request.method != "POST":
            await route.continue_()
            return
        answer = await route.fetch()
        answers.append(answer.status)
        if len(answers) == 1:
            await route.fulfill(status=503, json={"detail": "Nobody."})
        else:
            await route.fulfill(response=answer)

    async with as_role("admin") as viewer:
        viewer.expected_refusals = {503}
        page = viewer.page
        await page.route("**/api/v1/tariffs", lose_the_first)
        await viewer.open("tariffs/new")
        await page.get_by_label("Name").fill(name)
        await page.get_by_label("Energy, per kWh").fill("0.45")
        submit = page.get_by_role("button", name="Create the tariff")
        await submit.click()
        await expect(page.get_by_role("alert")).to_contain_text("Nobody.")
        await submit.click()
        await title_is(page, name)
    assert len(answers) == 2
    made = [one for one in await operator.items("/tariffs") if one["name"] == name]
    assert len(made) == 1


async def test_what_is_typed_into_a_tariff_keeps_what_stands_beside_it(as_role: Viewing) -> None:
    async with as_role("admin") as viewer:
        page = viewer.page
        await viewer.open("tariffs/new")
        energy = page.get_by_label("Energy, per kWh")
        await energy.fill("0.45")
        await page.get_by_label("Energy: VAT (%)").fill("7")
        await energy.fill("")
        await energy.fill("0.3")
        await expect(page.get_by_label("Energy: VAT (%)")).to_have_value("7")
        await page.get_by_text("Holds: always").click()
        minutes = page.locator('input[name$=".min_duration"]')
        # 0.33 minutes are 20 seconds already.
        await minutes.press_sequentially("0.334")
        await expect(minutes).to_have_value("0.334")
        document = json.loads(await page.get_by_label("The same as JSON").input_value())
        assert document["elements"][0]["restrictions"] == {"min_duration": 20}


async def test_the_version_can_be_chosen_while_another_one_can_not_be_read(
    as_role: Viewing, operator: Operator
) -> None:
    tariff_id = await new_tariff(operator, f"Versions {secrets.token_hex(4)}")
    body = {"name": "Changed", "tariff": {"currency": "EUR", "elements": [NIGHT]}}
    changed = await operator.http.put(f"/tariffs/{tariff_id}", json=body)
    changed.raise_for_status()
    async with as_role("viewer") as viewer:
        viewer.expected_refusals = {503}
        page = viewer.page
        problem = {"detail": "Nobody."}
        await page.route(
            "**/api/v1/tariffs/*?version=1", lambda one: one.fulfill(status=503, json=problem)
        )
        await viewer.open(f"tariffs/{tariff_id}?version=1")
        words = part(page, "What it costs")
        await expect(words).to_contain_text("Nobody.")
        await words.get_by_label("Version").select_option("2")
        await expect(words).to_contain_text("€0.20 per kWh")


async def test_an_amount_has_all_the_decimals_that_its_currency_has(
    as_role: Viewing, operator: Operator
) -> None:
    # Browsers give it no decimals, ISO 4217 three.
    component = {"type": ENERGY, "price": 0.125, "step_size": 1}
    tariff = {"currency": "IQD", "elements": [{"price_components": [component]}]}
    tariff_id = await new_tariff(operator, f"Dinars {secrets.token_hex(4)}", tariff)
    async with as_role("operator", timezone_id="UTC") as viewer:
        await viewer.open(f"tariffs/{tariff_id}")
        form = part(viewer.page, "Simulate a session")
        await form.get_by_label("Start", exact=True).fill("2026-01-12T21:00")
        await form.get_by_label("End", exact=True).fill("2026-01-12T22:00")
        await form.get_by_label("Energy (kWh)", exact=True).fill("10")
        await form.get_by_role("button", name="Simulate").click()
        result = form.get_by_role("status", name="It would cost")
        await expect(result).to_contain_text("1.250")
