"""Sockets that are slow, far too big, or talk nonsense."""

import asyncio
import contextlib
import json
import secrets
from collections.abc import AsyncIterator, Callable, Coroutine
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

_ANSWER_S = 15.0
_LORIS_BYTE_EVERY_S = 0.5
# The gateway ends a handshake that takes longer.
_HANDSHAKE_ENDS_S = 45.0
_HEARTBEAT = '[2,"after","Heartbeat",{}]'

Hostile = Callable[[str], Coroutine[None, None, None]]


@contextlib.asynccontextmanager
async def _booted(url: str) -> AsyncIterator[ClientConnection]:
    address = f"{url}/HOSTILE-{secrets.token_hex(4)}"
    async with connect(
        address, subprotocols=[Subprotocol("ocpp1.6")], proxy=None, max_size=None
    ) as socket:
        boot = {"chargePointVendor": "V", "chargePointModel": "M"}
        await socket.send(json.dumps([2, "boot", "BootNotification", boot]))
        assert (await _answer(socket, "boot"))[0] == 3
        yield socket


async def _answer(socket: ClientConnection, message_id: str) -> list[object]:
    async with asyncio.timeout(_ANSWER_S):
        while True:
            frame: list[object] = json.loads(await socket.recv())
            if frame[1] == message_id:
                return frame


async def slow_handshake(url: str) -> None:
    """Send a request byte by byte; the gateway must end it."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    request = f"GET {parts.path}/LORIS HTTP/1.1\r\nHost: x\r\nX-Slow: ".encode() + b"a" * 1000
    try:
        async with asyncio.timeout(_HANDSHAKE_ENDS_S):
            ended = asyncio.create_task(reader.read())
            for byte in request:
                if ended.done():
                    break
                writer.write(bytes([byte]))
                await asyncio.wait({ended}, timeout=_LORIS_BYTE_EVERY_S)
            with contextlib.suppress(ConnectionResetError):
                await ended
    finally:
        writer.close()


async def frame_beyond_the_limit(url: str) -> None:
    """A frame above 1 MiB closes the socket with 1009 (RFC 6455, 7.4.1)."""
    async with _booted(url) as socket:
        with contextlib.suppress(ConnectionClosed):
            await socket.send('[2,"big","DataTransfer",{"vendorId":"' + "x" * 2_000_000 + '"}]')
            await _answer(socket, "big")
        assert socket.close_code == 1009


async def frame_of_a_megabyte(url: str) -> None:
    """One below it is read, and refused for its content alone."""
    async with _booted(url) as socket:
        await socket.send('[2,"big","DataTransfer",{"vendorId":"' + "x" * 1_000_000 + '"}]')
        assert (await _answer(socket, "big"))[0] == 4
        await socket.send(_HEARTBEAT)
        assert (await _answer(socket, "after"))[0] == 3


async def garbage(url: str) -> None:
    """What is no OCPP-J message is not answered as one, and does no harm."""
    async with _booted(url) as socket:
        for text in ("", "{", "[]", "[2]", "null", '[2,"x","Heartbeat",[1', "\x00", "[" * 10_000):
            await socket.send(text)
        await socket.send(_HEARTBEAT)
        assert (await _answer(socket, "after"))[0] == 3


async def unknown_action(url: str) -> None:
    """An action that no version has is answered as such."""
    async with _booted(url) as socket:
        await socket.send('[2,"unknown","MakeCoffee",{}]')
        answer = await _answer(socket, "unknown")
        assert answer[0] == 4
        assert answer[2] in ("NotImplemented", "NotSupported")
