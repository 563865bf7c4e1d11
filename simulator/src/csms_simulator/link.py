"""A station's WebSocket: reconnects by itself, carries one call of the station at a time."""

import asyncio
import base64
import itertools
import random
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage, InvalidStatus
from websockets.typing import Subprotocol

from csms_simulator.errors import (
    CallRefusedError,
    CallTimedOutError,
    ConnectionLostError,
    OfflineError,
)
from csms_simulator.ledger import Ledger
from csms_simulator.settings import StationSettings
from csms_simulator.wire import Call, CallError, CallResult, Payload, decode, encode

FRAMES_KEPT = 2000


@dataclass(frozen=True, slots=True)
class SeenFrame:
    """A text frame that passed the socket."""

    direction: Literal["sent", "received"]
    text: str


@dataclass(slots=True)
class _Outstanding:
    message_id: str
    answer: asyncio.Future[Payload]


class Link:
    """One station's connection to whichever endpoint it is pointed at."""

    def __init__(
        self,
        station_id: str,
        endpoint: str,
        ledger: Ledger,
        settings: StationSettings,
        on_call: Callable[[Call], None],
    ) -> None:
        self.station_id = station_id
        self.endpoint = endpoint
        self.password = settings.password
        self.online = asyncio.Event()
        self.offline = asyncio.Event()
        self.offline.set()
        self.refusals: deque[int | str] = deque(maxlen=FRAMES_KEPT)
        self.close_codes: deque[int] = deque(maxlen=FRAMES_KEPT)
        self.frames: deque[SeenFrame] = deque(maxlen=FRAMES_KEPT)
        self.connections_made = 0
        self.on_frame: Callable[[SeenFrame], None] | None = None
        self._ledger = ledger
        self._settings = settings
        self._on_call = on_call
        self._plugged = asyncio.Event()
        self._plugged.set()
        self._connection: ClientConnection | None = None
        self._one_call_at_a_time = asyncio.Lock()
        self._outstanding: _Outstanding | None = None
        self._message_ids = (f"{n:x}-{random.getrandbits(64):016x}" for n in itertools.count(1))
        self._frame_seen = asyncio.Condition()

    @property
    def subprotocol(self) -> str | None:
        """What the central system chose for the current connection."""
        return self._connection.subprotocol if self._connection else None

    def new_message_id(self) -> str:
        """Make an id that no other call of this station has."""
        return next(self._message_ids)

    async def keep_connected(self) -> None:
        """Connect, read until closed, and connect again with growing waits, until cancelled."""
        failures = 0
        while True:
            await self._plugged.wait()
            try:
                connection = await self._connect()
            except InvalidStatus as refusal:
                self.refusals.append(refusal.response.status_code)
                retry_after = refusal.response.headers.get("Retry-After", "")
                failures += 1
                await self._back_off(failures, int(retry_after) if retry_after.isdigit() else 0)
                continue
            except (OSError, InvalidHandshake, InvalidMessage, TimeoutError) as failure:
                self.refusals.append(type(failure).__name__)
                failures += 1
                await self._back_off(failures, 0)
                continue
            failures = 0
            await self._read_until_closed(connection)
            if self._plugged.is_set():
                await self._back_off(1, 0)

    async def call(
        self,
        action: str,
        payload: Payload,
        message_id: str | None = None,
        timeout: float | None = None,
    ) -> Payload:
        """Send a call when no other is outstanding, and return the payload of its answer."""
        async with self._one_call_at_a_time:
            connection = self._connection
            if connection is None:
                raise OfflineError(f"{self.station_id} is offline")
            outstanding = _Outstanding(
                message_id or self.new_message_id(), asyncio.get_running_loop().create_future()
            )
            self._outstanding = outstanding
            self._ledger.sent(self.station_id, action, payload)
            sent_at = time.monotonic()
            try:
                async with asyncio.timeout(timeout or self._settings.call_timeout):
                    await self._send(
                        connection, encode(Call(outstanding.message_id, action, payload))
                    )
                    response = await outstanding.answer
            except TimeoutError:
                raise CallTimedOutError(f"{self.station_id}: {action} was not answered") from None
            except ConnectionClosed:
                raise ConnectionLostError(f"{self.station_id} lost its connection") from None
            finally:
                self._outstanding = None
            self._ledger.acknowledged(
                self.station_id, action, payload, response, time.monotonic() - sent_at
            )
            return response

    async def send_raw(self, text: str) -> None:
        """Send any text as it is; the ledger knows nothing of it."""
        if self._connection is None:
            raise OfflineError(f"{self.station_id} is offline")
        await self._send(self._connection, text)

    async def received_frame(self, matches: Callable[[str], bool], timeout: float = 10.0) -> str:
        """Return the first received text that matches, waiting for it when it did not come yet."""

        def found() -> str | None:
            received = (f.text for f in self.frames if f.direction == "received")
            return next((text for text in received if matches(text)), None)

        async with asyncio.timeout(timeout), self._frame_seen:
            while (text := found()) is None:
                await self._frame_seen.wait()
            return text

    async def wait_online(self, timeout: float = 15.0) -> None:
        """Wait until there is a connection."""
        async with asyncio.timeout(timeout):
            await self.online.wait()

    async def wait_offline(self, timeout: float = 15.0) -> None:
        """Wait until there is no connection."""
        async with asyncio.timeout(timeout):
            await self.offline.wait()

    async def unplug(self) -> None:
        """Cut the connection without a closing handshake and stay offline."""
        self._plugged.clear()
        if self._connection is not None:
            self._connection.transport.abort()
            await self.offline.wait()

    def plug_in(self, endpoint: str | None = None) -> None:
        """Connect again, to another endpoint if given."""
        self.endpoint = endpoint or self.endpoint
        self._plugged.set()

    async def drop(self) -> None:
        """Cut the connection without a closing handshake; the station reconnects by itself."""
        if self._connection is not None:
            self._connection.transport.abort()
            await self.offline.wait()

    async def close(self) -> None:
        """Close the connection in good order; the station reconnects by itself."""
        if self._connection is not None:
            await self._connection.close()
            await self.offline.wait()

    async def _connect(self) -> ClientConnection:
        headers = {}
        if self.password is not None:
            credentials = base64.b64encode(self.station_id.encode() + b":" + self.password)
            headers["Authorization"] = f"Basic {credentials.decode()}"
        ping = self._settings.ping_interval
        pause = None if ping is None else ping * self._settings.time_scale
        return await connect(
            f"{self.endpoint.rstrip('/')}/{quote(self.station_id, safe='')}",
            subprotocols=[Subprotocol(name) for name in self._settings.subprotocols] or None,
            additional_headers=headers,
            compression=None,
            proxy=None,
            ssl=(self._settings.tls or True) if self.endpoint.startswith("wss:") else None,
            open_timeout=self._settings.open_timeout,
            ping_interval=pause,
            ping_timeout=pause,
            close_timeout=2,
        )

    async def _read_until_closed(self, connection: ClientConnection) -> None:
        if not self._plugged.is_set():
            await connection.close()
            return
        self._connection = connection
        self.connections_made += 1
        self.offline.clear()
        self.online.set()
        try:
            while True:
                await self._received(await connection.recv(decode=True))
        except ConnectionClosed:
            pass
        finally:
            self._connection = None
            self.online.clear()
            self.offline.set()
            if self._outstanding is not None and not self._outstanding.answer.done():
                self._outstanding.answer.set_exception(
                    ConnectionLostError(f"{self.station_id} lost its connection")
                )
            await connection.close()
            self.close_codes.append(connection.close_code or 1006)

    async def _received(self, text: str) -> None:
        await self._note("received", text)
        frame = decode(text)
        if isinstance(frame, Call):
            self._on_call(frame)
            return
        outstanding = self._outstanding
        if (
            frame is None
            or outstanding is None
            or outstanding.message_id != frame.message_id
            or outstanding.answer.done()
        ):
            return  # a late or foreign answer; it stays visible in frames
        match frame:
            case CallResult(payload=payload):
                outstanding.answer.set_result(payload)
            case CallError(code=code, description=description):
                outstanding.answer.set_exception(CallRefusedError(code, description))

    async def _send(self, connection: ClientConnection, text: str) -> None:
        await self._note("sent", text)
        try:
            await connection.send(text)
        except ConnectionClosed:
            # Whoever reads may not have had its turn to find that out: nobody else tries here.
            self.online.clear()
            raise ConnectionLostError(f"{self.station_id} lost its connection") from None

    async def _note(self, direction: Literal["sent", "received"], text: str) -> None:
        frame = SeenFrame(direction, text)
        if self.on_frame is not None:
            self.on_frame(frame)
        async with self._frame_seen:
            self.frames.append(frame)
            self._frame_seen.notify_all()

    async def _back_off(self, failures: int, asked_for: float) -> None:
        longest = self._settings.longest_reconnect_wait
        wait = min(self._settings.first_reconnect_wait * 2.0 ** min(failures - 1, 16), longest)
        scaled = max(wait, asked_for) * self._settings.time_scale
        await asyncio.sleep(scaled * random.uniform(0.5, 1.0))
