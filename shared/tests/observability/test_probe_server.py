"""The server of the probes ends whatever its clients do."""

import asyncio
import socket

from csms_shared.observability.probes import ProbeServer

_ASKED = b"GET /metrics HTTP/1.1\r\nHost: probes\r\n\r\n"


async def _ready() -> dict[str, str]:
    return {}


async def test_a_client_that_does_not_read_keeps_no_process_from_ending() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    probes = ProbeServer("127.0.0.1", port, _ready)
    serving = asyncio.create_task(probes.run())
    async with asyncio.timeout(30):
        writer = await _connected(port)
        # Until the server stops reading, because nobody takes its answers.
        while True:
            writer.write(_ASKED * 1_000)
            try:
                async with asyncio.timeout(1):
                    await writer.drain()
            except TimeoutError:
                break
        probes.stop()
        await serving
    writer.transport.abort()


async def _connected(port: int) -> asyncio.StreamWriter:
    while True:
        try:
            # Without room, nothing that comes is taken from the socket.
            reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1)
        except ConnectionRefusedError:
            await asyncio.sleep(0.01)
            continue
        reader._transport.pause_reading()  # type: ignore[attr-defined]
        return writer
