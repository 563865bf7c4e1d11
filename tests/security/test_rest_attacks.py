"""REST's port: who connects and does not ask keeps nobody from asking."""

import asyncio
import contextlib
import resource
from contextlib import AsyncExitStack

import httpx
import pytest

from csms_local.run_state import RunState
from csms_simulator.operator import Operator
from tests.security.process_figures import open_files, resident_bytes
from tests.security.raw_socket import RawSocket

SILENT = 6_000
MIB = 1024 * 1024
CUT_S = 60.0


async def test_thousands_of_silent_connections_keep_nobody_from_asking(run: RunState) -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    pid = run.services["command-api"]
    before = open_files(pid)
    async with AsyncExitStack() as stack:
        for _ in range(SILENT // 200):
            opened = await asyncio.gather(*(RawSocket.open(run.rest_url) for _ in range(200)))
            for one in opened:
                stack.push_async_exit(one)
        for _ in range(5):
            async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
                assert (await client.get(f"{run.rest_url}/healthz")).status_code == 200
        assert open_files(pid) - before < 3_500


# How a request begins, and what comes of it again and again.
LATE = {
    "nothing": (b"", b""),
    "a head that never ends": (b"GET /api/v1/stations HTTP/1.1\r\n", b"X"),
    "empty lines": (b"", b"\r\n"),
    "a body that never ends": (
        b"POST /api/v1/auth/token HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n"
        b"Content-Type: application/x-www-form-urlencoded\r\n\r\n",
        b"a",
    ),
}


async def test_a_request_that_does_not_come_in_time_is_given_up(run: RunState) -> None:
    async def is_given_up(start: bytes, more: bytes) -> bool:
        async with await RawSocket.open(run.rest_url) as slow:
            cut = asyncio.create_task(slow.is_cut(CUT_S))
            slow.writer.write(start)
            while not cut.done():
                if more and not slow.writer.transport.is_closing():
                    slow.writer.write(more)
                await asyncio.wait([cut], timeout=0.5)
            return cut.result()

    # All at once: each has to be waited for as long.
    given_up = await asyncio.gather(*(is_given_up(*late) for late in LATE.values()))
    assert dict(zip(LATE, given_up, strict=True)) == dict.fromkeys(LATE, True)


@pytest.mark.parametrize(
    "line", [b"X-More: " + b"A" * 8000 + b"\r\n", b"A" * 8000], ids=["many", "one without an end"]
)
async def test_the_head_of_a_request_is_bounded(
    run: RunState, operator: Operator, line: bytes
) -> None:
    pid = run.services["command-api"]
    before = resident_bytes(pid)
    async with await RawSocket.open(run.rest_url) as bomb:
        cut = asyncio.create_task(bomb.is_cut(CUT_S))
        bomb.writer.write(b"GET /api/v1/stations HTTP/1.1\r\nX-First: ")
        sent = 0
        while not cut.done() and sent < 64 * MIB:
            if not bomb.writer.transport.is_closing():
                bomb.writer.write(line)
            # Until the service and the sockets have taken it: what waits here was not sent.
            with contextlib.suppress(ConnectionError):
                await asyncio.wait_for(bomb.writer.drain(), CUT_S)
            sent += len(line)
            await asyncio.sleep(0)
        assert await cut
        assert sent < 16 * MIB
    assert resident_bytes(pid) - before < 8 * MIB
    assert (await operator.http.get("/status")).status_code == 200
