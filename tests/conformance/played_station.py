"""A station whose every frame the test writes, over `websockets` and nothing of ours."""

import asyncio
import base64
import contextlib
import json
import secrets
import ssl
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import websockets

from tests.admitted import admitted

Payload = dict[str, Any]

ANSWER_WITHIN_S = 30.0
_BOOT = {"chargePointVendor": "Played", "chargePointModel": "By hand"}


def at(seconds_ago: float = 0.0) -> str:
    """Write a time before now as stations do."""
    moment = datetime.now(UTC) - timedelta(seconds=seconds_ago)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


@dataclass(frozen=True, slots=True)
class Asked:
    """A call of the central system."""

    message_id: str
    action: str
    payload: Payload


class PlayedStation:
    """One connection of a station."""

    def __init__(self, station_id: str, socket: websockets.ClientConnection) -> None:
        self.station_id = station_id
        self.socket = socket
        self._asked: asyncio.Queue[Asked] = asyncio.Queue()
        self._answers: dict[str, asyncio.Future[list[Any]]] = {}

    async def read(self) -> None:
        """Sort what arrives until the socket ends."""
        with contextlib.suppress(websockets.ConnectionClosed):
            async for text in self.socket:
                frame = json.loads(text)
                if frame[0] == 2:
                    self._asked.put_nowait(Asked(*frame[1:]))
                else:
                    self._answers.pop(frame[1]).set_result(frame)

    # The station's own calls.

    async def send(self, action: str, payload: Payload) -> list[Any]:
        """Send a call and return the whole frame that answers it."""
        message_id = secrets.token_hex(8)
        frame = json.dumps([2, message_id, action, payload])
        return await self.send_frame(message_id, frame)

    async def send_frame(self, message_id: str, frame: str | bytes) -> list[Any]:
        """Send a frame as it is, and return the one that answers it."""
        answer: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()
        self._answers[message_id] = answer
        await self.socket.send(frame)
        async with asyncio.timeout(ANSWER_WITHIN_S):
            return await answer

    async def call(self, action: str, payload: Payload) -> Payload:
        """Send a call and return the payload of its CALLRESULT."""
        frame = await self.send(action, payload)
        assert frame[0] == 3, frame
        answer: Payload = frame[2]
        return answer

    async def refused(self, action: str, payload: Payload) -> str:
        """Send a call and return the code of its CALLERROR."""
        frame = await self.send(action, payload)
        assert frame[0] == 4, frame
        return str(frame[2])

    async def boot(self, **more: str) -> Payload:
        """Send a BootNotification."""
        return await self.call("BootNotification", {**_BOOT, **more})

    async def status(self, connector_id: int, status: str, error: str = "NoError") -> None:
        """Report a connector."""
        payload = {"connectorId": connector_id, "status": status, "errorCode": error}
        assert await self.call("StatusNotification", {**payload, "timestamp": at()}) == {}

    async def authorize(self, id_token: str) -> Payload:
        """Ask for a token; return what the station is told of it."""
        answer: Payload = (await self.call("Authorize", {"idTag": id_token}))["idTagInfo"]
        return answer

    async def start(
        self,
        id_token: str,
        *,
        meter: int = 1000,
        connector_id: int = 1,
        seconds_ago: float = 0.0,
        reservation_id: int | None = None,
    ) -> Payload:
        """Start a transaction; its id is always positive."""
        payload: Payload = {
            "connectorId": connector_id,
            "idTag": id_token,
            "meterStart": meter,
            "timestamp": at(seconds_ago),
        }
        if reservation_id is not None:
            payload["reservationId"] = reservation_id
        answer = await self.call("StartTransaction", payload)
        assert answer["transactionId"] > 0
        return answer

    async def meter(self, transaction_id: int, wh: int, *, seconds_ago: float = 0.0) -> None:
        """Send a periodic sample of a transaction."""
        sample = {"value": str(wh), "context": "Sample.Periodic", "unit": "Wh"}
        payload = {
            "connectorId": 1,
            "transactionId": transaction_id,
            "meterValue": [{"timestamp": at(seconds_ago), "sampledValue": [sample]}],
        }
        assert await self.call("MeterValues", payload) == {}

    async def stop(
        self,
        transaction_id: int,
        *,
        meter: int = 1500,
        reason: str | None = None,
        id_token: str | None = None,
        seconds_ago: float = 0.0,
    ) -> None:
        """Stop a transaction."""
        payload: Payload = {
            "transactionId": transaction_id,
            "meterStop": meter,
            "timestamp": at(seconds_ago),
        }
        if reason is not None:
            payload["reason"] = reason
        if id_token is not None:
            payload["idTag"] = id_token
        await self.call("StopTransaction", payload)

    # The central system's calls.

    async def next_asked(self) -> Asked:
        """Wait for the next call of the central system."""
        async with asyncio.timeout(ANSWER_WITHIN_S):
            return await self._asked.get()

    async def asked(self, action: str) -> Asked:
        """Wait for the next call of the central system, which is of this action."""
        asked = await self.next_asked()
        assert asked.action == action, asked
        return asked

    def nothing_asked(self) -> bool:
        """Tell whether no call of the central system waits."""
        return self._asked.empty()

    async def answer(self, asked: Asked, payload: Payload) -> None:
        """Answer a call."""
        await self.socket.send(json.dumps([3, asked.message_id, payload]))

    async def refuse(self, asked: Asked, code: str) -> None:
        """Refuse a call."""
        await self.socket.send(json.dumps([4, asked.message_id, code, "", {}]))


@contextlib.asynccontextmanager
async def connected(
    ocpp_url: str,
    station_id: str,
    *,
    password: str | None = None,
    subprotocols: Sequence[str] = ("ocpp1.6",),
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[PlayedStation]:
    """Connect a station until the block is left; `tls` goes with a `wss` URL."""
    headers = {}
    if password is not None:
        credentials = base64.b64encode(f"{station_id}:{password}".encode()).decode()
        headers["Authorization"] = f"Basic {credentials}"
    async with admitted(
        f"{ocpp_url}/{quote(station_id, safe='')}",
        tuple(subprotocols),
        additional_headers=headers,
        ssl=tls,
    ) as socket:
        station = PlayedStation(station_id, socket)
        reading = asyncio.create_task(station.read())
        try:
            yield station
        finally:
            await socket.close()
            await reading
