"""The same light load, half after half: what one party's trouble costs those it does not concern.

Before each half the bench brings somebody into trouble, or nobody; after it, out of it.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import orjson

from bench.driver.charging import ChargingStation
from bench.driver.fleet import Result, close_all, connect_all, counts
from bench.driver.frames import CALLS_PER_SESSION
from bench.driver.http_client import HttpConnection
from bench.driver.plan import Plan
from bench.driver.signals import ask_bench
from bench.driver.station import Tally
from bench.driver.troubled import TroubledStations

WARM_UP_S = 3.0
COMMANDS_PER_S = 10.0
READS_PER_S = 10.0
OPERATORS = 20
ANSWERED_WITHIN_S = 60.0
# Leases, backlogs and pauses that have grown.
WELL_AGAIN_WITHIN_S = 90.0

KIND_OF = {
    "Heartbeat": "heartbeats",
    "Authorize": "decisions",
    "StartTransaction": "decisions",
    "StopTransaction": "decisions",
    "MeterValues": "meter values",
}
COMMANDS, READS = "commands", "REST reads"

Latencies = defaultdict[str, list[float]]


class TimedStation(ChargingStation):
    """Notes how long the answers took, by kind of call."""

    def __init__(self, station_id: str, tally: Tally, took: Latencies) -> None:
        super().__init__(station_id, tally)
        self._took = took

    def _answered(self, text: bytes) -> None:
        if kind := KIND_OF.get(self._action):
            self._took[kind].append(self.tally.latencies[self._action][-1])
        super()._answered(text)


@dataclass(slots=True)
class Everybody:
    """Whom the trouble does not concern."""

    plan: Plan
    stations: list[TimedStation]
    operators: asyncio.Queue[HttpConnection]
    tally: Tally
    took: Latencies
    _asked: set[asyncio.Task[None]] = field(default_factory=set)

    def spread(self) -> None:
        """Send until the stations are spread over the calls of a session: each half has all."""
        for number, station in enumerate(self.stations):
            for _ in range(number % CALLS_PER_SESSION):
                station.send_at(time.perf_counter())

    async def half(self, seconds: float) -> Result:
        """Put the load for a while; return its window and all latencies, in seconds, by kind."""
        self.took.clear()
        began = time.time()
        async with asyncio.TaskGroup() as group:
            group.create_task(_at_a_pace(self.plan.rate, seconds, self._call))
            group.create_task(_at_a_pace(COMMANDS_PER_S, seconds, self._command))
            group.create_task(_at_a_pace(READS_PER_S, seconds, self._read))
        ended = time.time()
        try:
            async with asyncio.timeout(ANSWERED_WITHIN_S):
                await asyncio.gather(*(s.idle.wait() for s in self.stations), *self._asked)
        except TimeoutError:
            self.tally.problems["unanswered"] += sum(not s.idle.is_set() for s in self.stations)
        return {"window": (began, ended), "latencies": {k: list(v) for k, v in self.took.items()}}

    def _call(self, number: int, due: float) -> None:
        self.stations[number % len(self.stations)].send_at(due)

    def _command(self, number: int, due: float) -> None:
        station = self.stations[number % len(self.stations)].station_id
        path = f"/api/v1/stations/{station}/commands/ClearCache?wait=30"
        self._ask(COMMANDS, path, b"{}", due)

    def _read(self, number: int, due: float) -> None:
        station = self.stations[number % len(self.stations)].station_id
        of_station = f"/api/v1/stations/{station}"
        of_transactions = f"/api/v1/transactions?station_id={station}&limit=50"
        self._ask(READS, of_transactions if number % 2 else of_station, b"", due)

    def _ask(self, kind: str, path: str, body: bytes, due: float) -> None:
        task = asyncio.create_task(self._answer(kind, path, body, due))
        self._asked.add(task)
        task.add_done_callback(self._asked.discard)

    async def _answer(self, kind: str, path: str, body: bytes, due: float) -> None:
        operator = await self.operators.get()
        try:
            status, answer = await (operator.post(path, body) if body else operator.get(path))
        except (OSError, EOFError) as failure:  # a TimeoutError is one of the former
            # The connection may hold half an answer: it is used no more.
            self.tally.problems[f"{kind}: {type(failure).__name__}"] += 1
            return
        self.operators.put_nowait(operator)
        self.took[kind].append(time.perf_counter() - due)
        if status >= 300:
            self.tally.problems[f"{kind}: HTTP {status}"] += 1
        elif kind == COMMANDS and (ended := orjson.loads(answer)["status"]) != "completed":
            self.tally.problems[f"{kind}: {ended}"] += 1


async def fairness(plan: Plan) -> Result:
    """Put the load `plan.halves` times on stations of one gateway; others have another one."""
    tally, took = Tally(), Latencies(list)
    stations = [TimedStation(station_id, tally, took) for station_id in plan.station_ids]
    troubled = TroubledStations(plan.troubled_url, plan.troubled_prefix, plan.troubled)
    halves = []
    async with AsyncExitStack() as stack:
        operators: asyncio.Queue[HttpConnection] = asyncio.Queue()
        for _ in range(OPERATORS):
            connection = HttpConnection(plan.rest_url, plan.authorization)
            operators.put_nowait(await stack.enter_async_context(connection))
        stack.callback(close_all, stations)
        await connect_all(stations, plan)
        stack.push_async_callback(troubled.end)
        troubled.begin()
        everybody = Everybody(plan, stations, operators, tally, took)
        everybody.spread()
        await everybody.half(WARM_UP_S)
        for _ in range(plan.halves):
            try:
                async with asyncio.timeout(WELL_AGAIN_WITHIN_S):
                    await troubled.until_all_answered()
            except TimeoutError:
                tally.problems["stations that were in trouble are not served again"] += 1
            await ask_bench("half")
            answered = troubled.answered
            half = await everybody.half(plan.seconds)
            halves.append({**half, "troubled_answered": troubled.answered - answered})
            await ask_bench("half over")
    transactions = [row for station in stations for row in station.report()]
    return {"halves": halves, "transactions": transactions, **counts(tally)}


async def _at_a_pace(rate: float, seconds: float, send: Callable[[int, float], None]) -> None:
    """Send at a fixed rate, whatever the answers do; each is told when it was due."""
    began = time.perf_counter()
    for number in range(int(rate * seconds)):
        due = began + number / rate
        if (wait := due - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
        send(number, due)
