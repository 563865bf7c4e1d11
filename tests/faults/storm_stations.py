"""Light stations for storms: thousands in a process, each comes back by itself when cut off.

`python -m tests.faults.storm_stations` reads a `StormPlan` as a line of JSON, prints one line when
every station is connected and booted, one when all are back after having been cut off, and the
result when it is told so; it ends when it is told so again.
"""

import asyncio
import functools
import gc
import random
import resource
import ssl
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import uvloop
from picows import WSTransport
from picows.common import WSHandshakeError

from bench.driver.station import DriverStation, Tally
from tests.faults.storm_plan import StormPlan

CONNECTS_AT_ONCE = 60
CONNECT_DEADLINE_S = 240.0
# F21: all of them come within a second.
FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 8.0
HEARTBEAT = b'[2,"%d","Heartbeat",{}]'


@dataclass(slots=True)
class Storm:
    """What all stations of this process went through."""

    stations: int
    connected: int = 0
    lost: int = 0
    back_at: list[float] = field(default_factory=list)
    """Times of the system's monotonic clock, which all processes share."""
    failures: Counter[str] = field(default_factory=Counter)
    all_connected: asyncio.Event = field(default_factory=asyncio.Event)
    all_back: asyncio.Event = field(default_factory=asyncio.Event)

    def note_connected(self) -> None:
        """Count a station's first connection."""
        self.connected += 1
        if self.connected >= self.stations:
            self.all_connected.set()

    def note_back(self) -> None:
        """Count a station that came back."""
        self.back_at.append(time.monotonic())
        if len(self.back_at) >= self.stations:
            self.all_back.set()


class StormStation(DriverStation):
    """Connects again whenever its connection ends, until its task is cancelled."""

    def __init__(self, station_id: str, plan: StormPlan, storm: Storm, tally: Tally) -> None:
        super().__init__(station_id, tally)
        self.url = plan.urls[0]
        self._plan = plan
        self._storm = storm
        self._is_lost = asyncio.Event()
        self._own_tls: ssl.SSLContext | None = None

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """Note that the gateway is gone."""
        super().on_ws_disconnected(transport)
        self._storm.lost += 1
        self._is_lost.set()

    async def run(self, places: asyncio.Semaphore) -> None:
        """Connect and boot in turn, then come back each time."""
        async with places:
            while not await self._has_connected(boots=True):
                await asyncio.sleep(random.uniform(0.5, 1.5))
        self._storm.note_connected()
        while True:
            await self._is_lost.wait()
            await asyncio.sleep(random.uniform(0, FIRST_WAIT_S))
            await self._come_back()
            self._storm.note_back()

    async def beat(self) -> bytes:
        """Send a Heartbeat and wait for the answer."""
        return await self.ask("Heartbeat", HEARTBEAT % self.next_id())

    async def _come_back(self) -> None:
        wait_s = 1.0
        while True:
            # As a balancer spreads them: over all gateways, on to the next where one is away.
            for url in random.sample(self._plan.urls, len(self._plan.urls)):
                self.url = url
                self._is_lost.clear()
                if await self._has_connected(boots=False):
                    return
            await asyncio.sleep(random.uniform(0.5, 1) * wait_s)
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)

    def _tls(self) -> ssl.SSLContext | None:
        plan = self._plan
        if not plan.authority:
            return None
        if not plan.certificates:
            return _known_authority(plan.authority)
        if self._own_tls is None:
            # Made once, before the storm: a station reads its certificate when it starts. That of
            # thousands in the storm holds this loop up, and with it handshakes that are under way,
            # for longer than a gateway waits for them.
            self._own_tls = ssl.create_default_context(cafile=plan.authority)
            shown = Path(plan.certificates) / self.station_id
            self._own_tls.load_cert_chain(shown.with_suffix(".pem"), shown.with_suffix(".key"))
        return self._own_tls

    async def _has_connected(self, *, boots: bool) -> bool:
        """Try once, and have a call answered."""
        try:
            await self.connect(self.url, self._plan.password, self._tls())
            await (self.boot() if boots else self.beat())
        except WSHandshakeError as refused:
            status = refused.response.status if refused.response else refused
            self._storm.failures[f"refused: {status}"[:80]] += 1
            return False
        except (OSError, TimeoutError, AssertionError) as failure:
            self._storm.failures[f"{type(failure).__name__}: {failure}"[:80]] += 1
            return False
        return True


@functools.cache
def _known_authority(file: str) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=file)


async def _beat_for_ever(
    station: StormStation, every_s: float, latencies: list[tuple[float, float]]
) -> None:
    """Send heartbeats at fixed times; a latency counts from when the heartbeat was due."""
    due = time.monotonic() + random.uniform(0, every_s)
    while True:
        await asyncio.sleep(max(due - time.monotonic(), 0))
        await station.beat()
        latencies.append((due, time.monotonic() - due))
        due += every_s


async def run(plan: StormPlan) -> None:
    """Play the stations until standard input says that it is over."""
    storm, tally = Storm(plan.stations), Tally()
    stations = [StormStation(station_id, plan, storm, tally) for station_id in plan.station_ids]
    heartbeats: list[tuple[float, float]] = []
    places = asyncio.Semaphore(CONNECTS_AT_ONCE)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(station.run(places)) for station in stations]
        async with asyncio.timeout(CONNECT_DEADLINE_S):
            await storm.all_connected.wait()
        if plan.heartbeat_every_s:
            tasks += [
                group.create_task(_beat_for_ever(station, plan.heartbeat_every_s, heartbeats))
                for station in stations
            ]
        _tell({"event": "ready"})
        ended = group.create_task(asyncio.to_thread(sys.stdin.readline))
        back = group.create_task(storm.all_back.wait())
        await asyncio.wait([back, ended], return_when=asyncio.FIRST_COMPLETED)
        if back.done():
            _tell({"event": "all back"})
        await ended
        _tell(
            {
                "event": "result",
                "lost": storm.lost,
                "back_at": storm.back_at,
                "failures": dict(storm.failures),
                "heartbeats": heartbeats,
                "held": dict(Counter(s.url for s in stations if s.transport is not None)),
            }
        )
        # Closed only when it says so again: presence is looked at meanwhile.
        await asyncio.to_thread(sys.stdin.readline)
        for task in (*tasks, back):
            task.cancel()
    for station in stations:
        station.close()


def _tell(line: dict[str, Any]) -> None:
    sys.stdout.write(orjson.dumps(line).decode() + "\n")
    sys.stdout.flush()


def main() -> None:
    """Read the plan and run it."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    gc.freeze()
    uvloop.run(run(StormPlan.decode(sys.stdin.readline())))


if __name__ == "__main__":
    main()
