"""One station of the driver: a socket, one outstanding call, and counts of what was answered."""

import asyncio
import ssl
import time
from base64 import b64encode
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import quote

import orjson
from picows import WSCloseCode, WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from bench.driver import frames

HANDSHAKE_TIMEOUT = 30.0
READ_BUFFER_BYTES = 2048
EXPECTED_CALL_PAYLOAD = b'[3,"%b",{"status":"Accepted"}]'


@dataclass(slots=True)
class Tally:
    """What all stations of one driver were answered and what went wrong."""

    answered: Counter[str] = field(default_factory=Counter)
    latencies: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    """Of each action, in seconds."""
    problems: Counter[str] = field(default_factory=Counter)
    calls_received: int = 0


class DriverStation(WSListener):
    """Sends one call at a time and tells its owner when it was answered."""

    def __init__(self, station_id: str, tally: Tally) -> None:
        self.station_id = station_id
        self.tally = tally
        self.transport: WSTransport | None = None
        self.on_answer: Callable[[bytes], None] = _ignore
        self._action = ""
        self._message_id = 0
        self._expected = b""
        self._due = 0.0
        self._now_ms = 0
        self._closing = False

    async def connect(
        self, ocpp_url: str, password: str = "", tls: ssl.SSLContext | None = None
    ) -> None:
        """Open the socket; raises WSHandshakeError when refused."""
        headers = {"Sec-WebSocket-Protocol": "ocpp1.6"}
        if password:
            credentials = b64encode(f"{self.station_id}:{password}".encode()).decode()
            headers["Authorization"] = f"Basic {credentials}"
        await ws_connect(
            lambda: self,
            f"{ocpp_url}/{quote(self.station_id, safe='')}",
            ssl_context=tls,
            extra_headers=headers,
            websocket_handshake_timeout=HANDSHAKE_TIMEOUT,
            read_buffer_init_size=READ_BUFFER_BYTES,
        )

    async def boot(self) -> None:
        """Send a BootNotification and wait for its answer."""
        await self.ask("BootNotification", frames.boot(self.next_id()))

    async def ask(self, action: str, text: bytes) -> bytes:
        """Send a call and wait for its answer."""
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self.on_answer = answer.set_result
        self.send_call(action, text, time.perf_counter())
        try:
            return await asyncio.wait_for(answer, HANDSHAKE_TIMEOUT)
        finally:
            self.on_answer = _ignore

    def next_id(self) -> int:
        """Advance the message id."""
        self._message_id += 1
        return self._message_id

    def clock_ms(self) -> int:
        """Read the station's clock, in ms since 1970, never twice the same.

        Equal values of one clock at one time would be one value sent twice.
        """
        self._now_ms = max(int(time.time() * 1000), self._now_ms + 1)
        return self._now_ms

    def send_call(self, action: str, text: bytes, due: float) -> None:
        """Send a call rendered with `next_id`; its latency counts from when it was due."""
        self._action = action
        self._expected = b'[3,"%d",' % self._message_id
        self._due = due
        assert self.transport is not None
        self.transport.send(WSMsgType.TEXT, text)

    def close(self) -> None:
        """End the connection on purpose."""
        self._closing = True
        if self.transport is not None:
            self.transport.send_close(WSCloseCode.OK)
            self.transport.disconnect()

    async def abandon(self) -> None:
        """Give up a connection that did not come about, so that another may be tried."""
        self.close()
        if self.transport is not None:
            await self.transport.wait_disconnected()
        self._closing = False

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Keep the socket."""
        self.transport = transport

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """Count a connection that the other side ended."""
        self.transport = None
        if not self._closing:
            self.tally.problems["disconnected"] += 1

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Take an answer, or answer a call."""
        if frame.msg_type is not WSMsgType.TEXT:
            if frame.msg_type is WSMsgType.CLOSE:
                transport.disconnect()
            return
        text = frame.get_payload_as_bytes()
        if text.startswith(self._expected):
            self._expected = b"nothing is outstanding"
            self.tally.answered[self._action] += 1
            self.tally.latencies[self._action].append(time.perf_counter() - self._due)
            self.on_answer(text)
        elif text.startswith(b"[2,"):
            self.tally.calls_received += 1
            message_id = orjson.loads(text)[1].encode()
            transport.send(WSMsgType.TEXT, EXPECTED_CALL_PAYLOAD % message_id)
        else:
            self.tally.problems[f"unexpected: {text[:80].decode(errors='replace')}"] += 1


def _ignore(text: bytes) -> None:
    """Take an answer that nobody waits for."""
