"""Bills and credits that wait for somebody to look at them."""

import json

import pytest
from playwright.async_api import Route, expect

from csms_local.run_state import RunState
from csms_simulator.operator import Operator
from tests.console.conftest import Viewing
from tests.console.paid_sessions import paid_session
from tests.console.tasks.steps import title_is

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_credit_that_waits_is_not_released_but_with_its_bill(
    as_role: Viewing, operator: Operator, run: RunState
) -> None:
    """REST refuses to send a credit on alone (409 `not_held`), so that nothing offers it."""
    bill = (await paid_session(operator, run.ocpp_url)).bill
    waits = {**bill, "status": "review", "review": ["clock_not_set"]}
    credit_id, instead_id = "11111111-1111-4111-8111-111111111111", bill["bill_id"]
    credit = {**waits, "kind": "credit", "bill_id": credit_id, "corrects": instead_id}

    async def both_wait(route: Route) -> None:
        shown = {"items": [waits, credit], "next_cursor": None}
        await route.fulfill(content_type="application/json", body=json.dumps(shown))

    async with as_role("operator") as viewer:
        page = viewer.page
        await page.route("**/api/v1/bills?*", both_wait)
        await viewer.open("bills")
        await title_is(page, "Bills")
        main = page.get_by_role("main")
        rows = main.get_by_role("row").filter(has_text=bill["station_id"])
        await expect(rows).to_have_count(2)
        with_release = rows.filter(has=page.get_by_role("button", name="Release"))
        await expect(with_release).to_have_count(1)
        await expect(with_release).not_to_contain_text("credit")
        for row in await rows.all():
            await row.get_by_role("checkbox").check()
        await expect(main.get_by_role("button", name="Release selected (1)")).to_be_enabled()
