"""A client of `GET /api/v1/events`: what it was streamed, and when.

Bytes are kept as they come, with the time of each read, and parsed after the load.
"""

import asyncio
import bisect
import time
from types import TracebackType
from typing import Self

import httpx
import orjson

OPENS_WITHIN_S = 30.0
_END = b"\n\n"
_DATA = b"data: "


class StreamReader:
    """A stream of all events that are stored from when this is entered."""

    def __init__(self, rest_url: str, authorization: str) -> None:
        self._client = httpx.AsyncClient(
            base_url=rest_url,
            headers={"Authorization": authorization},
            trust_env=False,
            timeout=httpx.Timeout(30.0, read=None),
        )
        self._opened = asyncio.Event()
        self.chunks: list[tuple[float, bytes]] = []

    async def __aenter__(self) -> Self:
        self._reading = asyncio.create_task(self._read())
        opened = asyncio.create_task(self._opened.wait())
        async with asyncio.timeout(OPENS_WITHIN_S):
            await asyncio.wait((self._reading, opened), return_when=asyncio.FIRST_COMPLETED)
        if self._reading.done():
            opened.cancel()
            self._reading.result()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)
        await self._client.aclose()

    async def _read(self) -> None:
        async with self._client.stream("GET", "/api/v1/events") as response:
            response.raise_for_status()
            async for chunk in response.aiter_raw():
                self.chunks.append((time.time(), chunk))
                self._opened.set()
        raise ConnectionError("the stream of events has ended")


def streamed(chunks: list[tuple[float, bytes]]) -> list[tuple[float, str]]:
    """Return the id of each event that has come whole, with the time when its last byte came."""
    ends, end = [], 0
    for _, chunk in chunks:
        end += len(chunk)
        ends.append(end)
    found, at = [], 0
    for block in b"".join(chunk for _, chunk in chunks).split(_END)[:-1]:
        at += len(block) + len(_END)
        lines = block.split(b"\n")
        data = [line.removeprefix(_DATA) for line in lines if line.startswith(_DATA)]
        if data:
            came = chunks[bisect.bisect_left(ends, at)][0]
            found.append((came, str(orjson.loads(data[0])["id"])))
    return found
