"""What stations say is text on every page, whatever it says."""

import re
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Dialog

from csms_local.suite import Suite
from csms_simulator.bare_station import BareStation
from csms_simulator.ledger import Ledger
from csms_simulator.operator import Operator
from csms_simulator.settings import StationSettings
from tests.console.known_pages import KnownPage, known_pages
from tests.console.viewing import Viewer, encoded, viewing

pytestmark = pytest.mark.asyncio(loop_scope="session")

_SCRIPT = "<img src=x onerror=alert(1)>"
_SHORT = "<script>alert(1)"


@dataclass(frozen=True, slots=True)
class Hostile:
    """A station whose every field is an attack, and what it has left behind."""

    station_id: str
    id_token: str
    transaction_id: int


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def hostile(suite: Suite) -> AsyncIterator[Hostile]:
    run = suite.state()
    station_id = f'"><svg onload=alert(1)>{secrets.token_hex(3)}'
    id_token = f"<b>{secrets.token_hex(4)}'\"&"[:20]
    async with (
        Operator(run.rest_url, run.admin_username, run.admin_password) as operator,
        BareStation(station_id, run.ocpp_url, Ledger(), StationSettings(), {}) as station,
    ):
        await operator.ensure_id_token(id_token)
        await station.wait_accepted(60)
        await station.call(
            "BootNotification",
            {
                "chargePointVendor": _SHORT,
                "chargePointModel": "'\"><i>{{7*7}}",
                "chargePointSerialNumber": _SHORT,
                "firmwareVersion": "${alert(1)}<img src=x onerror=alert(2)>",
            },
        )
        await station.call(
            "StatusNotification",
            {
                "connectorId": 1,
                "errorCode": "OtherError",
                "status": "Faulted",
                "info": _SCRIPT,
                "vendorId": _SCRIPT,
                "vendorErrorCode": _SCRIPT,
            },
        )
        started = await station.call(
            "StartTransaction",
            {
                "connectorId": 1,
                "idTag": id_token,
                "meterStart": 0,
                "timestamp": "2026-01-01T00:00:00Z",
            },
        )
        await station.call(
            "DataTransfer", {"vendorId": _SCRIPT, "messageId": _SHORT, "data": _SCRIPT}
        )
        await station.call(
            "SecurityEventNotification",
            {"type": _SCRIPT, "timestamp": "2026-01-01T00:00:00Z", "techInfo": _SCRIPT},
        )
        yield Hostile(station_id, id_token, started["transactionId"])


_VALUES = {"station_id", "id_token", "transaction_id", "action"}
PAGES = [one for one in known_pages() if set(one.parameters) <= _VALUES]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def looking(
    browser: Browser, suite: Suite, accounts: dict[str, tuple[str, str]]
) -> AsyncIterator[Viewer]:
    """An administrator, for all pages."""
    async with viewing(browser, suite.state().rest_url, accounts["admin"]) as viewer:
        yield viewer


@pytest.mark.parametrize(
    "page",
    [
        # Pages of one thing show the most of what it says.
        pytest.param(
            page, id=page.path or "overview", marks=[] if page.parameters else pytest.mark.long
        )
        for page in PAGES
    ],
)
async def test_nothing_that_a_station_says_is_run_or_becomes_markup(
    looking: Viewer, hostile: Hostile, page: KnownPage
) -> None:
    values = {
        "station_id": hostile.station_id,
        "id_token": hostile.id_token,
        "transaction_id": hostile.transaction_id,
        "action": "Reset",
    }
    address = re.sub(r":(\w+)", lambda name: encoded(values[name[1]]), page.path)
    dialogs: list[str] = []
    looking.problems.clear()
    # It has no local list.
    looking.expected_refusals = {404} if page.path.endswith("/local-list") else set()

    async def note(dialog: Dialog) -> None:
        dialogs.append(dialog.message)
        await dialog.dismiss()

    looking.page.on("dialog", note)
    try:
        await looking.open(address)
        await looking.settled()
        assert dialogs == []
        main = looking.page.get_by_role("main")
        assert await main.locator("script, img, svg[onload], b > b, i").count() == 0
        if "station_id" in page.parameters:
            assert hostile.station_id in await main.inner_text()
        assert looking.problems == []
    finally:
        looking.page.remove_listener("dialog", note)
