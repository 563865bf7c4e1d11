"""A station's socket down to the bytes, for what no WebSocket library would send (RFC 6455)."""

import asyncio
import base64
import json
import os
import ssl
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlsplit

from tests.admitted import ADMITTED_WITHIN_S, AWAY, PAUSE_S

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a handshake."""

    status: int
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame of the gateway."""

    opcode: int
    payload: bytes

    @property
    def close_code(self) -> int:
        """Return the code of a close frame."""
        assert self.opcode == CLOSE
        return int.from_bytes(self.payload[:2], "big")


class Closed(AssertionError):
    """The gateway sent a close frame."""


class RawSocket:
    """A connection to a gateway's port that says nothing by itself."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        url: str,
        again: Callable[[], Awaitable["RawSocket"]] | None = None,
    ) -> None:
        self.reader = reader
        self.writer = writer
        self._url = url
        self._again = again

    @classmethod
    async def open(
        cls, ocpp_url: str, source: str | None = None, tls: ssl.SSLContext | None = None
    ) -> Self:
        """Connect, by TLS if `tls` is given; `source` is the loopback address to connect from."""
        target = urlsplit(ocpp_url)
        async with asyncio.timeout(TIMEOUT_S):
            reader, writer = await asyncio.open_connection(
                target.hostname,
                target.port,
                ssl=tls,
                local_addr=(source, 0) if source else None,
            )
        return cls(reader, writer, ocpp_url, lambda: cls.open(ocpp_url, source, tls))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.writer.transport.abort()

    def upgrade(
        self,
        station_id: str,
        *more_headers: str,
        password: bytes | None = None,
        user: str | None = None,
    ) -> bytes:
        """Render the request for a handshake."""
        return self.upgrade_of_path(
            f"{urlsplit(self._url).path}/{quote(station_id, safe='')}",
            *([] if password is None else [basic_auth(user or station_id, password)]),
            *more_headers,
        )

    def upgrade_of_path(self, path: str, *more_headers: str) -> bytes:
        """Render the request for a handshake at any path."""
        lines = (
            f"GET {path} HTTP/1.1",
            f"Host: {urlsplit(self._url).netloc}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Protocol: ocpp1.6",
            *more_headers,
        )
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    async def send(self, data: bytes) -> None:
        """Write bytes as they are."""
        self.writer.write(data)
        async with asyncio.timeout(TIMEOUT_S):
            await self.writer.drain()

    async def answer(self) -> Answer:
        """Read the answer to a handshake."""
        async with asyncio.timeout(TIMEOUT_S):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.rstrip().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines)
        return Answer(int(first.split()[1]), {name.lower(): headers[name] for name in headers})

    async def connect(self, station_id: str, password: bytes | None = None) -> None:
        """Make the handshake; told to come back, connect anew, as stations do."""
        deadline = asyncio.get_running_loop().time() + ADMITTED_WITHIN_S
        while True:
            await self.send(self.upgrade(station_id, password=password))
            answer = await self.answer()
            late = asyncio.get_running_loop().time() > deadline
            if answer.status != AWAY or self._again is None or late:
                break
            self.writer.transport.abort()
            await asyncio.sleep(PAUSE_S)
            fresh = await self._again()
            self.reader, self.writer = fresh.reader, fresh.writer
        assert answer.status == 101, answer

    async def call(self, action: str, payload: dict[str, Any], message_id: str = "1") -> list[Any]:
        """Send a call and return the answer to it, past pings and calls of the gateway.

        Raises:
            Closed: the gateway closed the connection instead.
        """
        await self.send(frame(TEXT, json.dumps([2, message_id, action, payload]).encode()))
        while True:
            received = await self.frame()
            if received.opcode == CLOSE:
                raise Closed(received)
            if received.opcode == TEXT:
                message: list[Any] = json.loads(received.payload)
                if message[0] in (3, 4) and message[1] == message_id:
                    return message

    async def boot(self) -> None:
        """Boot as any station does."""
        answer = await self.call(
            "BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"}
        )
        assert answer[2]["status"] == "Accepted", answer

    async def frame(self) -> Frame:
        """Read one frame."""
        async with asyncio.timeout(TIMEOUT_S):
            first, second = await self.reader.readexactly(2)
            size = second & 0x7F
            if size == 126:
                (size,) = struct.unpack(">H", await self.reader.readexactly(2))
            elif size == 127:
                (size,) = struct.unpack(">Q", await self.reader.readexactly(8))
            return Frame(first & 0x0F, await self.reader.readexactly(size))

    async def close_code(self) -> int | None:
        """Read until the gateway closes; return its code, None where it just cut the line."""
        try:
            while True:
                received = await self.frame()
                if received.opcode == CLOSE:
                    return received.close_code
        except (asyncio.IncompleteReadError, ConnectionError):
            return None

    async def is_cut(self, within_s: float = TIMEOUT_S) -> bool:
        """Tell whether the gateway ends the connection in time, whatever it says before."""
        try:
            async with asyncio.timeout(within_s):
                while await self.reader.read(65536):
                    pass
        except TimeoutError:
            return False
        except ConnectionError:
            return True
        return True


def basic_auth(user: str, password: bytes) -> str:
    """Render the header."""
    return f"Authorization: Basic {base64.b64encode(user.encode() + b':' + password).decode()}"


def frame(
    opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0, masked: bool = True
) -> bytes:
    """Render one frame; the mask is all zeros, which masks nothing."""
    head = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
    mask_bit = 0x80 if masked else 0
    if len(payload) < 126:
        head += bytes([mask_bit | len(payload)])
    elif len(payload) < 65536:
        head += bytes([mask_bit | 126]) + struct.pack(">H", len(payload))
    else:
        head += bytes([mask_bit | 127]) + struct.pack(">Q", len(payload))
    return head + (bytes(4) if masked else b"") + payload
