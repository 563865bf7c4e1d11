"""Stations whose gateway may be in trouble: they ask again and again, and come back."""

import asyncio

from picows.common import WSHandshakeError

from bench.driver import frames
from bench.driver.plan import station_ids
from bench.driver.station import DriverStation, Tally

ASKED_EVERY_S = 1.0
# A gateway ends the connection of a station whose call has waited for 10 s.
ANSWER_S = 12.0
COMES_BACK_AFTER_S = 1.0


class TroubledStations:
    """Each sends an Authorize, which is decided and stores nothing, every second."""

    def __init__(self, url: str, prefix: str, count: int) -> None:
        self._url = url
        # What these meet is no problem of the load.
        self._stations = [DriverStation(each, Tally()) for each in station_ids(prefix, count)]
        self.answered = 0
        """How many of their calls were answered."""
        self._waited_for: set[str] = set()
        self._all_answered = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def begin(self) -> None:
        """Connect them all."""
        self._tasks = [asyncio.create_task(self._come_and_ask(one)) for one in self._stations]

    async def end(self) -> None:
        """Close them all."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for station in self._stations:
            station.close()

    async def until_all_answered(self) -> None:
        """Wait until each has been answered once more."""
        self._waited_for = {station.station_id for station in self._stations}
        self._all_answered.clear()
        await self._all_answered.wait()

    async def _come_and_ask(self, station: DriverStation) -> None:
        while True:
            try:
                await station.connect(self._url)
                async with asyncio.timeout(ANSWER_S):
                    await station.boot()
                while station.transport is not None:
                    await self._ask(station)
                    await asyncio.sleep(ASKED_EVERY_S)
            except (WSHandshakeError, OSError):  # a TimeoutError is one of these
                pass
            await station.abandon()
            await asyncio.sleep(COMES_BACK_AFTER_S)

    async def _ask(self, station: DriverStation) -> None:
        text = frames.authorize(station.next_id(), station.station_id.encode())
        async with asyncio.timeout(ANSWER_S):
            await station.ask("Authorize", text)
        self.answered += 1
        self._waited_for.discard(station.station_id)
        if not self._waited_for:
            self._all_answered.set()
