"""I10: while one party is in trouble, everybody else's p99 stays within 1.5 times that without it.

Judged in full scale only: both times have to be long enough for a p99, and the machine quiet. A
shorter run sees to the rest, which no clock decides; figures are in docs/capacity.md (fairness).
"""

import asyncio
import random
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

from bench.driver.percentiles import percentile
from bench.events import EventReader, committed_events, first_arrivals
from csms_simulator.errors import CallFailedError
from csms_simulator.station import SimulatedStation
from tests.faults.scale import Scale
from tests.faults.scenario import Scenario
from tests.faults.suite_on_paths import SuiteOnPaths
from tests.faults.violations import Violation
from tests.integration.waiting import eventually

RATIO = 1.5
# Fewer have no 99th percentile but their greatest.
FEWEST = 100
_WITHOUT_S = 60.0
_ASKED_EVERY_S = 0.2
_LAST_EVENTS_S = 60.0
HEARTBEATS, COMMANDS, EVENTS, READS = "heartbeats", "commands", "events", "REST reads"
_KIND_OF = {
    "Heartbeat": HEARTBEATS,
    "Authorize": "decisions",
    "StartTransaction": "decisions",
    "StopTransaction": "decisions",
    "MeterValues": "meter values",
}
KINDS = (*dict.fromkeys(_KIND_OF.values()), COMMANDS, EVENTS, READS)

Took = Mapping[str, Sequence[float]]
"""By kind, how long each took, in seconds."""


def unfair(without: Took, beside: Took) -> list[Violation]:
    """Return the kinds whose p99 beside the trouble is too long, or can't be told."""
    found = []
    for kind in KINDS:
        counts = len(without.get(kind, ())), len(beside.get(kind, ()))
        if min(counts) < FEWEST:
            found.append(Violation("I10", f"{kind}: {counts[0]} without, {counts[1]} beside it"))
            continue
        before, now = (percentile(list(took[kind]), 99) for took in (without, beside))
        if now > RATIO * before:
            text = f"{kind}: p99 {1000 * now:.0f} ms, {1000 * before:.0f} ms without the trouble"
            found.append(Violation("I10", text))
    return found


class FairnessCheck:
    """Measures the unaffected stations of a scenario, and an operator's and a subscriber's view.

    Call `without` before and after the trouble, so that a machine that gets slower or faster
    meanwhile counts half; be in `beside` while it lasts; then `judge`. Without full scale all of
    them do nothing.
    """

    def __init__(self, scenario: Scenario, suite: SuiteOnPaths, scale: Scale) -> None:
        self._scenario = scenario
        self._suite = suite
        self._judges = scale.full
        self._without: defaultdict[str, list[float]] = defaultdict(list)
        self._beside: defaultdict[str, list[float]] = defaultdict(list)
        self._failed: Counter[str] = Counter()

    async def without(self) -> None:
        """Measure for a minute in which nobody is in trouble."""
        if self._judges:
            async with self._measured(self._without):
                await asyncio.sleep(_WITHOUT_S)

    @asynccontextmanager
    async def beside(self) -> AsyncIterator[None]:
        """Measure beside the trouble."""
        if not self._judges:
            yield
            return
        async with self._measured(self._beside):
            yield

    def judge(self) -> None:
        """Add what violates I10 to the scenario's violations."""
        if self._judges:
            self._scenario.violations += unfair(self._without, self._beside)
            self._scenario.violations += [
                Violation("I10", f"{kind}: {count} of the unaffected failed")
                for kind, count in self._failed.items()
                if count
            ]

    @asynccontextmanager
    async def _measured(self, took: defaultdict[str, list[float]]) -> AsyncIterator[None]:
        ledger = self._scenario.fleet.ledger
        async with EventReader(self._suite.nodes.broker_url) as reader:
            began, first = time.time(), len(ledger.calls)
            async with asyncio.TaskGroup() as group:
                asking = group.create_task(self._ask_for_ever(took))
                yield
                asking.cancel()
            ended = time.time()
            for call in ledger.calls[first:]:
                kind = _KIND_OF.get(call.action)
                if kind is not None and call.station_id in self._scenario.unaffected:
                    took[kind].append(call.latency)
            took[EVENTS] += await self._events(reader, began, ended)

    async def _ask_for_ever(self, took: defaultdict[str, list[float]]) -> None:
        stations = [
            station
            for station in self._scenario.fleet.stations
            if station.station_id in self._scenario.unaffected
        ]
        asks: Sequence[tuple[str, Callable[[SimulatedStation], Awaitable[bool]]]] = (
            (COMMANDS, self._command),
            (READS, self._read),
        )
        async with asyncio.TaskGroup() as group:
            for kind, ask in asks:
                group.create_task(self._repeat(kind, ask, stations, took))
            group.create_task(self._beat(stations))

    async def _repeat(
        self,
        kind: str,
        ask: Callable[[SimulatedStation], Awaitable[bool]],
        stations: Sequence[SimulatedStation],
        took: defaultdict[str, list[float]],
    ) -> None:
        while True:
            began = time.monotonic()
            answered = await ask(random.choice(stations))
            took[kind].append(time.monotonic() - began)
            self._failed[kind] += not answered
            await asyncio.sleep(_ASKED_EVERY_S)

    async def _command(self, station: SimulatedStation) -> bool:
        ended = await self._scenario.commands.send(station, "GetConfiguration", {})
        return ended is not None and ended["status"] == "completed"

    async def _read(self, station: SimulatedStation) -> bool:
        response = await self._scenario.operator.http.get(f"/stations/{station.station_id}")
        return response.is_success

    async def _beat(self, stations: Sequence[SimulatedStation]) -> None:
        """Send heartbeats, of which a fleet that charges has few; the ledger has their times."""
        while True:
            try:
                await random.choice(stations).heartbeat()
            except CallFailedError:
                self._failed[HEARTBEATS] += 1
            await asyncio.sleep(_ASKED_EVERY_S)

    async def _events(self, reader: EventReader, began: float, ended: float) -> list[float]:
        committed = await committed_events(self._suite.nodes.database_url, began)
        wanted = {event: at for event, at in committed.items() if at <= ended}

        async def arrived() -> dict[str, float]:
            return first_arrivals(reader.arrived)

        told = await eventually(arrived, lambda now: now.keys() >= wanted.keys(), _LAST_EVENTS_S)
        return [told[event] - at for event, at in wanted.items()]
