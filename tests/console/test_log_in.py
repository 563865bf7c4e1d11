"""Logging in and out, and a session that ends while somebody works."""

import secrets

import pytest
from playwright.async_api import expect

from csms_local.pytest_scale import every
from csms_simulator.operator import Operator
from tests.console.conftest import Viewing

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_the_address_of_the_suite_leads_to_the_log_in(as_nobody: Viewing) -> None:
    async with as_nobody() as viewer:
        viewer.expected_refusals = {401}
        await viewer.page.goto(f"{viewer.url}/")
        await expect(viewer.page).to_have_url(f"{viewer.url}/console/")
        await expect(viewer.page.get_by_label("User name")).to_have_attribute(
            "autocomplete", "username"
        )
        await expect(viewer.page.get_by_label("Password")).to_have_attribute(
            "autocomplete", "current-password"
        )
        await viewer.require_accessible()


async def test_enter_logs_in_and_a_button_logs_out(
    as_nobody: Viewing, accounts: dict[str, tuple[str, str]]
) -> None:
    name, password = accounts["viewer"]
    async with as_nobody() as viewer:
        viewer.expected_refusals = {401}
        await viewer.open("transactions")
        await viewer.page.get_by_label("User name").fill(name)
        await viewer.page.get_by_label("Password").fill(password)
        await viewer.page.keyboard.press("Enter")
        # What was asked for before is shown.
        await expect(viewer.page.get_by_role("heading", level=1)).to_have_text("Transactions")
        await viewer.settled()
        await viewer.page.get_by_role("button", name="Log out").click()
        await expect(viewer.page.get_by_label("User name")).to_be_visible()
        assert await viewer.context.cookies() == []


async def test_a_wrong_password_is_told_and_changes_nothing(
    as_nobody: Viewing, accounts: dict[str, tuple[str, str]]
) -> None:
    async with as_nobody() as viewer:
        viewer.expected_refusals = {401}
        await viewer.open()
        await viewer.page.get_by_label("User name").fill(accounts["viewer"][0])
        await viewer.page.get_by_label("Password").fill("something else")
        await viewer.page.get_by_role("button", name="Log in").click()
        await expect(viewer.page.get_by_role("alert")).to_have_text(
            "The user name or the password is wrong."
        )
        await expect(viewer.page.get_by_label("User name")).to_be_visible()


async def test_a_half_filled_form_outlives_its_session(
    as_role: Viewing, accounts: dict[str, tuple[str, str]], operator: Operator
) -> None:
    site = f"site-{secrets.token_hex(4)}"
    async with as_role("admin") as viewer:
        viewer.expected_refusals = {401}
        await viewer.open("sites/new")
        await viewer.page.get_by_label("Name", exact=True).fill(site)
        # The session ends elsewhere.
        await viewer.context.clear_cookies()
        await viewer.page.get_by_role("button", name="Create").click()
        dialog = viewer.page.get_by_role("dialog")
        await expect(dialog).to_contain_text("Your session has ended")
        await dialog.get_by_label("Password").fill(accounts["admin"][1])
        await dialog.get_by_role("button", name="Log in").click()
        # The request that was refused is sent again: nothing is typed twice.
        await expect(viewer.page.get_by_role("heading", name=site, level=1)).to_be_visible()
        await expect(dialog).to_have_count(0)
        found = await operator.items("/sites", q=site)
        assert [one["name"] for one in found] == [site]


async def test_escape_does_not_leave_a_page_whose_session_has_ended(
    as_role: Viewing, accounts: dict[str, tuple[str, str]]
) -> None:
    async with as_role("viewer") as viewer:
        viewer.expected_refusals = {401}
        await viewer.open("stations")
        await viewer.context.clear_cookies()
        # What is still being read may find out first: the link lies below the dialog then.
        link = viewer.page.get_by_role("link", name="Transactions", exact=True)
        await link.dispatch_event("click")
        dialog = viewer.page.get_by_role("dialog")
        await expect(dialog).to_contain_text("Your session has ended")
        # A browser lets a page refuse to close a dialog so often, and no more.
        for _ in range(5):
            await viewer.page.keyboard.press("Escape")
        await expect(dialog).to_be_visible()
        await dialog.get_by_label("Password").fill(accounts["viewer"][1])
        await dialog.get_by_role("button", name="Log in").click()
        await expect(dialog).to_have_count(0)
        await viewer.settled()


async def test_who_logs_out_leaves_no_tab_behind(as_role: Viewing) -> None:
    async with as_role("viewer") as viewer:
        viewer.expected_refusals = {401}
        await viewer.open("stations")
        other = await viewer.context.new_page()
        await other.goto(f"{viewer.url}/console/")
        await other.get_by_role("button", name="Log out").click()
        await expect(other.get_by_role("button", name="Log in")).to_be_visible()
        await expect(viewer.page.get_by_role("button", name="Log in")).to_be_visible()
        await expect(viewer.page.get_by_role("banner")).to_have_count(0)


async def test_who_logs_in_in_another_tab_is_who_uses_this_one_too(
    as_role: Viewing, accounts: dict[str, tuple[str, str]]
) -> None:
    async with as_role("admin") as viewer:
        viewer.expected_refusals = {401}
        await viewer.open("stations")
        other = await viewer.context.new_page()
        await other.goto(f"{viewer.url}/console/")
        await other.get_by_role("button", name="Log out").click()
        await other.get_by_label("User name").fill(accounts["viewer"][0])
        await other.get_by_label("Password").fill(accounts["viewer"][1])
        await other.get_by_role("button", name="Log in").click()
        await expect(viewer.page.get_by_role("banner")).to_contain_text(accounts["viewer"][0])
        await viewer.settled()
        await expect(viewer.page.get_by_role("link", name="New station")).to_have_count(0)


@pytest.mark.parametrize("role", every(2, ["viewer", "operator", "admin"]))
async def test_the_navigation_offers_what_a_role_may_see(as_role: Viewing, role: str) -> None:
    async with as_role(role) as viewer:
        await viewer.open()
        navigation = viewer.page.get_by_role("navigation", name="Pages")
        await expect(navigation.get_by_role("link", name="Stations", exact=True)).to_be_visible()
        await expect(navigation.get_by_role("link", name="Users")).to_have_count(
            1 if role == "admin" else 0
        )
        await viewer.settled()


async def test_a_forbidden_page_says_what_it_needs(as_role: Viewing) -> None:
    async with as_role("viewer") as viewer:
        await viewer.open("users")
        await expect(viewer.page.get_by_role("main")).to_contain_text(
            "This page needs the role administrator"
        )


_OFFERED = {"viewer": (0, 0), "operator": (1, 0), "admin": (1, 1)}


@pytest.mark.parametrize("role", every(2, ["viewer", "operator", "admin"]))
async def test_who_logs_in_is_offered_what_their_role_may_do(
    as_nobody: Viewing, accounts: dict[str, tuple[str, str]], role: str
) -> None:
    sending, making = _OFFERED[role]
    async with as_nobody() as viewer:
        viewer.expected_refusals = {401}
        await viewer.open("stations")
        await viewer.log_in(*accounts[role])
        await expect(viewer.page.get_by_role("heading", level=1)).to_have_text("Stations")
        await viewer.settled()
        page = viewer.page
        await expect(page.get_by_role("button", name="Send a command")).to_have_count(sending)
        await expect(page.get_by_role("link", name="New station")).to_have_count(making)
        # REST refuses what is not offered.
        answer = await viewer.context.request.post(
            f"{viewer.url}/api/v1/stations",
            data={"station_id": f"made-{secrets.token_hex(4)}"},
            headers={"X-Requested-With": "csms-console"},
        )
        assert answer.status == (201 if making else 403)
