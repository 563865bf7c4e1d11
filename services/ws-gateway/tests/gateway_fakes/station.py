"""A station of a few lines."""

import asyncio
from typing import Any

import orjson
from websockets.asyncio.client import ClientConnection


class Station:
    """A WebSocket client that speaks OCPP-J by hand."""

    def __init__(self, station_id: str, socket: ClientConnection) -> None:
        self.station_id = station_id
        self.socket = socket
        self._next_id = 0

    async def call(self, action: str, payload: dict[str, Any]) -> list[Any]:
        """Send a CALL and return the frame that answers it."""
        self._next_id += 1
        await self.socket.send(
            orjson.dumps([2, str(self._next_id), action, payload]).decode(), text=True
        )
        return await self.receive()

    async def receive(self) -> list[Any]:
        async with asyncio.timeout(15):
            frame: list[Any] = orjson.loads(await self.socket.recv())
            return frame

    async def answer(self, message_id: str, payload: dict[str, Any]) -> None:
        await self.socket.send(orjson.dumps([3, message_id, payload]).decode(), text=True)

    async def closed(self, within_s: float = 60.0) -> int | None:
        async with asyncio.timeout(within_s):
            await self.socket.wait_closed()
        return self.socket.close_code
