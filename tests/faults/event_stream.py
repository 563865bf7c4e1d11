"""A client of `GET /events` that goes on behind what it has seen, and pages of the history."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import httpx
import orjson

from csms_simulator.operator import Operator
from tests.faults.beside import Beside
from tests.integration.waiting import eventually

Told = tuple[int, dict[str, Any]]
"""An event with its position."""

# The suite sends something at least every 15 s.
_SILENCE_S = 40.0
_AGAIN_S = 0.5
_PAGE = 500


class EventStream(Beside):
    """Follows the events of an operator's tenant on `async with`, through whatever befalls.

    `told` has what came, as it came; `connections` counts how often it was taken on.
    """

    def __init__(self, operator: Operator, after: int) -> None:
        self.told: list[Told] = []
        self.position = after
        self.connections = 0
        self.refusal: str | None = None
        self._url = f"{operator.http.base_url}events"
        self._headers = {"Authorization": operator.authorization}
        self._after = after

    async def _work(self) -> None:
        while self.refusal is None:
            with contextlib.suppress(httpx.TransportError):
                # A client for each connection: who reconnects knows nothing of the one before.
                async with httpx.AsyncClient(trust_env=False, timeout=_SILENCE_S) as client:
                    await self._connect(client)
            await asyncio.sleep(_AGAIN_S)

    async def _connect(self, client: httpx.AsyncClient) -> None:
        headers, begin = {**self._headers}, {"after": self._after}
        if self.connections:
            headers["Last-Event-ID"], begin = str(self.position), {}
        async with client.stream("GET", self._url, params=begin, headers=headers) as answer:
            if answer.is_success:
                self.connections += 1
                await self._take(answer.aiter_bytes())
            elif not answer.is_server_error and answer.status_code != 429:
                self.refusal = f"{answer.status_code} {(await answer.aread()).decode()}"

    async def _take(self, chunks: AsyncIterator[bytes]) -> None:
        fields: dict[bytes, bytes] = {}
        async for line in _lines(chunks):
            if line:
                name, _, value = line.partition(b": ")
                fields[name] = value
                continue
            if b"data" in fields:
                self.told.append((int(fields[b"id"]), orjson.loads(fields[b"data"])))
            self.position = int(fields.get(b"id", self.position))
            fields = {}


async def _lines(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Divide at line feeds only: a text of an event may hold what else Unicode ends lines with."""
    rest = b""
    async for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield line


async def read_history(operator: Operator, after: int, within: float) -> list[Told]:
    """Page through `GET /events/history`; a page that is not answered is asked for again."""
    items: list[Told] = []
    query: dict[str, str | int] = {"after": after, "limit": _PAGE}

    async def page() -> dict[str, Any] | str:
        try:
            return dict(await operator.get("/events/history", **query))
        except httpx.HTTPError as failure:
            return repr(failure)

    while True:
        answer = await eventually(page, lambda answer: not isinstance(answer, str), within)
        assert not isinstance(answer, str)
        items += [(item["position"], item["event"]) for item in answer["items"]]
        if answer["next_cursor"] is None:
            return items
        query["cursor"] = answer["next_cursor"]
