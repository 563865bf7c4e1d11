"""The firmware of the demo's rollout: where stations fetch it, and one that can't install it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from csms_simulator.answer import Answer
from csms_simulator.answers.firmware import PLAIN
from csms_simulator.bare_station import BareStation
from csms_simulator.wire import Payload

VERSION = "2.4.1"
_FILE = b"firmware of a simulated station\n" * 2048
_HEAD = f"HTTP/1.1 200 OK\r\nContent-Length: {len(_FILE)}\r\nConnection: close\r\n\r\n".encode()
_REQUEST_PATIENCE_S = 10.0


@asynccontextmanager
async def served() -> AsyncIterator[str]:
    """Serve the file on a free port of loopback; yields its address."""
    server = await asyncio.start_server(_answer, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}/{VERSION}.bin"


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        async with asyncio.timeout(_REQUEST_PATIENCE_S):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(_HEAD + _FILE)
            await writer.drain()
    except (OSError, EOFError, TimeoutError, asyncio.LimitOverrunError):
        pass
    finally:
        writer.close()


async def update_that_fails(station: BareStation, request: Payload) -> Answer:
    """Take an update that the station can't install."""

    async def work() -> None:
        for status in ("Downloading", "Downloaded", "Installing", "InstallationFailed"):
            await station.reports.send(PLAIN, status)

    return Answer({}, work)
