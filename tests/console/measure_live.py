"""How long what happens takes to the screen: `make bench-console`.

A suite of its own with 10,000 stations in its list, of which 400 are simulated and say 200 times a
second that a connector's status is another. A browser shows the list; what is measured are the
rows that are seen. A delay ends when the frame with the change has been drawn. It begins when the
station sends its StatusNotification, when the row of the outbox with the event is written, or when
another client of the stream was told of it. Browser, suite, database, broker and stations share
the machine.
"""

import asyncio
import tempfile
import time
from collections import defaultdict
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import orjson
from playwright.async_api import Page, async_playwright, expect
from rich.console import Console
from rich.table import Table

from bench.driver.percentiles import percentile
from bench.events import note_when_written
from bench.streamed import StreamReader, streamed
from csms_local.run_state import RunState
from csms_local.suite import start_suite
from csms_simulator.bare_station import BareStation
from csms_simulator.ledger import Ledger
from csms_simulator.operator import Operator
from csms_simulator.settings import StationSettings
from tests.console.installed import browser_path
from tests.console.large_fleet import put_in_fleet, station_of_fleet
from tests.console.viewing import viewing

STATIONS = 10_000
TALKING = 400
EVENTS_PER_S = 200
SECONDS = 70.0
# The first rows, which are on the screen without scrolling.
SEEN = 15
TARGET_MS = 300
_LAST_EVENTS_S = 5.0
_AT_ONCE = 20
_TYPE = "csms.connector.status_changed.v1"
_SCRIPT = Path(__file__).with_name("live_rows.js")
_STATUSES = ("Preparing", "Available")


@dataclass
class Sent:
    """What one station said, in order: its times, and the statuses with them."""

    at: list[float] = field(default_factory=list)
    statuses: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Measured:
    """Delays in seconds by where they begin, and what the browser did meanwhile."""

    delays: dict[str, list[float]]
    never_shown: int
    long_tasks: list[float]
    events_per_s: float


def main() -> None:
    """Measure, and print a table."""
    console = Console()
    with tempfile.TemporaryDirectory(prefix="csms-bench-") as home:
        # PostgreSQL runs as another user when this is root, and must reach its data folder.
        Path(home).chmod(0o711)
        console.print("starting a suite ...")
        with start_suite(Path(home) / "csms") as suite:
            run = suite.state()
            asyncio.run(put_in_fleet(run.database_url, STATIONS))
            measured = asyncio.run(measure(run))
    print_tables(measured, console)


def print_tables(measured: Measured, console: Console) -> None:
    """Print the delays, and how busy the page was."""
    table = Table(title=f"{STATIONS:,} stations, {measured.events_per_s:.0f} events/s")
    for title in ("an event is on the screen after", "events", "p50 (ms)", "p95 (ms)", "max (ms)"):
        table.add_column(title, justify="left" if "event is" in title else "right")
    for name, delays in measured.delays.items():
        figures = (percentile(delays, 50), percentile(delays, 95), max(delays))
        table.add_row(name, f"{len(delays):,}", *(f"{one * 1000:.0f}" for one in figures))
    console.print(table)
    blocked = sum(measured.long_tasks) / 1000
    console.print(
        f"never shown: {measured.never_shown}; the page was busy for more than 50 ms "
        f"{len(measured.long_tasks)} times in {SECONDS:.0f} s, {blocked:.1f} s together, "
        f"{max(measured.long_tasks, default=0):.0f} ms the longest; target: p95 <= {TARGET_MS} ms"
    )


async def measure(run: RunState) -> Measured:
    """Measure a suite that has the fleet."""
    await note_when_written(run.database_url)
    admin = (run.admin_username, run.admin_password)
    async with AsyncExitStack() as stack:
        operator = await stack.enter_async_context(Operator(run.rest_url, *admin))
        playwright = await stack.enter_async_context(async_playwright())
        browser = await playwright.chromium.launch(
            executable_path=browser_path(), args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        stack.push_async_callback(browser.close)
        stations = await _talking(stack, run.ocpp_url)
        authorization = operator.http.headers["Authorization"]
        reader = await stack.enter_async_context(StreamReader(run.rest_url, authorization))
        viewer = await stack.enter_async_context(viewing(browser, run.rest_url, admin))
        await viewer.open("stations")
        await expect(viewer.page.get_by_text(f"{STATIONS:,} stations")).to_be_visible()
        await viewer.settled()
        await viewer.page.evaluate(_SCRIPT.read_text())
        await viewer.page.evaluate("window.measured.begin()")
        began = time.time()
        said = await _talk(stations)
        took = time.time() - began
        # A wait for what is late, not for luck: what is not shown by then is counted.
        await asyncio.sleep(_LAST_EVENTS_S)
        shown = await _shown(viewer.page)
        tasks = await viewer.page.evaluate("window.measured.tasks")
        return Measured(
            *await _compared(run.database_url, began, said, shown, _told(reader)),
            long_tasks=tasks,
            events_per_s=sum(len(one.at) for one in said.values()) / took,
        )


def _told(reader: StreamReader) -> dict[str, float]:
    return {event_id: at for at, event_id in streamed(reader.chunks)}


async def _talking(stack: AsyncExitStack, ocpp_url: str) -> list[BareStation]:
    """Connect the first of the fleet, and others from all over it."""
    others = range(SEEN + 1, STATIONS, (STATIONS - SEEN) // (TALKING - SEEN))
    numbers = [*range(1, SEEN + 1), *others][:TALKING]
    stations = [
        BareStation(station_of_fleet(number), ocpp_url, Ledger(), StationSettings(), {})
        for number in numbers
    ]
    for first in range(0, TALKING, _AT_ONCE):
        few = stations[first : first + _AT_ONCE]
        for station in few:
            await stack.enter_async_context(station)
        await asyncio.gather(*(station.wait_accepted(60) for station in few))
    return stations


async def _talk(stations: list[BareStation]) -> dict[str, Sent]:
    """Let every station tell of its first connector again and again, evenly spread."""
    said: dict[str, Sent] = defaultdict(Sent)
    every = len(stations) / EVENTS_PER_S
    rounds = int(SECONDS / every)
    begins = time.monotonic() + 1

    async def one(station: BareStation, turn: int) -> None:
        for number in range(rounds):
            due = begins + every * (number + turn / len(stations))
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            status = _STATUSES[number % 2]
            sent = said[station.station_id]
            sent.at.append(time.time())
            sent.statuses.append(status)
            await station.report_connector(1, status)

    await asyncio.gather(*(one(station, turn) for turn, station in enumerate(stations)))
    return said


async def _shown(page: Page) -> dict[str, list[tuple[str, float]]]:
    shown: dict[str, list[tuple[str, float]]] = defaultdict(list)
    for station_id, text, at in await page.evaluate("window.measured.noted"):
        shown[station_id].append((text, at))
    return shown


async def _compared(
    database_url: str,
    began: float,
    said: dict[str, Sent],
    shown: dict[str, list[tuple[str, float]]],
    told: dict[str, float],
) -> tuple[dict[str, list[float]], int]:
    written = await _written(database_url, began)
    sent, stored, streamed_ = [], [], []
    never = 0
    for number in range(1, SEEN + 1):
        station_id = station_of_fleet(number)
        left = list(shown[station_id])
        events = written[station_id]
        for sent_at, status, event in zip(
            said[station_id].at, said[station_id].statuses, events, strict=True
        ):
            came = next(
                (n for n, one in enumerate(left) if status in one[0] and one[1] > sent_at), None
            )
            if came is None:
                never += 1
                continue
            at = left[came][1]
            del left[: came + 1]
            sent.append(at - sent_at)
            stored.append(at - event[0])
            streamed_.append(at - told[event[1]])
    return {
        "the station sent it": sent,
        "its row was written": stored,
        "the stream told it another client": streamed_,
    }, never


async def _written(database_url: str, since: float) -> dict[str, list[tuple[float, str]]]:
    """Return the events of connectors by station, in order: when each was written, and its id."""
    connection = await asyncpg.connect(database_url)
    try:
        rows: list[Any] = await connection.fetch(
            "SELECT events, created_at FROM registry.outbox "
            "WHERE created_at >= to_timestamp($1) ORDER BY id",
            since,
        )
    finally:
        await connection.close()
    found: dict[str, list[tuple[float, str]]] = defaultdict(list)
    for row in rows:
        for event in orjson.loads(row["events"]):
            if event["type"] == _TYPE:
                found[event["subject"]].append((row["created_at"].timestamp(), event["id"]))
    return found


if __name__ == "__main__":
    main()
