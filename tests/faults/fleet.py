"""Stations that behave like firmware, all under load, and what they were promised."""

import asyncio
import random
import secrets
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from csms_simulator.answer import Answer
from csms_simulator.answers.core import clear_cache
from csms_simulator.bare_station import BareStation
from csms_simulator.ledger import Ledger
from csms_simulator.operator import Operator
from csms_simulator.session_script import SessionPlan, run_session
from csms_simulator.settings import StationSettings
from csms_simulator.station import SimulatedStation
from csms_simulator.wire import Payload
from tests.integration.waiting import eventually

# Attempts and intervals are OCPP's defaults (3, 60 s) and a tenth of them passes: what the suite
# prescribes for itself does not shrink, so an outage of a minute is one of ten for these stations.
FIRMWARE = StationSettings(
    connectors=2,
    time_scale=0.1,
    first_reconnect_wait=5.0,
    longest_reconnect_wait=60.0,
    ping_interval=60.0,
)
TRANSACTION_RELATED = frozenset({"StartTransaction", "MeterValues", "StopTransaction"})
LOCAL, REMOTE = 1, 2
"""The connector that drivers use, and the one that operators start sessions on."""


@dataclass(frozen=True, slots=True)
class Load:
    """What each station does until told to stop; pauses in seconds."""

    samples: int = 4
    sample_interval: float = 0.3
    pause: float = 0.5
    answers_after: float = 0.3
    """The longest that a station takes to answer ClearCache, so that commands are in flight."""

    @property
    def plan(self) -> SessionPlan:
        """The story of each driver."""
        return SessionPlan(
            samples=self.samples, sample_interval=self.sample_interval, meter_speed=60
        )


STEADY = Load()


class StationFleet:
    """Stations with their id tokens; `load` keeps them charging."""

    def __init__(
        self,
        ocpp_urls: Sequence[str],
        count: int,
        settings: StationSettings = FIRMWARE,
        load: Load = STEADY,
    ) -> None:
        self.ledger = Ledger()
        self._load = load
        self._stop = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        prefix = f"FT-{secrets.token_hex(3)}"
        self.stations = [
            SimulatedStation(
                f"{prefix}-{number:03d}",
                ocpp_urls[number % len(ocpp_urls)],
                self.ledger,
                settings,
                {"ClearCache": self._clear_cache_slowly},
            )
            for number in range(count)
        ]
        self.id_tokens = {
            (station.station_id, connector): secrets.token_hex(7).upper()
            for station in self.stations
            for connector in (LOCAL, REMOTE)
        }
        for station in self.stations:
            station.remote_plan = load.plan

    @property
    def station_ids(self) -> list[str]:
        """Name the stations."""
        return [station.station_id for station in self.stations]

    async def start(self, operator: Operator, within: float = 60.0) -> None:
        """Make the tokens, power everything up and wait until every station was accepted."""
        for id_token in self.id_tokens.values():
            await operator.ensure_id_token(id_token)
        for station in self.stations:
            await station.start()
        async with asyncio.timeout(within):
            for station in self.stations:
                await station.accepted.wait()

    def begin_load(self) -> None:
        """Let drivers come and go at every station."""
        self._tasks = [
            asyncio.create_task(self._drive(station), name=f"driver of {station.station_id}")
            for station in self.stations
        ]

    async def progress(self, transactions: int, within: float = 90.0) -> None:
        """Wait until so many more transactions were started and acknowledged."""
        wanted = len(self.ledger.transactions) + transactions

        async def count() -> int:
            return len(self.ledger.transactions)

        await eventually(count, lambda now: now >= wanted, within)

    async def until_online(self, within: float = 60.0) -> None:
        """Wait until every station has a connection."""

        async def offline() -> list[str]:
            return [s.station_id for s in self.stations if not s.link.online.is_set()]

        await eventually(offline, lambda names: not names, within)

    async def until_delivering(self, since: int) -> None:
        """Wait until every station has delivered something since so many calls, or has nothing."""
        while True:
            delivered = {
                call.station_id
                for call in self.ledger.calls[since:]
                if call.action in TRANSACTION_RELATED
            }
            if all(not len(s.queue) or s.station_id in delivered for s in self.stations):
                return
            await asyncio.sleep(0.1)

    async def end_load(self, within: float) -> list[str]:
        """Let every session end and every queue empty; return what was left over at the end."""
        self._stop.set()
        try:
            async with asyncio.timeout(within):
                await asyncio.gather(*self._tasks)
                for station in self.stations:
                    while station.sessions:
                        for session in list(station.sessions.values()):
                            session.request_stop("Other")
                        await asyncio.sleep(0.05)
                    await station.queue.wait_empty(within)
        except TimeoutError:
            return [
                f"{s.station_id}: {len(s.queue)} messages wait, sessions on {list(s.sessions)}"
                for s in self.stations
                if len(s.queue) or s.sessions
            ] or ["drivers did not end"]
        return []

    async def power_off(self) -> None:
        """Cut everything off; a defect of a station is raised here."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for station in self.stations:
            await station.stop()

    def reconnects(self) -> int:
        """Count the connections beyond the first of each station."""
        return sum(max(0, station.link.connections_made - 1) for station in self.stations)

    def refusals(self) -> Counter[int | str]:
        """Count the refused handshakes by status, or by the name of the error."""
        return Counter(refusal for s in self.stations for refusal in s.link.refusals)

    async def _drive(self, station: SimulatedStation) -> None:
        id_token = self.id_tokens[station.station_id, LOCAL]
        while not self._stop.is_set():
            await run_session(station, LOCAL, id_token, self._load.plan)
            await asyncio.sleep(self._load.pause * random.uniform(0.5, 1.5))

    async def _clear_cache_slowly(self, station: BareStation, request: Payload) -> Answer:
        await asyncio.sleep(random.uniform(0, self._load.answers_after))
        return await clear_cache(station, request)
