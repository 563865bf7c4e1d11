"""Operators who reserve connectors, of which some are used and others given back."""

import asyncio
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from csms_simulator.operator import Operator
from tests.faults.beside import Beside
from tests.faults.fleet import FIRMWARE, LOCAL, StationFleet

RESERVED = 3
"""The connector that nobody charges at."""
SETTINGS = replace(FIRMWARE, connectors=RESERVED)
_PAUSE_S = 0.3
_FOR = (timedelta(seconds=3), timedelta(minutes=5))


class ReservationLoad(Beside):
    """Reserves, on `async with`, and cancels; what REST does not take is not repeated."""

    def __init__(self, operator: Operator, fleet: StationFleet) -> None:
        self.made = 0
        self._operator = operator
        self._fleet = fleet

    async def count(self) -> int:
        """Return how many REST has taken."""
        return self.made

    async def _work(self) -> None:
        held: list[int] = []
        while True:
            station_id = random.choice(self._fleet.stations).station_id
            made = await self._posted(
                "/reservations",
                {
                    "station_id": station_id,
                    "connector_id": random.choice((LOCAL, RESERVED)),
                    "id_token": self._fleet.id_tokens[station_id, LOCAL],
                    "expires_at": (datetime.now(UTC) + random.choice(_FOR)).isoformat(),
                },
            )
            if made is not None:
                self.made += 1
                held.append(made["reservation_id"])
            if len(held) > 5:
                given_back = held.pop(random.randrange(len(held)))
                await self._posted(f"/reservations/{given_back}/cancel", None)
            await asyncio.sleep(_PAUSE_S)

    async def _posted(self, path: str, body: dict[str, Any] | None) -> dict[str, Any] | None:
        try:
            answer = await self._operator.http.post(path, json=body)
        except httpx.HTTPError:
            return None
        return dict(answer.json()) if answer.is_success else None
