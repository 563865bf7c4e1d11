"""A command goes to the stations that the form names when it is sent."""

import json
import re
import secrets

import pytest
from playwright.async_api import Request, expect

from csms_simulator.operator import Operator
from tests.console.conftest import Viewing
from tests.console.viewing import encoded

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_it_waits_for_a_tag_that_is_still_being_typed(
    as_role: Viewing, operator: Operator
) -> None:
    tags = [f"tag-{secrets.token_hex(4)}" for _ in range(2)]
    for tag in tags:
        body = {"station_id": f"of-{tag}", "tags": [tag]}
        (await operator.http.post("/stations", json=body)).raise_for_status()
    asked: list[Request] = []
    async with as_role("operator") as viewer:
        page = viewer.page
        page.on("request", lambda request: asked.append(request))
        await viewer.open(f"command-groups/new?tag={encoded(tags[0])}&action=ClearCache")
        submit = page.locator("form.form button.primary")
        await expect(submit).to_be_enabled()
        await page.get_by_label("Tag", exact=True).fill(tags[1])
        await submit.click()
        await page.get_by_role("dialog").get_by_role("button", name="Send ClearCache").click()
        await expect(page).to_have_url(re.compile(r"/command-groups/(?!new)"))
        made = [one for one in asked if one.method == "POST"]
        assert [json.loads(one.post_data or "")["to"]["tag"] for one in made] == [tags[1]]
