"""What the central system keeps, and commands to a station, as an operator sees them."""

import asyncio
from collections.abc import Callable
from typing import Any

from csms_simulator.operator import Operator
from tests.conformance.played_station import Asked, Payload, PlayedStation
from tests.integration.waiting import eventually


class CentralSystem:
    """One station's side of REST."""

    def __init__(self, operator: Operator, station_id: str) -> None:
        self.operator = operator
        self.station_id = station_id

    async def create(self, **settings: Any) -> None:
        """Register the station before it connects."""
        body = {"station_id": self.station_id, **settings}
        response = await self.operator.http.post("/stations", json=body)
        assert response.status_code == 201, response.text

    async def change(self, **settings: Any) -> None:
        """Change the station's settings."""
        response = await self.operator.http.patch(f"/stations/{self.station_id}", json=settings)
        assert response.status_code == 200, response.text

    async def station(self, holds: Callable[[Payload], bool] = bool) -> Payload:
        """Read the station once it is so."""

        async def read() -> Payload:
            found: Payload = await self.operator.get(f"/stations/{self.station_id}")
            return found

        return await eventually(read, holds)

    async def connector(self, connector_id: int, status: str) -> Payload:
        """Read a connector once it has this status."""

        async def read() -> list[Payload]:
            found = await self.operator.get(f"/stations/{self.station_id}/connectors")
            items: list[Payload] = found["items"]
            return [item for item in items if item["connector_id"] == connector_id]

        found = await eventually(read, lambda items: bool(items) and items[0]["status"] == status)
        return found[0]

    async def transactions(
        self, holds: Callable[[list[Payload]], bool] = lambda _: True
    ) -> list[Payload]:
        """Read the station's transactions once they are so, newest first."""
        return await eventually(
            lambda: self.operator.items("/transactions", station_id=self.station_id), holds
        )

    async def completed(self, transaction_id: int) -> Payload:
        """Read a transaction once it has ended, but for its cost, which is known a moment later."""

        async def read() -> Payload:
            found: Payload = await self.operator.get(f"/transactions/{transaction_id}")
            return {name: value for name, value in found.items() if name != "cost"}

        return await eventually(read, lambda found: found["status"] == "completed")

    async def flags(self, transaction_id: int) -> list[str]:
        """Read what is odd about a transaction."""
        found: list[str] = (await self.operator.get(f"/transactions/{transaction_id}"))["flags"]
        return found

    async def command(
        self,
        station: PlayedStation,
        action: str,
        payload: Payload,
        answer: Payload,
        *,
        written: Payload | None = None,
    ) -> Payload:
        """Send a command that the station answers; return it as REST then shows it.

        `written` is what the station gets where that differs from what the operator sent.
        """
        command, asked = await self._asking(station, action, payload)
        assert asked.payload == (payload if written is None else written)
        await station.answer(asked, answer)
        return await self._final(await command)

    async def refused_command(
        self, station: PlayedStation, action: str, payload: Payload, code: str
    ) -> Payload:
        """Send a command that the station answers with a CALLERROR."""
        command, asked = await self._asking(station, action, payload)
        await station.refuse(asked, code)
        return await self._final(await command)

    async def refused_before_sending(
        self, action: str, payload: Payload, field: str, code: str = "payload_invalid"
    ) -> None:
        """Ask for a command that is refused for this field, a JSON pointer, and never stored."""
        path = f"/stations/{self.station_id}/commands/{action}"
        response = await self.operator.http.post(path, json=payload)
        problem = response.json()
        assert (response.status_code, problem.get("code")) == (422, code), problem
        assert field in [error["field"] for error in problem["errors"]], problem
        kept = await self.operator.items("/commands", station_id=self.station_id, action=action)
        assert payload not in [command["payload"] for command in kept]

    async def _asking(
        self, station: PlayedStation, action: str, payload: Payload
    ) -> "tuple[asyncio.Task[Payload], Asked]":
        command = asyncio.create_task(self.operator.command(self.station_id, action, payload))
        return command, await station.asked(action)

    async def _final(self, command: Payload) -> Payload:
        """Read the command again: what REST answered is what is kept."""
        kept: Payload = await self.operator.get(f"/commands/{command['command_id']}")
        changed = {
            name: (command[name], kept[name]) for name in kept if kept[name] != command[name]
        }
        assert not changed, changed
        return kept

    async def recorded(self, action: str, frames: int) -> list[Payload]:
        """Read the frames of an action once so many are recorded, newest first."""
        return await eventually(
            lambda: self.operator.items(f"/stations/{self.station_id}/messages", action=action),
            lambda found: len(found) == frames,
            60.0,
        )

    async def quarantine(self) -> list[Payload]:
        """Read what the station sent of transactions that nobody knows."""
        return await self.operator.items("/quarantine", station_id=self.station_id)

    async def nothing_is_parked(self) -> None:
        """Check that no message of the station was more than our own code could take."""
        parked = await self.operator.items("/parked")
        assert [item for item in parked if item["station_id"] == self.station_id] == []
