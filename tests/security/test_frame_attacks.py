"""What a connected station may send is bounded: each message, its pieces, its pace."""

import asyncio
import contextlib
import json
import os

import pytest

from csms_local.run_state import RunState
from tests.security.process_figures import resident_bytes
from tests.security.raw_socket import (
    CLOSE,
    CONTINUATION,
    PING,
    TEXT,
    Closed,
    RawSocket,
    frame,
)

MIB = 1024 * 1024
PROTOCOL_ERROR, POLICY_VIOLATION, TOO_BIG = 1002, 1008, 1009


async def _connected(gateway_url: str, station_id: str) -> RawSocket:
    socket = await RawSocket.open(gateway_url)
    await socket.connect(station_id)
    await socket.boot()
    return socket


async def _still_serves(gateway_url: str, station_id: str) -> None:
    async with await _connected(gateway_url, f"{station_id}-other") as other:
        assert (await other.call("Heartbeat", {}))[0] == 3


async def test_a_message_of_more_than_a_mebibyte_closes_with_1009(
    gateway_url: str, station_id: str
) -> None:
    async with await _connected(gateway_url, station_id) as station:
        # The head alone: nobody needs to wait for the rest.
        await station.send(b"\x81\xff" + (2 * MIB).to_bytes(8, "big") + bytes(4))
        assert await station.close_code() == TOO_BIG
    await _still_serves(gateway_url, station_id)


async def test_fragments_that_are_too_much_together_close_with_1009(
    gateway_url: str, station_id: str
) -> None:
    async with await _connected(gateway_url, station_id) as station:
        await station.send(frame(TEXT, b"[" * 65_000, fin=False))
        closed = asyncio.create_task(station.close_code())
        for _ in range(40):
            station.writer.write(frame(CONTINUATION, b"[" * 65_000, fin=False))
        assert await closed == TOO_BIG
    await _still_serves(gateway_url, station_id)


@pytest.mark.parametrize("payload", [b"", b"xy"])
async def test_endless_tiny_fragments_are_ended_before_they_take_room(
    run: RunState, gateway_url: str, station_id: str, payload: bytes
) -> None:
    """Empty ones would never reach a bound on bytes."""
    pid = run.gateways[0].pid
    async with await _connected(gateway_url, station_id) as station:
        before = resident_bytes(pid)
        await station.send(frame(TEXT, b"[2,", fin=False))
        closed = asyncio.create_task(station.close_code())
        pieces = frame(CONTINUATION, payload, fin=False) * 2_000
        for _ in range(100):
            if closed.done() or station.writer.transport.is_closing():
                break
            station.writer.write(pieces)
            await asyncio.sleep(0.01)
        assert await closed in (POLICY_VIOLATION, TOO_BIG, None)
        assert resident_bytes(pid) - before < 32 * MIB
    await _still_serves(gateway_url, station_id)


async def test_a_message_in_fragments_is_one_message(gateway_url: str, station_id: str) -> None:
    async with await _connected(gateway_url, station_id) as station:
        text = b'[2,"in pieces","Heartbeat",{}]'
        await station.send(frame(TEXT, text[:5], fin=False))
        for place in range(5, len(text)):
            await station.send(frame(CONTINUATION, text[place : place + 1], fin=False))
        await station.send(frame(PING, b"between"))
        await station.send(frame(CONTINUATION))
        answers = [await station.frame(), await station.frame()]
        assert json.loads(answers[1].payload)[:2] == [3, "in pieces"]


async def test_a_message_that_never_ends_does_not_hold_its_memory_for_ever(
    gateway_url: str, station_id: str
) -> None:
    """A byte a second is alive, and still nobody waits for the rest of a megabyte."""
    async with await _connected(gateway_url, station_id) as station:
        await station.send(b"\x81\xff" + (MIB - 10).to_bytes(8, "big") + bytes(4) + b"x" * 60_000)
        closed = asyncio.create_task(station.is_cut(90.0))
        while not closed.done():
            if not station.writer.transport.is_closing():
                station.writer.write(b"x")
            await asyncio.wait([closed], timeout=1.0)
        assert closed.result()
    await _still_serves(gateway_url, station_id)


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        pytest.param(frame(TEXT, b"[]", masked=False), PROTOCOL_ERROR, id="unmasked"),
        pytest.param(frame(TEXT, b"[]", rsv=4), PROTOCOL_ERROR, id="compressed"),
        pytest.param(frame(0x3, b"x"), PROTOCOL_ERROR, id="an opcode of nobody's"),
        pytest.param(frame(CONTINUATION, b"x"), PROTOCOL_ERROR, id="a middle without a start"),
        pytest.param(
            frame(TEXT, b"[", fin=False) + frame(TEXT, b"["), PROTOCOL_ERROR, id="two starts"
        ),
        pytest.param(frame(PING, b"x" * 126), PROTOCOL_ERROR, id="a long ping"),
        pytest.param(frame(PING, b"x", fin=False), PROTOCOL_ERROR, id="a ping in pieces"),
        pytest.param(frame(CLOSE, b"\x03"), PROTOCOL_ERROR, id="half a close code"),
        pytest.param(frame(CLOSE, b"\x00\x00"), PROTOCOL_ERROR, id="a forbidden close code"),
    ],
)
async def test_frames_against_the_protocol_close_this_connection_only(
    gateway_url: str, station_id: str, sent: bytes, code: int
) -> None:
    async with await _connected(gateway_url, station_id) as station:
        await station.send(sent)
        assert await station.close_code() == code
    await _still_serves(gateway_url, station_id)


async def test_offers_of_compression_are_not_taken(gateway_url: str, station_id: str) -> None:
    """A kilobyte that unpacks to a gigabyte can't be sent where nothing is unpacked."""
    async with await RawSocket.open(gateway_url) as station:
        offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"
        await station.send(station.upgrade(station_id, offer))
        answer = await station.answer()
        assert answer.status == 101
        assert "sec-websocket-extensions" not in answer.headers


def _nested(opening: str, closing: str, depth: int) -> str:
    return opening * depth + closing * depth


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("[" * 500_000, id="half a million arrays"),
        pytest.param(_nested("[", "]", 100_000), id="arrays in arrays"),
        pytest.param('[2,"1","DataTransfer",' + '{"a":' * 90_000 + "1" + "}" * 90_000 + "]"),
        pytest.param(
            '[2,"1","DataTransfer",{"vendorId":"v","data":' + _nested("[", "]", 200) + "}]"
        ),
        pytest.param('[2,"1","Heartbeat",{' + ",".join(f'"{n}":1' for n in range(50_000)) + "}]"),
        pytest.param('[2,"' + "i" * 500_000 + '","Heartbeat",{}]', id="a huge message id"),
        pytest.param('[2,"1","' + "A" * 500_000 + '",{}]', id="a huge action"),
        pytest.param('[2,"1","Heartbeat",{"a":' + "9" * 500_000 + "}]", id="a huge number"),
        pytest.param('[2,"1","Heartbeat",{"a":1e999999999}]', id="an infinite number"),
        pytest.param(
            "\ud800".encode("utf-8", "surrogatepass").decode("latin-1") * 9, id="surrogates"
        ),
        pytest.param(
            '[2,"1","MeterValues",{"connectorId":1,"meterValue":['
            + ",".join(
                ['{"timestamp":"2026-01-01T00:00:00Z","sampledValue":[{"value":"1"}]}'] * 9000
            )
            + "]}]",
            id="thousands of meter values",
        ),
    ],
)
async def test_a_json_bomb_is_refused_and_the_gateway_goes_on(
    run: RunState, gateway_url: str, station_id: str, text: str
) -> None:
    pid = run.gateways[0].pid
    async with await _connected(gateway_url, station_id) as station:
        await station.send(frame(TEXT, text.encode()))
        # Whatever it says to this one, or by closing: what comes behind it is not held up.
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, Closed):
            assert (await station.call("Heartbeat", {}, "behind"))[0] == 3
    await _still_serves(gateway_url, station_id)
    assert run.gateways[0].pid == pid
    os.kill(pid, 0)


@pytest.mark.parametrize("reads", [True, False])
@pytest.mark.parametrize(
    "flood",
    [
        pytest.param(frame(PING, b"x" * 125), id="pings"),
        pytest.param(frame(TEXT, b'[2,"1","Heartbeat",{}]'), id="heartbeats"),
        pytest.param(frame(TEXT, b"garbage"), id="garbage"),
        pytest.param(frame(TEXT, b'[3,"nobody asked",{}]'), id="stray answers"),
        pytest.param(frame(TEXT, b'[2,"1","NoSuchAction",{}]'), id="unknown actions"),
    ],
)
async def test_a_flood_is_ended_and_takes_no_memory(
    run: RunState, gateway_url: str, station_id: str, flood: bytes, reads: bool
) -> None:
    pid = run.gateways[0].pid
    async with (
        await _connected(gateway_url, f"{station_id}-other") as other,
        await _connected(gateway_url, station_id) as station,
    ):
        before = resident_bytes(pid)
        if not reads:
            station.writer.transport.pause_reading()  # type: ignore[attr-defined]
        closed = asyncio.create_task(station.is_cut(60.0))
        pieces = flood * 1_000
        slowest, number = 0.0, 0
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + 60.0
        while not station.writer.transport.is_closing():
            assert loop.time() < ends_at, "it is taken for ever"
            # The rest of it has to wait here: the gateway does not read it.
            if station.writer.transport.get_write_buffer_size() < MIB:
                station.writer.write(pieces)
            number += 1
            asked = loop.time()
            assert (await other.call("Heartbeat", {}, f"other-{number}"))[0] == 3
            slowest = max(slowest, loop.time() - asked)
            # As fast as answers come, this station would flood as well.
            await asyncio.sleep(0.01)
        assert slowest < 10.0
        grown = resident_bytes(pid) - before
        assert grown < 64 * MIB
        closed.cancel()
    await _still_serves(gateway_url, station_id)


async def test_more_calls_than_may_wait_close_with_1008(gateway_url: str, station_id: str) -> None:
    async with await _connected(gateway_url, station_id) as station:
        call = b'[2,"%d","Authorize",{"idTag":"NOBODY"}]'
        await station.send(b"".join(frame(TEXT, call % number) for number in range(500)))
        assert await station.close_code() == POLICY_VIOLATION
