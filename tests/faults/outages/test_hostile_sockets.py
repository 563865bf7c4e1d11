"""F25: sockets that are slow, far too big, or talk nonsense, beside stations that charge."""

import asyncio
import contextlib
import json
import secrets
from collections.abc import AsyncIterator, Callable, Coroutine
from urllib.parse import urlsplit

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from tests.faults.scale import Scale
from tests.faults.scenario import Scenario
from tests.faults.suite_on_paths import SuiteOnPaths

_ANSWER_S = 15.0
_LORIS_BYTE_EVERY_S = 0.5
# The gateway ends a handshake that takes longer.
_HANDSHAKE_ENDS_S = 45.0
_HEARTBEAT = '[2,"after","Heartbeat",{}]'

Hostile = Callable[[str], Coroutine[None, None, None]]


@contextlib.asynccontextmanager
async def _booted(url: str) -> AsyncIterator[ClientConnection]:
    address = f"{url}/HOSTILE-{secrets.token_hex(4)}"
    async with connect(
        address, subprotocols=[Subprotocol("ocpp1.6")], proxy=None, max_size=None
    ) as socket:
        boot = {"chargePointVendor": "V", "chargePointModel": "M"}
        await socket.send(json.dumps([2, "boot", "BootNotification", boot]))
        assert (await _answer(socket, "boot"))[0] == 3
        yield socket


async def _answer(socket: ClientConnection, message_id: str) -> list[object]:
    async with asyncio.timeout(_ANSWER_S):
        while True:
            frame: list[object] = json.loads(await socket.recv())
            if frame[1] == message_id:
                return frame


async def _slow_handshake(url: str) -> None:
    """Send a request byte by byte; the gateway must end it."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    request = f"GET {parts.path}/LORIS HTTP/1.1\r\nHost: x\r\nX-Slow: ".encode() + b"a" * 1000
    try:
        async with asyncio.timeout(_HANDSHAKE_ENDS_S):
            ended = asyncio.create_task(reader.read())
            for byte in request:
                if ended.done():
                    break
                writer.write(bytes([byte]))
                await asyncio.wait({ended}, timeout=_LORIS_BYTE_EVERY_S)
            with contextlib.suppress(ConnectionResetError):
                await ended
    finally:
        writer.close()


async def _frame_beyond_the_limit(url: str) -> None:
    """A frame above 1 MiB closes the socket with 1009 (RFC 6455, 7.4.1)."""
    async with _booted(url) as socket:
        with contextlib.suppress(ConnectionClosed):
            await socket.send('[2,"big","DataTransfer",{"vendorId":"' + "x" * 2_000_000 + '"}]')
            await _answer(socket, "big")
        assert socket.close_code == 1009


async def _frame_of_a_megabyte(url: str) -> None:
    """One below it is read, and refused for its content alone."""
    async with _booted(url) as socket:
        await socket.send('[2,"big","DataTransfer",{"vendorId":"' + "x" * 1_000_000 + '"}]')
        assert (await _answer(socket, "big"))[0] == 4
        await socket.send(_HEARTBEAT)
        assert (await _answer(socket, "after"))[0] == 3


async def _garbage(url: str) -> None:
    """What is no OCPP-J message is not answered as one, and does no harm."""
    async with _booted(url) as socket:
        for text in ("", "{", "[]", "[2]", "null", '[2,"x","Heartbeat",[1', "\x00", "[" * 10_000):
            await socket.send(text)
        await socket.send(_HEARTBEAT)
        assert (await _answer(socket, "after"))[0] == 3


async def _unknown_action(url: str) -> None:
    async with _booted(url) as socket:
        await socket.send('[2,"unknown","MakeCoffee",{}]')
        answer = await _answer(socket, "unknown")
        assert answer[0] == 4
        assert answer[2] in ("NotImplemented", "NotSupported")


@pytest.mark.parametrize(
    ("hostile", "at_once"),
    [
        (_slow_handshake, 200),
        (_frame_beyond_the_limit, 10),
        (_frame_of_a_megabyte, 10),
        (_garbage, 20),
        (_unknown_action, 20),
    ],
)
async def test_a_hostile_socket_is_no_other_stations_trouble(
    suite: SuiteOnPaths, scale: Scale, hostile: Hostile, at_once: int
) -> None:
    name = hostile.__name__.strip("_").replace("_", " ")
    async with Scenario("F25", name, suite) as scenario:
        scenario.unaffected = scenario.fleet.station_ids
        await scenario.fleet.progress(4)
        reconnects = scenario.fleet.reconnects()
        for _ in range(scale.pick(1, 5)):
            async with asyncio.TaskGroup() as group:
                for number in range(at_once):
                    url = suite.gateway_urls[number % 2]
                    group.create_task(hostile(url))
                    suite.note(name)
        await scenario.fleet.progress(4)
        assert scenario.fleet.reconnects() == reconnects, "another station lost its socket"
