"""One scenario: a fleet under load, faults, then the drain and all invariants."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Collection, Sequence
from types import TracebackType
from typing import Self

from csms_simulator.operator import Operator
from csms_simulator.settings import StationSettings
from csms_simulator.station import SimulatedStation
from tests.faults.billing_invariants import Export, check_billing, have_a_tariff
from tests.faults.command_invariants import ANSWER_TIMEOUT_S, GRACE_S, check_commands
from tests.faults.command_load import CommandLoad
from tests.faults.counts import RECORDED, Counts
from tests.faults.event_invariants import EventsSince, check_events
from tests.faults.event_stream import EventStream
from tests.faults.faulty_suite import FaultySuite
from tests.faults.fleet import FIRMWARE, STEADY, Load, StationFleet
from tests.faults.session_invariants import check_sessions, kilowatt_hours
from tests.faults.state_invariants import (
    check_connectors,
    check_parked,
    check_presence,
    report_last_status,
)
from tests.faults.stored_events import head_of
from tests.faults.violations import Violation
from tests.faults.watch import HEARTBEAT_BOUND_S, Watch, heartbeat_p99
from tests.integration.waiting import eventually

RECOVERY_S = 60.0
"""I5 and I8: how soon everything is as before once faults have ceased."""
_DRAIN_S = 180.0
_PROBED_STATIONS = 4


class Scenario:
    """`async with Scenario("F1", "gateway killed", suite) as scenario:` and inject faults in there.

    Leaving the context without an error drains the fleet, checks I1 to I9 and I11, records the
    counts and fails with every violation. `poison` names the station of each message that has to be
    parked, `unaffected` the stations whose heartbeats must stay fast (I7), `command_clock_s` how
    far the clock of command-api was put forward.
    """

    def __init__(
        self,
        fault: str,
        title: str,
        suite: FaultySuite,
        *,
        stations: int = 16,
        ocpp_urls: Sequence[str] | None = None,
        settings: StationSettings = FIRMWARE,
        load: Load = STEADY,
        drain_within: float = _DRAIN_S,
    ) -> None:
        self.suite = suite
        self.counts = Counts(fault, title, stations=stations)
        self.fleet = StationFleet(ocpp_urls or [suite.state().ocpp_url], stations, settings, load)
        self.poison: list[str] = []
        self.unaffected: Collection[str] = ()
        self.command_clock_s = 0.0
        self.violations: list[Violation] = []
        self._drain_within = drain_within
        self._watch = Watch(suite)
        self._stack = contextlib.AsyncExitStack()
        self._injected_before = Counter(suite.injected)
        self._repeated_before = suite.tap.repeated()
        self._since: EventsSince | None = None

    @property
    def operator(self) -> Operator:
        """The administrator's REST client."""
        return self._operator

    @property
    def commands(self) -> CommandLoad:
        """The commands that are sent all the time; more can be sent by hand."""
        return self._commands

    async def __aenter__(self) -> Self:
        # An event that is committed from then on has a higher position.
        position = await head_of(self.suite)
        async with self.suite.database() as database:
            time = await database.fetchval("SELECT now()")
        self._operator = await self._stack.enter_async_context(self.suite.operator())
        self._since = EventsSince(time, position, self._operator)
        self._commands = CommandLoad(self._operator, self.fleet)
        self._stack.push_async_callback(self.fleet.power_off)
        self._stack.push_async_callback(self._commands.cancel)
        self._stack.push_async_callback(self._watch.stop)
        try:
            await eventually(self._rest_answers, bool, RECOVERY_S)
            await self.follow_events()
            await have_a_tariff(self._operator)
            self._export = await self._stack.enter_async_context(Export(self._operator))
            await self.fleet.start(self._operator)
        except BaseException:
            await self._stack.aclose()
            raise
        self.fleet.begin_load()
        self._commands.begin()
        self._watch.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        async with self._stack:
            if error is None:
                await self._finish()
        if error is None:
            assert not self.violations, "\n".join(map(str, self.violations))

    @property
    def events(self) -> EventsSince:
        """What I9 is checked against."""
        assert self._since is not None, "the scenario has begun"
        return self._since

    async def follow_events(self) -> EventStream:
        """Add one that follows all events of the scenario, from its beginning to its end."""
        stream = EventStream(self._operator, self.events.position)
        self.events.streams.append(await self._stack.enter_async_context(stream))
        return stream

    async def recovered(self, within: float = RECOVERY_S) -> float:
        """Wait, once a fault has ceased, until all is well; return the seconds that it took (I8).

        Well is: every process ready, every station connected, and from each of them a message of
        a transaction acknowledged since, unless it has none to send.
        """
        loop = asyncio.get_running_loop()
        began = loop.time()
        since = len(self.fleet.ledger.calls)
        deadline = began + within
        try:
            await self.suite.until_ready(within)
            await self.fleet.until_online(deadline - loop.time())
            async with asyncio.timeout_at(deadline):
                await self.fleet.until_delivering(since)
        except AssertionError as failure:
            self._violated("I8", f"not recovered after {within} s: {failure}")
        except TimeoutError:
            self._violated("I8", f"not recovered after {within} s: some stations deliver nothing")
        seconds = loop.time() - began
        self.counts.recovery_s = max(self.counts.recovery_s, seconds)
        return seconds

    async def _rest_answers(self) -> bool:
        response = await self._operator.http.get("/transactions", params={"limit": 1})
        return response.is_success

    async def _finish(self) -> None:
        await self.recovered()
        await self._commands.end()
        left_over = await self.fleet.end_load(self._drain_within)
        for text in left_over:
            self._violated("I8", f"not drained after {self._drain_within} s: {text}")
        await self._check()
        await self.fleet.power_off()
        self.violations += await check_presence(
            self._operator, self.fleet.station_ids, online=False, within=RECOVERY_S
        )
        self._count()

    async def _check(self) -> None:
        suite, ledger, ids = self.suite, self.fleet.ledger, self.fleet.station_ids
        self.violations += await check_presence(self._operator, ids, online=True, within=RECOVERY_S)
        try:
            await report_last_status(self.fleet.stations, RECOVERY_S)
        except TimeoutError:
            self._violated("I1", "a StatusNotification was not answered")
        await self._probe_commands()
        self.violations += await check_connectors(suite, ids, RECOVERY_S)
        stored, violations = await check_sessions(suite, self._operator, ledger, RECOVERY_S)
        self.violations += violations
        rows, violations = await check_commands(
            suite,
            ledger,
            ids,
            self._commands.accepted,
            ANSWER_TIMEOUT_S + GRACE_S + RECOVERY_S,
            self.command_clock_s,
            self._watch.away,
        )
        self.violations += violations
        self.counts.parked, violations = await check_parked(
            suite, self.events.time, self.poison, RECOVERY_S if self.poison else 0
        )
        self.violations += violations
        self.counts.events, violations = await check_events(suite, ledger, self.events, RECOVERY_S)
        self.violations += violations
        self.counts.bills, violations = await check_billing(
            suite, set(ids), self._export, RECOVERY_S
        )
        self.violations += violations
        self.counts.transactions = len(stored)
        self.counts.meter_values = sum(one.samples.total() for one in stored)
        self.counts.kwh = kilowatt_hours(stored)
        self.counts.commands = Counter(row["status"] for row in rows)

    async def _probe_commands(self) -> None:
        """Find out whether commands reach stations again: who holds the socket is known (I5)."""
        stations = self.fleet.stations[:_PROBED_STATIONS]
        for ended in await asyncio.gather(*(self._probe(station) for station in stations)):
            if ended != "completed":
                self._violated("I5", f"a command after the recovery ended as {ended}")

    async def _probe(self, station: SimulatedStation) -> str:
        command = await self._commands.send(station, "ClearCache", {}, wait=ANSWER_TIMEOUT_S)
        return str(command["status"]) if command else "refused"

    def _count(self) -> None:
        counts, fleet, ledger = self.counts, self.fleet, self.fleet.ledger
        counts.injected = self.suite.injected - self._injected_before
        counts.acknowledged = len(ledger.calls)
        counts.commands_refused = self._commands.refused.total()
        counts.events_repeated = self.suite.tap.repeated() - self._repeated_before
        counts.reconnects = fleet.reconnects()
        counts.refusals = fleet.refusals()
        counts.failed_attempts = ledger.failed_attempts.total()
        counts.most_failed_attempts = ledger.most_failed_attempts
        counts.discarded = len(ledger.discarded)
        counts.heartbeat_p99_s = heartbeat_p99(ledger, self.unaffected or fleet.station_ids)
        counts.peak_mib = max(self._watch.peaks.values()) // 2**20
        self.violations += self._watch.violations()
        if self.unaffected and counts.heartbeat_p99_s > HEARTBEAT_BOUND_S:
            self._violated("I7", f"heartbeat p99 of the unaffected: {counts.heartbeat_p99_s} s")
        counts.violations = len(self.violations)
        RECORDED.append(counts)

    def _violated(self, invariant: str, text: str) -> None:
        self.violations.append(Violation(invariant, text))
