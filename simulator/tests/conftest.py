"""The smallest central system that a station can charge through, and that can misbehave."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.typing import Subprotocol

Misbehaviour = Callable[[str, dict[str, Any]], str | None]
"""Given an action and its payload: 'error', 'silence', 'close' or None to behave."""


class FakeCentralSystem:
    """Answers every call from memory and remembers what it got."""

    def __init__(self) -> None:
        self.url = ""
        self.calls: list[tuple[str, str, dict[str, Any]]] = []
        self.misbehaviour: Misbehaviour = lambda action, payload: None
        self.boot_statuses: list[str] = []
        self.token_status = "Accepted"
        self.connections: dict[str, ServerConnection] = {}
        self.answers: dict[str, asyncio.Future[list[Any]]] = {}
        self._call_came = asyncio.Condition()
        self._transaction_ids = itertools.count(1)
        self._starts: dict[str, int] = {}

    def actions(self) -> list[str]:
        return [action for _, action, _ in self.calls]

    async def until_called(self, action: str, times: int = 1) -> None:
        async with asyncio.timeout(5), self._call_came:
            await self._call_came.wait_for(lambda: self.actions().count(action) >= times)

    async def command(self, station_id: str, action: str, payload: dict[str, Any]) -> list[Any]:
        message_id = f"c{len(self.answers)}"
        self.answers[message_id] = asyncio.get_running_loop().create_future()
        await self.connections[station_id].send(json.dumps([2, message_id, action, payload]))
        async with asyncio.timeout(5):
            return await self.answers[message_id]

    async def serve_station(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        self.connections[connection.request.path.rsplit("/", 1)[-1]] = connection
        async for text in connection:
            kind, message_id, *rest = json.loads(text)
            if kind != 2:
                self.answers[message_id].set_result([kind, *rest])
                continue
            action, payload = rest
            async with self._call_came:
                self.calls.append((message_id, action, payload))
                self._call_came.notify_all()
            match self.misbehaviour(action, payload):
                case "silence":
                    continue
                case "close":
                    await connection.close(1012)
                case "error":
                    await connection.send(json.dumps([4, message_id, "InternalError", "", {}]))
                case _:
                    response = self.answer(action, payload)
                    await connection.send(json.dumps([3, message_id, response]))

    def answer(self, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        token = {"idTagInfo": {"status": self.token_status}}
        match action:
            case "BootNotification":
                status = self.boot_statuses.pop(0) if self.boot_statuses else "Accepted"
                now = "2026-01-01T00:00:00.000Z"
                return {"status": status, "interval": 100, "currentTime": now}
            case "Heartbeat":
                return {"currentTime": "2026-01-01T00:00:00.000Z"}
            case "Authorize":
                return token
            case "StartTransaction":
                key = json.dumps(payload, sort_keys=True)
                if key not in self._starts:
                    self._starts[key] = next(self._transaction_ids)
                return {"transactionId": self._starts[key], **token}
            case _:
                return {}


@pytest.fixture
async def central_system() -> AsyncIterator[FakeCentralSystem]:
    fake = FakeCentralSystem()
    async with serve(
        fake.serve_station,
        "127.0.0.1",
        0,
        subprotocols=[Subprotocol("ocpp1.6")],
        compression=None,
        close_timeout=1,
    ) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        fake.url = f"ws://127.0.0.1:{port}/ocpp"
        yield fake
