"""Reverse proxies that take a prefix of the path away before they pass a request on."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

from csms_local.balancer import find_haproxy
from csms_local.nodes.ports import free_port
from csms_local.processes import Program, start, stop
from tests.integration.waiting import eventually

LOOPBACK = "127.0.0.1"
_STOP_S = 30.0
_HEAD_END = b"\r\n\r\n"
_CHUNK_BYTES = 65_536
_HAPROXY = """\
global
    maxconn 200
defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
frontend operators
    bind 127.0.0.1:{port}
    http-request deny deny_status 404 unless {{ path_beg {prefix}/ }}
    # The path stays encoded as it came.
    http-request replace-path {prefix}(/.*) \\1
    default_backend suite
backend suite
    server suite {target}
"""


@asynccontextmanager
async def haproxy(folder: Path, prefix: str, rest_url: str) -> AsyncIterator[str]:
    """Run the installed haproxy, and yield the address of the suite behind it."""
    program_path = find_haproxy()
    assert program_path is not None
    port = free_port()
    config = folder / "haproxy.cfg"
    config.write_text(_HAPROXY.format(port=port, prefix=prefix, target=urlsplit(rest_url).netloc))
    program = Program(
        name="haproxy",
        argv=(program_path, "-db", "-f", str(config)),
        env={"PATH": os.environ.get("PATH", os.defpath)},
        log=folder / "haproxy.log",
        cwd=folder,
    )
    process = start(program)
    try:

        async def listens() -> bool:
            try:
                _, writer = await asyncio.open_connection(LOOPBACK, port)
            except OSError:
                return False
            writer.close()
            return True

        await eventually(listens, bool, 60)
        yield f"http://{LOOPBACK}:{port}{prefix}"
    finally:
        stop([(program, process)], _STOP_S)


@asynccontextmanager
async def plain_proxy(_: Path, prefix: str, rest_url: str) -> AsyncIterator[str]:
    """Do the same here, with one request on each connection."""
    target = urlsplit(rest_url)

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            head = await reader.readuntil(_HEAD_END)
            lines = head.removesuffix(_HEAD_END).split(b"\r\n")
            method, path, version = lines[0].split(b" ")
            if not path.startswith(prefix.encode() + b"/"):
                writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
                return
            kept = [line for line in lines[1:] if not line.lower().startswith(b"connection:")]
            first = b" ".join((method, path.removeprefix(prefix.encode()), version))
            on = await asyncio.open_connection(target.hostname, target.port)
            try:
                on[1].write(b"\r\n".join((first, *kept, b"Connection: close")) + _HEAD_END)
                sending = asyncio.create_task(_pump(reader, on[1]))
                await _pump(on[0], writer)
                sending.cancel()
            finally:
                on[1].close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await carry(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(serve, LOOPBACK, 0)
    try:
        yield f"http://{LOOPBACK}:{server.sockets[0].getsockname()[1]}{prefix}"
    finally:
        server.close()


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await source.read(_CHUNK_BYTES):
            sink.write(data)
            await sink.drain()
