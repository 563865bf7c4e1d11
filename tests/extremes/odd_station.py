"""A station that sends and answers whatever it is told to, and must be answered each time."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator
from typing import Any

from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.conformance.played_station import PlayedStation, at, connected
from tests.extremes.extreme_values import written
from tests.extremes.valid_payloads import Payload, station_answer, station_call

# Where the transaction is that meter values are of.
BUSY_CONNECTOR = 9
_SAMPLE_ID = station_call("StopTransaction")["transactionId"]
# A suite that is slow closes sockets rather than leave a call unanswered: a station repeats it.
_ATTEMPTS = 5
_CONNECT_WITHIN_S = 120.0


class OddStation:
    """One station; `answers` are what it says to commands, by action, where not the usual.

    `transactions` are those that it has stopped.
    """

    def __init__(self, ocpp_url: str, station_id: str) -> None:
        self.station_id = station_id
        self.answers: dict[str, Any] = {}
        self.transactions: list[int] = []
        self._url = ocpp_url
        self._connection = contextlib.AsyncExitStack()
        self._meter = 0
        self._open = 0

    async def begin(self) -> None:
        """Connect, boot, and start the transaction that meter values are of."""
        await self._connect()
        await self._sent("BootNotification", station_call("BootNotification"))
        self._open = (await self._started(BUSY_CONNECTOR))["transactionId"]

    async def end(self) -> None:
        """Disconnect."""
        await self._connection.aclose()

    async def send(self, action: str, payload: object) -> list[Any]:
        """Send a call and return the frame that answers it.

        What a start began is stopped, and what a stop is to end is begun before it.
        """
        begun = self._open
        if action == "StopTransaction":
            begun = (await self._started(BUSY_CONNECTOR + 1))["transactionId"]
        if isinstance(payload, dict) and payload.get("transactionId") == _SAMPLE_ID:
            payload = {**payload, "transactionId": begun}
        frame = await self._sent(action, payload)
        if action == "StartTransaction" and frame[0] == 3:
            begun = frame[2]["transactionId"]
        if begun != self._open:
            await self._stopped(begun)
        return frame

    async def _stopped(self, transaction_id: int) -> None:
        stop = {"transactionId": transaction_id, "meterStop": 1, "timestamp": at()}
        assert (await self._sent("StopTransaction", stop))[0] == 3
        self.transactions.append(transaction_id)

    async def _started(self, connector_id: int) -> Payload:
        self._meter += 1
        start = {"connectorId": connector_id, "idTag": "", "meterStart": self._meter}
        frame = await self._sent("StartTransaction", {**start, "timestamp": at()})
        assert frame[0] == 3, frame
        answer: Payload = frame[2]
        return answer

    async def _sent(self, action: str, payload: object) -> list[Any]:
        message_id = secrets.token_hex(8)
        text = written([2, message_id, action, payload])
        for _ in range(_ATTEMPTS):
            frame = await self._answer(message_id, text)
            if frame is not None:
                assert frame[0] in (3, 4), frame
                return frame
            await self._connect()
        raise AssertionError(f"{self.station_id} is not answered: {text[:2_000]}")

    async def _answer(self, message_id: str, text: str) -> list[Any] | None:
        """Return the frame that answers a call, None where the connection ended before it."""
        answering = asyncio.ensure_future(self._played.send_frame(message_id, text))
        ended = asyncio.ensure_future(self._played.socket.wait_closed())
        await asyncio.wait({answering, ended}, return_when=asyncio.FIRST_COMPLETED)
        ended.cancel()
        if not answering.done():
            answering.cancel()
        with contextlib.suppress(ConnectionClosed, asyncio.CancelledError, TimeoutError):
            return await answering
        return None

    async def _connect(self) -> None:
        await self._connection.aclose()
        self._connection = contextlib.AsyncExitStack()
        async with asyncio.timeout(_CONNECT_WITHIN_S):
            self._played = await self._let_in()
        answering = asyncio.create_task(self._answer_commands(self._played))
        self._connection.callback(answering.cancel)

    async def _let_in(self) -> PlayedStation:
        while True:
            try:
                return await self._connection.enter_async_context(
                    connected(self._url, self.station_id)
                )
            except InvalidStatus as refused:
                if refused.response.status_code != 503:
                    raise
                await asyncio.sleep(float(refused.response.headers["Retry-After"]))

    async def _answer_commands(self, played: PlayedStation) -> None:
        with contextlib.suppress(ConnectionClosed):
            while True:
                with contextlib.suppress(TimeoutError):
                    asked = await played.next_asked()
                    answer = self.answers.get(asked.action, station_answer(asked.action))
                    await played.socket.send(written([3, asked.message_id, answer]))


@contextlib.asynccontextmanager
async def odd_station(ocpp_url: str, station_id: str) -> AsyncIterator[OddStation]:
    """Connect a station until the block is left."""
    station = OddStation(ocpp_url, station_id)
    try:
        await station.begin()
        yield station
    finally:
        await station.end()
