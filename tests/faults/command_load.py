"""Operators who send commands to the fleet all the time."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import httpx

from csms_simulator.operator import Operator
from csms_simulator.station import SimulatedStation
from csms_simulator.wire import Payload
from tests.faults.fleet import REMOTE, StationFleet

WRITE_WITHIN_S = 10
_WAIT_S = 5
_PAUSE_S = 0.2


@dataclass(frozen=True, slots=True)
class AcceptedCommand:
    """A command that REST took: from here on it has to come to an end."""

    command_id: str
    station_id: str
    action: str


class CommandLoad:
    """Sends commands to random stations until told to stop; keeps what REST answered."""

    def __init__(self, operator: Operator, fleet: StationFleet, workers: int = 3) -> None:
        self.accepted: list[AcceptedCommand] = []
        self.answered: list[Payload] = []
        self.refused: Counter[str] = Counter()
        self._operator = operator
        self._fleet = fleet
        self._workers = workers
        self._stop = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def begin(self) -> None:
        """Start sending."""
        self._tasks = [
            asyncio.create_task(self._send_until_stopped(), name="operator")
            for _ in range(self._workers)
        ]

    async def end(self) -> None:
        """Send no more, and wait for what REST was asked last."""
        self._stop.set()
        await asyncio.gather(*self._tasks)

    async def cancel(self) -> None:
        """Give up at once."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def send(
        self, station: SimulatedStation, action: str, payload: Payload, wait: float = _WAIT_S
    ) -> Payload | None:
        """Send one command; None where REST refused, or did not answer."""
        try:
            response = await self._operator.http.post(
                f"/stations/{station.station_id}/commands/{action}",
                params={"wait": wait, "timeout": WRITE_WITHIN_S},
                json=payload,
            )
        except httpx.HTTPError as failure:
            self.refused[type(failure).__name__] += 1
            return None
        if not response.is_success:
            self.refused[str(response.status_code)] += 1
            return None
        command: Payload = response.json()
        self.answered.append(command)
        self.accepted.append(AcceptedCommand(command["command_id"], station.station_id, action))
        return command

    async def _send_until_stopped(self) -> None:
        while not self._stop.is_set():
            station = random.choice(self._fleet.stations)
            action, payload = random.choice(_CHOICES)(self._fleet, station)
            await self.send(station, action, payload)
            await asyncio.sleep(_PAUSE_S * random.uniform(0.5, 1.5))


def _clear_cache(fleet: StationFleet, station: SimulatedStation) -> tuple[str, Payload]:
    return "ClearCache", {}


def _get_configuration(fleet: StationFleet, station: SimulatedStation) -> tuple[str, Payload]:
    return "GetConfiguration", {}


def _change_configuration(fleet: StationFleet, station: SimulatedStation) -> tuple[str, Payload]:
    value = str(random.randint(30, 90))
    return "ChangeConfiguration", {"key": "MeterValueSampleInterval", "value": value}


def _start_or_stop(fleet: StationFleet, station: SimulatedStation) -> tuple[str, Payload]:
    session = station.sessions.get(REMOTE)
    if session is not None and session.transaction_id is not None:
        return "RemoteStopTransaction", {"transactionId": session.transaction_id}
    id_token = fleet.id_tokens[station.station_id, REMOTE]
    return "RemoteStartTransaction", {"connectorId": REMOTE, "idTag": id_token}


_CHOICES: tuple[Callable[[StationFleet, SimulatedStation], tuple[str, Payload]], ...] = (
    _clear_cache,
    _get_configuration,
    _change_configuration,
    _start_or_stop,
)
