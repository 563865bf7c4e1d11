"""HTTP/1.1 over one kept connection, with as little work as a driver may have."""

import asyncio
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

TIMEOUT = 40.0


class HttpConnection:
    """Sends one request at a time."""

    def __init__(self, url: str, authorization: str) -> None:
        parts = urlsplit(url)
        self._host = parts.hostname or "127.0.0.1"
        self._port = parts.port or 80
        self._headers = f"Host: {self._host}:{self._port}\r\nContent-Type: application/json\r\n" + (
            f"Authorization: {authorization}\r\n" if authorization else ""
        )

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection(self._host, self._port)
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._writer.close()

    async def post(self, path: str, body: bytes) -> tuple[int, bytes]:
        """Send a body and return the status and the answer's body."""
        return await self._exchange("POST", path, body)

    async def get(self, path: str) -> tuple[int, bytes]:
        """Return the status and the answer's body."""
        return await self._exchange("GET", path, b"")

    async def _exchange(self, method: str, path: str, body: bytes) -> tuple[int, bytes]:
        head = f"{method} {path} HTTP/1.1\r\n{self._headers}Content-Length: {len(body)}\r\n\r\n"
        self._writer.write(head.encode() + body)
        async with asyncio.timeout(TIMEOUT):
            lines = (await self._reader.readuntil(b"\r\n\r\n")).lower().split(b"\r\n")
            lengths = [line for line in lines if line.startswith(b"content-length:")]
            answer = await self._reader.readexactly(int(lengths[0].split(b":")[1]))
        return int(lines[0].split(b" ")[1]), answer
