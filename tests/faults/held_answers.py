"""Commands that stations take and do not answer until they are let."""

import asyncio
from collections.abc import Sequence

from csms_simulator.answer import Answer
from csms_simulator.bare_station import BareStation
from csms_simulator.station import SimulatedStation
from csms_simulator.wire import Payload


class HeldAnswers:
    """Stations that got a command and keep its answer to themselves until they are released."""

    def __init__(self, action: str, stations: Sequence[SimulatedStation]) -> None:
        self.asked: set[str] = set()
        self._released = asyncio.Event()
        for station in stations:
            station.handlers[action] = self._answer

    def release(self) -> None:
        """Let all of them answer, and those that are asked later at once."""
        self._released.set()

    async def _answer(self, station: BareStation, request: Payload) -> Answer:
        self.asked.add(station.station_id)
        await self._released.wait()
        return Answer({"status": "Accepted"})
