"""A browser, and the users who look at the suite with it."""

import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from csms_local.run_state import RunState
from csms_local.suite import Suite
from csms_simulator.operator import Operator
from tests.console.demo_network import demo_network, things_of
from tests.console.installed import browser_path, install_packages
from tests.console.paid_sessions import paid_session
from tests.console.viewing import Viewer, viewing

Viewing = Callable[..., AbstractAsyncContextManager[Viewer]]


@pytest.fixture(scope="session", autouse=True)
def _packages() -> None:
    install_packages()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """One Chromium for all tests; each viewer has a context of their own."""
    async with async_playwright() as playwright:
        # Its own sandbox needs rights that root in a container has not.
        launched = await playwright.chromium.launch(
            executable_path=browser_path(), args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield launched
        await launched.close()


@pytest_asyncio.fixture(loop_scope="session")
async def id_token(operator: Operator) -> str:
    """An accepted id token of one test's own."""
    token = secrets.token_hex(7).upper()
    await operator.ensure_id_token(token)
    return token


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def operator(suite: Suite) -> AsyncIterator[Operator]:
    """The first administrator, in the loop of these tests."""
    run = suite.state()
    async with Operator(run.rest_url, run.admin_username, run.admin_password) as logged_in:
        yield logged_in


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def accounts(suite: Suite) -> dict[str, tuple[str, str]]:
    """User name and password of one user of each role."""
    run: RunState = suite.state()
    found = {"admin": (run.admin_username, run.admin_password)}
    async with Operator(run.rest_url, run.admin_username, run.admin_password) as administrator:
        for role in ("operator", "viewer"):
            name, password = f"{role}-{secrets.token_hex(4)}", secrets.token_hex(12)
            body = {"username": name, "password": password, "role": role}
            (await administrator.http.post("/users", json=body)).raise_for_status()
            found[role] = (name, password)
    return found


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def network(suite: Suite) -> AsyncIterator[None]:
    """The demo's network charges all the while."""
    async with demo_network(suite):
        yield


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def things(suite: Suite, network: None) -> dict[str, str]:
    """Something of the demo's network for each parameter of a page."""
    run = suite.state()
    async with Operator(run.rest_url, run.admin_username, run.admin_password) as operator:
        paid = await paid_session(operator, run.ocpp_url)
        money = {"tariff_id": paid.tariff_id, "cdr_id": paid.bill["cdr_id"]}
        return await things_of(operator) | money


@pytest.fixture
def as_role(browser: Browser, run: RunState, accounts: dict[str, tuple[str, str]]) -> Viewing:
    """The console of a user of a role, logged in: `async with as_role("operator") as viewer`."""

    def open_(role: str, **options: Any) -> AbstractAsyncContextManager[Viewer]:
        return viewing(browser, run.rest_url, accounts[role], **options)

    return open_


@pytest.fixture
def as_nobody(browser: Browser, run: RunState) -> Viewing:
    """The console of somebody who is not logged in."""

    def open_(**options: Any) -> AbstractAsyncContextManager[Viewer]:
        return viewing(browser, run.rest_url, **options)

    return open_
