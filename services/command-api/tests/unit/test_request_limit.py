"""What happens at the bound of requests under way."""

import asyncio

import httpx
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from command_api.http.access.request_limit import RequestLimit


async def test_beyond_the_limit_requests_are_told_to_come_back_and_neighbours_go_on() -> None:
    entered, leave = asyncio.Event(), asyncio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        entered.set()
        await leave.wait()
        await PlainTextResponse("done")(scope, receive, send)

    told: list[str] = []
    limited = RequestLimit(slow, lambda limit, _: told.append(limit), limit=1)
    transport = httpx.ASGITransport(app=limited)
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
        first = asyncio.create_task(client.get("/"))
        await entered.wait()
        refused = await client.get("/")
        assert refused.status_code == 503
        assert refused.headers["Retry-After"] == "5"
        assert refused.headers["Content-Type"] == "application/problem+json"
        leave.set()
        assert (await first).text == "done"
        assert (await client.get("/")).text == "done"
    assert told == ["requests"]
