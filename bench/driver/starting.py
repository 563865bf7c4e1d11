"""Whose tokens the stations that start at once present, and a station that starts and stops."""

from enum import StrEnum

import orjson

from bench.driver import frames
from bench.driver.plan import station_ids
from bench.driver.station import DriverStation, Tally

FIRST_METER = 1000


class TokenUse(StrEnum):
    """Which tokens a burst of starts presents."""

    OWN = "own"
    """Each station its own, which may charge once at a time."""
    SHARED_UNLIMITED = "shared-unlimited"
    SHARED_LIMITED = "shared-limited"
    """One for all stations, with a limit that none of them reaches."""
    SHARED_SINGLE = "shared-single"
    """One for all stations, which may charge once at a time: one is accepted."""


_LIMITS = {
    TokenUse.OWN: 1,
    TokenUse.SHARED_UNLIMITED: None,
    TokenUse.SHARED_LIMITED: 1000,
    TokenUse.SHARED_SINGLE: 1,
}


def limits(prefix: str, stations: int, bursts: int) -> dict[str, int | None]:
    """Return the tokens that a load needs, and how many transactions each may have at once."""
    own = dict.fromkeys(station_ids(prefix, stations), _LIMITS[TokenUse.OWN])
    shared = {
        shared_token(prefix, use, burst): _LIMITS[use]
        for use in TokenUse
        if use is not TokenUse.OWN
        for burst in range(bursts)
    }
    return own | shared


def shared_token(prefix: str, use: TokenUse, burst: int) -> str:
    """Name a burst's token: one of its own, so that no earlier burst keeps it busy."""
    return f"{prefix}{use.value.removeprefix('shared-')[0]}{burst}"


class StartingStation(DriverStation):
    """Starts and stops when it is told to, and remembers what was acknowledged."""

    def __init__(self, station_id: str, tally: Tally) -> None:
        super().__init__(station_id, tally)
        self.transactions: list[tuple[int, int | None, int]] = []
        self._meter = FIRST_METER
        self._transaction_id = 0

    async def authorize(self, id_tag: str) -> None:
        """Ask what a token is worth."""
        await self.ask("Authorize", frames.authorize(self.next_id(), id_tag.encode()))

    async def start(self, id_tag: str) -> str:
        """Start a transaction; return what the token was worth."""
        text = frames.start(self.next_id(), id_tag.encode(), self._meter, self.clock_ms())
        response = orjson.loads(await self.ask("StartTransaction", text))[2]
        self._transaction_id = response["transactionId"]
        return str(response["idTagInfo"]["status"])

    async def meter(self) -> None:
        """Send meter values of the transaction."""
        self._meter += 1
        text = frames.meter_values_alone(
            self.next_id(), self._transaction_id, self._meter, self.clock_ms()
        )
        await self.ask("MeterValues", text)

    async def stop(self, id_tag: str) -> None:
        """Stop the transaction."""
        text = frames.stop(
            self.next_id(), self._transaction_id, id_tag.encode(), self._meter, self.clock_ms()
        )
        await self.ask("StopTransaction", text)
        self.transactions.append((self._transaction_id, 1, frames.SAMPLES_ALONE))
