"""Proxies that end TLS in front of a gateway, and hand on who came with which certificate."""

import asyncio
import base64
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from urllib.parse import urlsplit

from bench.deployed_haproxy import TRUSTED, deployed_haproxy
from csms_local.balancer import find_haproxy

_TIMEOUT_S = 30.0
_REPLACED = ("x-forwarded-", "forwarded:", "client-cert:")

Proxy = Callable[[Path, str], contextlib.AbstractAsyncContextManager[str]]
"""Opens a proxy for the certificates in a folder and a gateway's URL; yields its own URL."""


@contextlib.asynccontextmanager
async def small_proxy(folder: Path, gateway_url: str) -> AsyncIterator[str]:
    """Run a proxy of a few lines in this process."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "ecdsa.pem", folder / "ecdsa.key")
    context.load_verify_locations(folder / "ca.pem")
    context.load_verify_locations(folder / "crl.pem")
    context.verify_mode = ssl.CERT_OPTIONAL
    context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
    gateway = urlsplit(gateway_url)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(_TIMEOUT_S):
            head = (await reader.readuntil(b"\r\n\r\n")).decode().rstrip()
            onward = await asyncio.open_connection(
                gateway.hostname, gateway.port, local_addr=(TRUSTED, 0)
            )
        lines = [line for line in head.split("\r\n") if not line.lower().startswith(_REPLACED)]
        lines += [f"X-Forwarded-For: {writer.get_extra_info('peername')[0]}"]
        lines += ["X-Forwarded-Proto: https"]
        certificate = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        if certificate is not None:
            lines += [f"Client-Cert: :{base64.b64encode(certificate).decode()}:"]
        onward[1].write(("\r\n".join(lines) + "\r\n\r\n").encode())
        async with asyncio.TaskGroup() as group:
            group.create_task(_pass_on(reader, onward[1]))
            group.create_task(_pass_on(onward[0], writer))

    async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context) as server:
        yield f"wss://127.0.0.1:{server.sockets[0].getsockname()[1]}/ocpp"


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


@contextlib.asynccontextmanager
async def behind_haproxy(folder: Path, gateway_url: str) -> AsyncIterator[str]:
    """Run the installed haproxy with the configuration that is deployed, on other ports."""
    running = deployed_haproxy(folder, [gateway_url])
    haproxy = await asyncio.to_thread(running.__enter__)
    try:
        yield haproxy.url
    finally:
        await asyncio.to_thread(running.__exit__, None, None, None)


PROXIES: dict[str, Proxy] = {"small proxy": small_proxy}
if find_haproxy() is not None:
    PROXIES["deployed haproxy"] = behind_haproxy
