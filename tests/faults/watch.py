"""I7: memory and answers while faults last; and when commands could not be brought to an end."""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime

from csms_simulator.ledger import Ledger
from tests.faults.faulty_suite import PROCESSES, FaultySuite
from tests.faults.violations import Violation

MEMORY_BOUND = 400 * 1024 * 1024
HEARTBEAT_BOUND_S = 5.0
_EVERY_S = 1.0
_ENDS_COMMANDS = "command-api"


@dataclass(slots=True)
class Away:
    """A time in which what ends commands, or its database or broker, was not there."""

    since: datetime
    until: datetime


class Watch:
    """Measures the suite's processes every second until stopped.

    `away` tells when command-api was not ready, in order.
    """

    def __init__(self, suite: FaultySuite) -> None:
        self.peaks: dict[str, int] = dict.fromkeys(PROCESSES, 0)
        self.away: list[Away] = []
        self._suite = suite
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin."""
        self._tasks = [
            asyncio.create_task(self._measure(), name="memory watch"),
            asyncio.create_task(self._ask(), name="readiness watch"),
        ]

    async def stop(self) -> None:
        """End."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def violations(self) -> list[Violation]:
        """Return the processes that grew beyond `MEMORY_BOUND`."""
        return [
            Violation("I7", f"{process} took {peak // 2**20} MiB")
            for process, peak in self.peaks.items()
            if peak > MEMORY_BOUND
        ]

    async def _measure(self) -> None:
        while True:
            for process in PROCESSES:
                self.peaks[process] = max(self.peaks[process], self._suite.resident_bytes(process))
            await asyncio.sleep(_EVERY_S)

    async def _ask(self) -> None:
        was_ready = True
        while True:
            asked = datetime.now(UTC)
            ready = not await self._suite.lacks(_ENDS_COMMANDS)
            if not ready and was_ready:
                self.away.append(Away(asked, asked))
            if not (ready and was_ready):
                self.away[-1].until = datetime.now(UTC)
            was_ready = ready
            await asyncio.sleep(_EVERY_S)


def heartbeat_p99(ledger: Ledger, station_ids: Collection[str]) -> float:
    """Return the 99th percentile of the seconds that these stations' heartbeats took."""
    latencies = sorted(
        call.latency
        for call in ledger.calls
        if call.action == "Heartbeat" and call.station_id in station_ids
    )
    return latencies[int(len(latencies) * 0.99)] if latencies else 0.0
