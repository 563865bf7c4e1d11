"""What is used of others that is not public: each is on one page, with the test that pins it."""

import asyncio
import re
import signal
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import uvicorn
from sqlalchemy.dialects.postgresql.asyncpg import AsyncAdapt_asyncpg_connection
from sqlalchemy.engine.interfaces import AdaptedConnection

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "private-apis.md"


def _rows() -> list[list[str]]:
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows[1:]]


def test_every_row_names_where_it_is_used_and_a_test_that_exists() -> None:
    tests = "\n".join(
        file.read_text()
        for folder in ("shared/tests", "services/ws-gateway/tests", "services/command-api/tests")
        for file in (ROOT / folder).rglob("test_*.py")
    )
    rows = _rows()
    assert len(rows) > 5
    for _, what, where, _, _, pinned in rows:
        sources = "".join((ROOT / name).read_text() for name in re.findall(r"`([^`]+)`", where))
        for name in re.findall(r"`(?:[\w.]*\.)?(\w+)(?:\([^`]*\))?`", what):
            # What a class of theirs has is overridden or read, and so named.
            assert name in sources, name
        (test,) = re.findall(r"`(\w+)`", pinned)
        assert f"def {test}(" in tests, test


async def test_uvicorn_serves_a_given_socket_and_leaves_the_signals_alone() -> None:
    async def application(
        scope: dict[str, Any],
        receive: object,
        send: Callable[[dict[str, Any]], Awaitable[None]],
    ) -> None:
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    server = uvicorn.Server(uvicorn.Config(application, log_config=None, lifespan="off", ws="none"))
    with socket.create_server(("127.0.0.1", 0)) as bound:
        serving = asyncio.create_task(server._serve(sockets=[bound]))
        reader, writer = await asyncio.open_connection(*bound.getsockname())
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.1 204")
        assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)] == before
        server.should_exit = True
        async with asyncio.timeout(10):
            await serving
        writer.close()


def test_the_adapted_connection_leads_to_the_drivers() -> None:
    assert issubclass(AsyncAdapt_asyncpg_connection, AdaptedConnection)
    assert isinstance(AdaptedConnection.driver_connection, property)
