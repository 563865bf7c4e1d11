"""What no meter can have measured is shown as it was said, and leaves the page as it is."""

import re
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import expect

from csms_local.suite import Suite
from csms_simulator.bare_station import BareStation
from csms_simulator.ledger import Ledger
from csms_simulator.operator import Operator
from csms_simulator.settings import StationSettings
from tests.console.conftest import Viewing
from tests.console.viewing import encoded

pytestmark = pytest.mark.asyncio(loop_scope="session")

_NOT_FOR_PEOPLE = re.compile(r"NaN|∞|undefined|Infinity|Invalid Date|\[object")
_LONG = "W" * 200
_GREATEST = "1.7e308"
_REGISTER = "Energy.Active.Import.Register"
_POWER = "Power.Active.Import"


@dataclass(frozen=True, slots=True)
class Measured:
    """A transaction whose meter says anything, and one whose counters are at their limits."""

    odd: int
    at_limits: int


def _sample(value: str, measurand: str, **more: str) -> dict[str, str]:
    return {"value": value, "measurand": measurand, **more}


def _at(time: str, *samples: dict[str, str]) -> dict[str, Any]:
    return {"timestamp": time, "sampledValue": list(samples)}


_METER_VALUES = [
    # Out of order, two at one time, of 1970, of no time at all.
    _at("2026-01-01T00:05:00Z", _sample(_GREATEST, _POWER, unit="kW")),
    _at("2026-01-01T00:03:00Z", _sample("-" + _GREATEST, _REGISTER, unit="kWh")),
    _at("2026-01-01T00:03:00Z", _sample("7", _POWER, unit="W", phase="L1")),
    _at("2026-01-01T00:03:00Z", _sample("8", _POWER, unit="W", phase="L1")),
    _at("1970-01-01T00:00:00Z", _sample(_GREATEST, _POWER, unit="W")),
    _at("1970-01-01T00:00:00Z", _sample("-" + _GREATEST, _POWER, unit="W", phase="L2")),
    _at("9999-12-31T23:59:59Z", _sample("1e200", "SoC", unit="V")),
    _at("2026-01-01T00:04:00Z", _sample("NaN", _POWER), _sample("Infinity", "SoC")),
    _at("2026-01-01T00:04:00Z", _sample("1e999", "Voltage", unit="Celsius")),
    _at("2026-01-01T00:04:00Z", _sample("5", _LONG, unit=_LONG, location=_LONG)),
]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def measured(suite: Suite) -> AsyncIterator[Measured]:
    run = suite.state()
    id_token = secrets.token_hex(7)
    station_id = f"extreme-{secrets.token_hex(4)}"
    async with (
        Operator(run.rest_url, run.admin_username, run.admin_password) as operator,
        BareStation(station_id, run.ocpp_url, Ledger(), StationSettings(), {}) as station,
    ):
        created = await operator.http.post(
            "/id-tokens", json={"id_token": id_token, "max_concurrent": None}
        )
        created.raise_for_status()
        await station.wait_accepted(60)

        async def start(connector: int, meter: int, at: str) -> int:
            started = await station.call(
                "StartTransaction",
                {
                    "connectorId": connector,
                    "idTag": id_token,
                    "meterStart": meter,
                    "timestamp": at,
                },
            )
            return int(started["transactionId"])

        odd = await start(1, 0, "1970-01-01T00:00:00Z")
        await station.call(
            "MeterValues",
            {"connectorId": 1, "transactionId": odd, "meterValue": _METER_VALUES},
        )
        at_limits = await start(2, 2**31 - 1, "2026-01-01T00:00:00Z")
        await station.call(
            "StopTransaction",
            {
                "transactionId": at_limits,
                "meterStop": -(2**31),
                "timestamp": "2026-01-01T00:10:00Z",
            },
        )
        yield Measured(odd, at_limits)


@pytest.mark.parametrize("width", [1280, 320])
async def test_what_no_meter_can_have_measured_fits_its_page(
    as_role: Viewing, measured: Measured, width: int
) -> None:
    async with as_role("viewer", viewport={"width": width, "height": 900}) as viewer:
        await viewer.open(f"transactions/{measured.odd}")
        await viewer.settled()
        main = viewer.page.get_by_role("main")
        charts = main.locator(".curve")
        # Power, energy, state of charge, and the one that nobody knows.
        await expect(charts).to_have_count(4)
        await expect(charts.locator("canvas")).to_have_count(4)
        for summary in await charts.locator("summary").all():
            await summary.click()
        await expect(charts.get_by_role("table").locator("tbody tr").first).to_be_visible()
        shown = await main.inner_text()
        assert not _NOT_FOR_PEOPLE.search(shown), shown
        # In so few digits that one sees how great it is.
        await expect(main).to_contain_text("1.7E305 kW")
        wide = await viewer.page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width
        await viewer.require_accessible()


async def test_counters_at_their_limits_are_told_to_the_watt_hour(
    as_role: Viewing, measured: Measured
) -> None:
    async with as_role("viewer") as viewer:
        await viewer.open(f"transactions/{measured.at_limits}")
        main = viewer.page.get_by_role("main")
        await expect(main).to_contain_text("2,147,483,647 Wh")
        await expect(main).to_contain_text("-2,147,483,648 Wh")
        await expect(main).to_contain_text("-4,294,967.3 kWh")
        await viewer.settled()


@pytest.mark.parametrize(
    ("zone", "time"),
    [
        # Of another year there, which no field takes.
        ("Asia/Tokyo", "9999-12-31T23:59:59Z"),
        ("America/New_York", "0001-01-01T00:00:00Z"),
        # The last moment that a browser can tell.
        ("Asia/Tokyo", "+275760-09-13T00:00:00Z"),
    ],
)
async def test_a_time_in_an_address_that_no_field_takes_leaves_the_page_as_it_is(
    as_role: Viewing, zone: str, time: str
) -> None:
    async with as_role("admin", timezone_id=zone) as viewer:
        # REST says what is wrong with it.
        viewer.expected_refusals = {422}
        await viewer.open(f"transactions?from={encoded(time)}")
        await viewer.settled()
        await expect(viewer.page.get_by_role("heading", level=1)).to_have_text("Transactions")
        await expect(viewer.page.get_by_role("alert").first).to_contain_text("from")


async def test_an_expiry_at_the_end_of_time_is_kept_where_it_is_another_year_already(
    as_role: Viewing, operator: Operator
) -> None:
    id_token = secrets.token_hex(7)
    last = "9999-12-31T23:59:59Z"
    made = await operator.http.post("/id-tokens", json={"id_token": id_token, "expires_at": last})
    made.raise_for_status()
    async with as_role("admin", timezone_id="Asia/Tokyo") as viewer:
        await viewer.open(f"id-tokens/{id_token}")
        await viewer.page.get_by_role("button", name="Edit").click()
        await viewer.page.get_by_label("Group").fill("households")
        await viewer.page.get_by_role("button", name="Save").click()
        await expect(viewer.page.get_by_role("main")).to_contain_text("households")
        await viewer.settled()
    kept = await operator.get(f"/id-tokens/{id_token}")
    assert kept["expires_at"].startswith("9999-12-31T23:59:59")
