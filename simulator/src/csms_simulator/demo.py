"""`csms-demo`: simulated stations boot and charge against a running suite, shown live."""

import argparse
import asyncio
import json
import os
import resource
import sys
from pathlib import Path

import httpx
from rich.console import Console
from rich.live import Live

from csms_simulator.check import settled_differences
from csms_simulator.demo_places import PARTNER, make_partner, place, stand_of
from csms_simulator.demo_table import DemoView
from csms_simulator.ledger import Ledger
from csms_simulator.operator import Operator
from csms_simulator.session_script import SessionPlan, run_session
from csms_simulator.settings import StationSettings
from csms_simulator.station import SimulatedStation
from csms_simulator.wire import Payload

METER_SPEED = 60.0
BOOT_DEADLINE = 30.0
DELIVERY_DEADLINE = 20.0
SHOWN_DIFFERENCES = 20
REFRESH_INTERVAL = 0.5


class NoSuiteError(Exception):
    """There is no suite to charge at."""


def main() -> None:
    """Run the demo and exit non-zero when the suite did not keep a promise."""
    parser = argparse.ArgumentParser(prog="csms-demo", description=__doc__)
    parser.add_argument("--stations", type=int, default=8, help="how many (default 8)")
    parser.add_argument("--seconds", type=float, default=30, help="for how long (default 30)")
    options = parser.parse_args()
    if options.stations < 1 or options.seconds <= 0:
        parser.error("--stations and --seconds must be positive")
    # A file for each station.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    try:
        sys.exit(asyncio.run(_demo(_read_run(), options.stations, options.seconds)))
    except NoSuiteError as problem:
        sys.exit(f"csms-demo: {problem}")
    except KeyboardInterrupt:
        sys.exit(130)


def _read_run() -> Payload:
    home = Path(os.environ.get("CSMS_HOME", ".csms"))
    try:
        run: Payload = json.loads((home / "run.json").read_text())
    except FileNotFoundError:
        raise NoSuiteError(
            f"no suite is running ({home / 'run.json'} does not exist); start one with `make run`"
            " in another terminal and wait for its ready line"
        ) from None
    return run


async def _demo(run: Payload, stations: int, seconds: float) -> int:
    console = Console()
    ledgers = Ledger(), Ledger()
    try:
        async with Operator.of_run(run) as own, Operator.of_run(run, PARTNER) as partner:
            await make_partner(own)
            fleet = []
            for number in range(1, stations + 1):
                whose = stand_of(number).tenant_id is not None
                operator = partner if whose else own
                name = f"DEMO-PARTNER-{number:02d}" if whose else f"DEMO-{number:02d}"
                station = SimulatedStation(name, run["ocpp_url"], ledgers[whose], StationSettings())
                await place(operator, station.station_id, number)
                await operator.ensure_id_token(_token_of(station))
                fleet.append(station)
            await _charge_for(fleet, seconds, DemoView(fleet, (own, partner), console))
            console.print("checking the ledger against REST ...")
            differences = [
                difference
                for operator, ledger in zip((own, partner), ledgers, strict=True)
                for difference in await settled_differences(
                    operator, ledger, since=ledger.opened_at
                )
            ]
    except httpx.ConnectError as failure:
        raise NoSuiteError(f"{run['rest_url']} does not answer: {failure}") from None
    transactions = [one for ledger in ledgers for one in ledger.transactions.values()]
    console.print(
        f"{sum(len(ledger.calls) for ledger in ledgers)} messages acknowledged, "
        f"{len(transactions)} transactions, "
        f"{sum(len(one.samples) for one in transactions)} meter values, "
        f"{len(differences)} differences"
    )
    for difference in differences[:SHOWN_DIFFERENCES]:
        console.print(str(difference), style="red", markup=False)
    if not transactions:
        console.print("no station could charge", style="red")
    discarded = any(ledger.discarded for ledger in ledgers)
    return 1 if differences or discarded or not transactions else 0


async def _charge_for(fleet: list[SimulatedStation], seconds: float, view: "DemoView") -> None:
    end = asyncio.get_running_loop().time() + seconds
    for station in fleet:
        await station.start()
    try:
        async with asyncio.TaskGroup() as tasks:
            showing = tasks.create_task(_show(view))
            drivers = [
                tasks.create_task(_drive(station, n, end)) for n, station in enumerate(fleet)
            ]
            await asyncio.wait(drivers)
            await view.refresh()
            showing.cancel()
    finally:
        for station in fleet:
            await station.stop()


async def _drive(station: SimulatedStation, number: int, end: float) -> None:
    """Let one driver after the other charge until the time is up, then deliver the rest."""
    loop = asyncio.get_running_loop()
    try:
        await station.wait_accepted(BOOT_DEADLINE)
    except TimeoutError:
        return
    await asyncio.sleep(min(0.3 * (number % 8), max(end - loop.time(), 0)))
    plan = SessionPlan(
        samples=6 + number % 5, power_w=7_400 + 1_800 * (number % 4), meter_speed=METER_SPEED
    )
    while loop.time() < end:
        charging = asyncio.ensure_future(run_session(station, 1, _token_of(station), plan))
        done, _ = await asyncio.wait([charging], timeout=end - loop.time())
        if not done:
            for session in list(station.sessions.values()):
                session.request_stop("Local")
        await charging
    try:
        await station.queue.wait_empty(DELIVERY_DEADLINE)
    except TimeoutError:
        return  # what is not delivered was not promised


async def _show(view: "DemoView") -> None:
    if not view.console.is_terminal:
        while True:
            await view.refresh()
            view.print_lines()
            await asyncio.sleep(REFRESH_INTERVAL)
    with Live(console=view.console, auto_refresh=False) as live:
        while True:
            await view.refresh()
            live.update(view.table(), refresh=True)
            await asyncio.sleep(REFRESH_INTERVAL)


def _token_of(station: SimulatedStation) -> str:
    return f"TAG-{station.station_id}"
