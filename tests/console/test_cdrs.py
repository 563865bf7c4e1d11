"""Charge detail records: listed in the order of their numbers, read, and downloaded."""

import csv
import io

import pytest
from playwright.async_api import expect

from csms_local.run_state import RunState
from csms_simulator.operator import Operator
from tests.console.conftest import Viewing
from tests.console.paid_sessions import paid_session
from tests.console.tasks.steps import part, title_is

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_record_is_found_by_its_number_and_downloaded(
    as_role: Viewing, operator: Operator, run: RunState
) -> None:
    paid = await paid_session(operator, run.ocpp_url)
    position = paid.bill["cdr_position"]
    async with as_role("viewer") as viewer:
        page = viewer.page
        main = page.get_by_role("main")
        await viewer.open(f"cdrs?after={position - 1}")
        row = main.get_by_role("row", name=paid.bill["id_token"])
        await expect(row).to_contain_text("€2.08")
        async with page.expect_download() as download:
            await main.get_by_role("button", name="Download as CSV").click()
        file = await (await download.value).path()
        text = file.read_text()
        records = {one["position"]: one for one in csv.DictReader(io.StringIO(text))}
        assert records[str(position)]["session_id"] == str(paid.transaction_id)
        await row.get_by_role("link", name=str(position), exact=True).first.click()
        await title_is(page, f"Record {position}")
        await expect(part(page, "Cost")).to_contain_text("€2.08")
        document = part(page, "The record as it is")
        await document.locator("summary").click()
        await expect(document.locator("pre")).to_contain_text(paid.bill["cdr_id"])
        await viewer.require_accessible()
