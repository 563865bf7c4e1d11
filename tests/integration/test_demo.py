"""What `make demo` leaves in a suite, and that it goes on where it was."""

import asyncio
import os
import signal
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from csms_local.run_state import RunState
from csms_local.suite import Suite
from csms_simulator.demo.operations import ROLLOUT, TEMPLATE
from csms_simulator.operator import Operator
from csms_simulator.wire import Payload, read_timestamp, timestamp_text
from tests.integration.waiting import eventually

CSMS_DEMO = Path(sys.executable).parent / "csms-demo"
# Fewer files than the demo has stations: it takes what it may have.
DEMO = ("prlimit", "--nofile=24:1024", str(CSMS_DEMO))


@pytest.fixture(scope="module")
def printed(suite: Suite) -> str:
    """What a demo of twenty seconds has printed."""
    ended = subprocess.run(
        [*DEMO, "--seconds", "20"],
        env=surroundings(suite),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=400,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout[-4000:]
    return ended.stdout


def surroundings(suite: Suite) -> dict[str, str]:
    return {**os.environ, "CSMS_HOME": str(suite.home)}


async def _tariff_of(operator: Operator, path: str) -> str | None:
    """Return by which tariff a cost is final, if it is."""
    cost = await operator.get(path)
    return str(cost["tariff_id"]) if cost["final"] else None


async def the_one(operator: Operator, path: str, **query: str | int) -> Payload:
    found = await operator.items(path, **query)
    assert len(found) == 1, found
    return found[0]


def test_the_demo_ends_by_itself_and_finds_every_promise_kept(printed: str, run: RunState) -> None:
    assert " 0 differences" in printed
    assert f"{run.rest_url}/ " in printed
    assert "stations online" in printed
    assert "did not work" not in printed


@pytest.mark.usefixtures("printed")
async def test_the_network_stands_at_sites_of_several_countries(operator: Operator) -> None:
    stations = await operator.items("/stations", q="DEMO-")
    assert len(stations) == 24
    assert all(station["display_name"] and station["tags"] for station in stations)
    assert len({(station["vendor"], station["model"]) for station in stations}) >= 5
    sites = {site["site_id"]: site for site in await operator.items("/sites", q="demo-")}
    assert {station["site_id"] for station in stations} == set(sites)
    assert len({site["country"] for site in sites.values()}) == len(sites) == 5
    for site in sites.values():
        assert all(site[field] for field in ("address", "city", "latitude", "time_zone"))
    tokens = Counter(token["status"] for token in await operator.items("/id-tokens", q="04DE"))
    assert tokens["blocked"] == tokens["expired"] == 1
    assert tokens["accepted"] > 20


@pytest.mark.usefixtures("printed")
async def test_the_other_tenant_has_stations_and_sessions_of_its_own(run: RunState) -> None:
    partner = Operator(
        run.rest_url, run.admin_username, run.admin_password, tenant_id="demo-partner"
    )
    async with partner:
        stations = await partner.items("/stations", q="DEMO-")
        assert len(stations) == 4
        assert {station["site_id"] for station in stations} == {"demo-depot"}
        assert await partner.items("/transactions", status="completed")


@pytest.mark.usefixtures("printed")
async def test_past_days_are_full_of_sessions_with_curves(operator: Operator) -> None:
    told = [
        each
        for site in ("demo-harbour", "demo-airport", "demo-offices", "demo-motorway", "demo-homes")
        for each in await operator.items("/transactions", site_id=site)
    ]
    starts = [read_timestamp(each["started_at"]) for each in told]
    assert min(starts) < datetime.now(UTC) - timedelta(days=2)
    assert len({start.date() for start in starts}) >= 3
    assert Counter(each["status"] for each in told).keys() == {"completed", "stop_missing"}
    long = max(
        (each for each in told if each["station_id"] == "DEMO-LYS-01"),
        key=lambda each: float(each["energy_wh"] or 0),
    )
    values = await operator.items(f"/transactions/{long['transaction_id']}/meter-values")
    shown = {(value["measurand"], value["phase"]) for value in values}
    assert shown >= {
        ("Energy.Active.Import.Register", None),
        ("Power.Active.Import", None),
        ("SoC", None),
        *(("Current.Import", phase) for phase in ("L1", "L2", "L3")),
    }


@pytest.mark.usefixtures("printed")
async def test_stations_have_troubles(operator: Operator) -> None:
    connectors = (await operator.get("/stations/DEMO-HAM-03/connectors"))["items"]
    faulted = [each for each in connectors if each["status"] == "Faulted"]
    assert [each["error_code"] for each in faulted] == ["GroundFailure"]
    # One at each gateway that the station has tried.
    refusals = await operator.items("/refusals", station_id="DEMO-LIS-05")
    assert {each["reason"] for each in refusals} == {"bad_credentials"}
    offline = await operator.get("/stations/DEMO-KRK-03")
    assert not offline["online"]
    assert offline["last_boot_at"]
    stop = await the_one(operator, "/quarantine", station_id="DEMO-LYS-02")
    assert stop["kind"] == "stop"
    reported = await operator.items("/security-events", station_id="DEMO-UTR-03")
    assert {each["type"] for each in reported} == {"SettingSystemTime", "TamperDetectionActivated"}


@pytest.mark.usefixtures("printed")
async def test_operators_have_done_something_of_each_kind(operator: Operator) -> None:
    held = await the_one(operator, "/commands", station_id="DEMO-KRK-03", status="waiting")
    assert held["action"] == "Reset"
    rejected = await the_one(
        operator, "/commands", station_id="DEMO-LYS-03", action="RemoteStopTransaction"
    )
    assert (rejected["status"], rejected["accepted"]) == ("completed", False)
    failed = await the_one(operator, "/commands", station_id="DEMO-LYS-04", action="ClearCache")
    assert failed["error"]["code"] == "InternalError"
    started = await the_one(
        operator, "/commands", station_id="DEMO-LIS-01", action="RemoteStartTransaction"
    )
    assert started["accepted"]
    assert await operator.items("/transactions", id_token="04DE0000000001")
    reserved = await the_one(operator, "/reservations", station_id="DEMO-UTR-01")
    assert reserved["status"] == "active"
    assert (await operator.get("/stations/DEMO-UTR-02/local-list"))["status"] == "in_sync"
    profile = await the_one(operator, "/stations/DEMO-HAM-01/charging-profiles")
    assert profile["state"] == "installed"
    certificate = await the_one(operator, "/certificates", station_id="DEMO-KRK-02")
    assert certificate["status"] == "installed"
    upload = await the_one(operator, "/jobs", station_id="DEMO-HAM-02", kind="diagnostics")
    assert upload["status"] == "succeeded"
    templates = await operator.items("/configuration-templates")
    template = next(each for each in templates if each["name"] == TEMPLATE)
    path = f"/configuration-templates/{template['template_id']}/drift"

    async def drift() -> list[bool]:
        # What a station answers last is kept a moment after the demo has ended.
        return [bool(station["drift"]) for station in (await operator.get(path))["items"]]

    await eventually(drift, lambda found: bool(found) and not any(found), 60)
    rollouts = await operator.items("/firmware-rollouts")
    rollout = next(each for each in rollouts if each["name"] == ROLLOUT)
    assert rollout["status"] == "completed"
    assert rollout["stations"] == {"failed": 1, "succeeded": 2}


@pytest.mark.usefixtures("printed")
async def test_what_was_charged_in_the_past_is_billed_by_whom_it_is_for(operator: Operator) -> None:
    async def records() -> list[Payload]:
        return list((await operator.get("/cdrs", limit=500))["items"])

    ended = await operator.items("/transactions", status="completed", id_token="04DE0200000001")
    found = await eventually(records, lambda items: len(items) > 50, 120)
    assert {each["cdr"]["currency"] for each in found} == {"EUR", "PLN"}
    names = {each["tariff_id"]: each["name"] for each in await operator.items("/tariffs")}
    for one in ended[:3]:
        path = f"/transactions/{one['transaction_id']}/cost"
        await eventually(partial(_tariff_of, operator, path), lambda it: it in names, 120)
        assert names[await _tariff_of(operator, path)] == "Employees"


@pytest.mark.usefixtures("printed")
async def test_a_demo_that_is_started_again_goes_on_until_it_is_interrupted(
    suite: Suite, operator: Operator
) -> None:
    def past(told: list[Payload]) -> set[int]:
        return {each["transaction_id"] for each in told if each["started_at"] < begun}

    begun = timestamp_text(datetime.now(UTC))
    known = past(await operator.items("/transactions", site_id="demo-harbour"))
    demo = await asyncio.create_subprocess_exec(
        *DEMO,
        env=surroundings(suite),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert demo.stdout is not None
    lines: list[str] = []
    try:
        async with asyncio.timeout(300):
            async for line in demo.stdout:
                lines.append(line.decode())
                if "stations online" in lines[-1]:
                    demo.send_signal(signal.SIGINT)
                    break
            lines += (await demo.stdout.read()).decode().splitlines(keepends=True)
            assert await demo.wait() == 0, lines
    finally:
        if demo.returncode is None:
            demo.kill()
            await demo.wait()
    assert lines[-1].endswith(" messages acknowledged\n"), lines
    assert len(await operator.items("/stations", q="DEMO-")) == 24
    rollouts = await operator.items("/firmware-rollouts")
    assert [each["name"] for each in rollouts].count(ROLLOUT) == 1
    await the_one(operator, "/quarantine", station_id="DEMO-LYS-02")
    await the_one(operator, "/reservations", station_id="DEMO-UTR-01")
    told = await operator.items("/transactions", site_id="demo-harbour")
    assert not [each for each in told if each["status"] == "active"]
    # A car that came between the two runs may be told now.
    earlier = timestamp_text(read_timestamp(begun) - timedelta(minutes=10))
    assert (
        {each["transaction_id"] for each in told if each["started_at"] < earlier}
        <= known
        <= past(told)
    )
