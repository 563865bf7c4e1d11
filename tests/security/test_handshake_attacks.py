"""Who only half connects costs little, and takes nobody's place."""

import asyncio
import os
import resource
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from csms_local.pytest_scale import scaled
from csms_local.run_state import RunState
from tests.integration.waiting import eventually
from tests.security.process_figures import open_files, resident_bytes
from tests.security.raw_socket import RawSocket

HALF_OPEN = scaled(10_000, 2_000)
AT_ONCE = 500
# Of each connection that never says anything, while it is let wait.
BYTES_EACH = 32 * 1024
# Longer than any handshake may take.
OPEN_TIMEOUT_S = 45.0
HONEST = 50
# What a handshake's head may have, and what is on its way when the gateway cuts the line.
HEAD_BYTES = 64 * 1024


@pytest.fixture(autouse=True)
def _many_files() -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    """Closes at the end whatever a test opened."""
    async with AsyncExitStack() as opened:
        yield opened


async def _half_open(stack: AsyncExitStack, url: str, count: int) -> list[RawSocket]:
    opened: list[RawSocket] = []
    for start in range(0, count, AT_ONCE):
        sockets = await asyncio.gather(
            *(RawSocket.open(url) for _ in range(min(AT_ONCE, count - start)))
        )
        for one in sockets:
            await stack.enter_async_context(one)
            await one.send(b"GET /ocpp/")
        opened += sockets
    return opened


@pytest.mark.scaled
async def test_thousands_of_half_open_connections_keep_no_station_out(
    run: RunState, gateway_url: str, station_id: str, stack: AsyncExitStack
) -> None:
    pid = run.gateways[0].pid
    already = await stack.enter_async_context(await RawSocket.open(gateway_url))
    await already.connect(f"{station_id}-already")
    await already.boot()
    files, memory = open_files(pid), resident_bytes(pid)

    await _half_open(stack, gateway_url, HALF_OPEN)

    assert (await already.call("Heartbeat", {}))[0] == 3
    for number in range(HONEST):
        async with await RawSocket.open(gateway_url) as honest:
            await honest.connect(f"{station_id}-{number}")
            assert (await honest.call("Heartbeat", {}))[0] == 3
    grown = resident_bytes(pid) - memory
    assert grown < HALF_OPEN * BYTES_EACH
    assert open_files(pid) - files <= HALF_OPEN + HONEST

    async def left() -> int:
        return open_files(pid) - files

    assert await eventually(left, lambda more: more < 50, OPEN_TIMEOUT_S) < 50


async def test_the_balancer_goes_on_letting_stations_in_beside_half_open_connections(
    run: RunState, station_id: str, stack: AsyncExitStack
) -> None:
    await _half_open(stack, run.ocpp_url, HALF_OPEN // 5)
    for number in range(HONEST):
        async with await RawSocket.open(run.ocpp_url) as honest:
            await honest.connect(f"{station_id}-{number}")
            assert (await honest.call("Heartbeat", {}))[0] == 3


async def test_a_handshake_of_one_byte_at_a_time_is_cut_off(
    gateway_url: str, station_id: str
) -> None:
    async with await RawSocket.open(gateway_url) as slow:
        cut = asyncio.create_task(slow.is_cut(OPEN_TIMEOUT_S))
        request = slow.upgrade(station_id, *(f"X-More-{n}: 1" for n in range(20)))
        for byte in request:
            if cut.done() or slow.writer.transport.is_closing():
                break
            slow.writer.write(bytes([byte]))
            await asyncio.sleep(0.1)
        assert await cut


@pytest.mark.parametrize(
    "request_text",
    [
        pytest.param(b"GET /ocpp/" + b"A" * 100_000, id="a request line without an end"),
        pytest.param(
            b"GET /ocpp/X HTTP/1.1\r\nX: " + b"A" * 100_000, id="a header line without an end"
        ),
        pytest.param(
            b"GET /ocpp/X HTTP/1.1\r\n" + b"X: 1\r\n" * 20_000, id="more headers than anybody needs"
        ),
        pytest.param(
            b"GET /ocpp/X HTTP/1.1\r\n"
            + b"".join(b"X-%d: %b\r\n" % (n, b"A" * 8000) for n in range(100)),
            id="allowed headers that are huge together",
        ),
        pytest.param(
            b"GET /ocpp/X HTTP/1.1\r\n" + b"X: 1\r\n  folded\r\n" * 2000, id="folded headers"
        ),
        pytest.param(b"\x16\x03\x01\x02\x00" + os.urandom(512), id="a TLS hello"),
        pytest.param(b"\x00" * 100_000, id="zeros"),
        pytest.param(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", id="HTTP/2"),
    ],
)
async def test_a_handshake_that_is_none_is_cut_off_before_it_takes_room(
    gateway_url: str, request_text: bytes
) -> None:
    async with await RawSocket.open(gateway_url) as bomb:
        answered = asyncio.create_task(bomb.is_cut(OPEN_TIMEOUT_S))
        bomb.writer.write(request_text)
        assert await answered


async def test_the_head_of_a_handshake_has_one_bound_however_it_is_cut_up(
    gateway_url: str,
) -> None:
    """A hundred lines of 8 KB are each allowed; together they must not be."""
    async with await RawSocket.open(gateway_url) as bomb:
        cut = asyncio.create_task(bomb.is_cut(10.0))
        sent = 0
        bomb.writer.write(b"GET /ocpp/X HTTP/1.1\r\n")
        while not cut.done() and sent < 10 * HEAD_BYTES:
            bomb.writer.write(b"X-More: " + b"A" * 4000 + b"\r\n")
            sent += 4010
            await asyncio.sleep(0.005)
        assert sent < 3 * HEAD_BYTES
        assert await cut


async def test_frames_before_the_handshake_is_answered_end_the_connection(
    gateway_url: str, station_id: str
) -> None:
    async with await RawSocket.open(gateway_url) as eager:
        await eager.send(eager.upgrade(station_id) + b"\x89\x80\x00\x00\x00\x00" * 100)
        assert await eager.is_cut(OPEN_TIMEOUT_S)
