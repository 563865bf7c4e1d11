"""HEAD over a real connection: an answer's head alone, also where GET's body never ends."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import httpx
import pytest
import uvicorn
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from command_api.http.access.connection_limits import BoundedProtocol
from command_api.http.requests.head_requests import HeadRequests

SIZE = 1_000_000


class Streams:
    """Routes that stream, and how many of their streams are open."""

    def __init__(self) -> None:
        self.open = 0

    async def events(self, _: Request) -> Response:
        return EventSourceResponse(self._events())

    async def file(self, _: Request) -> Response:
        headers = {"Content-Length": str(SIZE)}
        return StreamingResponse(self._chunks(), headers=headers)

    async def _events(self) -> AsyncIterator[ServerSentEvent]:
        self.open += 1
        try:
            while True:
                yield ServerSentEvent(comment="open")
                await asyncio.sleep(0.01)
        finally:
            self.open -= 1

    async def _chunks(self) -> AsyncIterator[bytes]:
        self.open += 1
        try:
            for _ in range(SIZE):
                await asyncio.sleep(0.01)
                yield b"x"
        finally:
            self.open -= 1


@pytest.fixture
def streams() -> Streams:
    return Streams()


@pytest.fixture
async def client(streams: Streams) -> AsyncIterator[httpx.AsyncClient]:
    """A client of one connection, so that a body too many would be the next answer's."""

    async def method(request: Request) -> Response:
        return JSONResponse({"method": request.method})

    app = Starlette(
        routes=[
            Route("/method", method, methods=["GET"]),
            Route("/made", method, methods=["POST"]),
            Route("/events", streams.events),
            Route("/file", streams.file),
        ]
    )
    app.add_middleware(HeadRequests)
    config = uvicorn.Config(
        app, port=0, http=BoundedProtocol, log_config=None, lifespan="off", ws="none"
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    async with asyncio.timeout(20):
        while not server.started:
            await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{port}",
        limits=httpx.Limits(max_connections=1),
        trust_env=False,
        timeout=20,
    ) as client:
        yield client
    server.should_exit = True
    with contextlib.suppress(asyncio.CancelledError):
        await serving


async def test_head_is_answered_by_what_answers_get(client: httpx.AsyncClient) -> None:
    head, get = await client.head("/method"), await client.get("/method")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == get.headers["content-length"]
    assert get.json() == {"method": "GET"}


async def test_what_get_is_refused_head_is_refused(client: httpx.AsyncClient) -> None:
    for path, status in (("/made", 405), ("/nothing", 404)):
        answer = await client.head(path)
        assert (answer.status_code, answer.content) == (status, b"")


@pytest.mark.parametrize(
    ("path", "header", "value"),
    [("/events", "content-type", "text/event-stream"), ("/file", "content-length", str(SIZE))],
)
async def test_a_stream_ends_with_its_head(
    client: httpx.AsyncClient, streams: Streams, path: str, header: str, value: str
) -> None:
    for _ in range(3):
        answer = await client.head(path)
        assert (answer.status_code, answer.content) == (200, b"")
        assert answer.headers[header].startswith(value)
        # On the same connection.
        assert (await client.get("/method")).json() == {"method": "GET"}
    async with asyncio.timeout(20):
        while streams.open:
            await asyncio.sleep(0.01)
