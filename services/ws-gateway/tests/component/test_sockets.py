"""What one peer may hold of a gateway's memory and files, and for how long."""

import asyncio
import os
import socket as sockets
import time

import pytest
from gateway_fakes.running import RunningGateway, run_gateway
from gateway_fakes.services import FakeServices
from gateway_fakes.waiting import until
from prometheus_client import REGISTRY
from websockets.exceptions import InvalidStatus
from websockets.frames import Frame, Opcode

from csms_shared.runtime.clock import monotonic
from ws_gateway.websocket import connection_limiter, held_bytes, socket
from ws_gateway.websocket import read_limiter as intake

HEAD = (
    b"GET /ocpp/%b HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Protocol: ocpp1.6\r\n"
)
STRAY = {"direction": "in", "action": "unknown", "result": "stray_answer"}


def _metric(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def _refusals(reason: str) -> float:
    return _metric("csms_gateway_refusals_total", reason=reason)


async def _open(running: RunningGateway) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", running.gateway.port)


async def _open_with_little_room(
    running: RunningGateway,
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect with the smallest buffer, which little fills that is not read."""
    connecting = sockets.socket()
    connecting.setblocking(False)
    connecting.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 1)
    await asyncio.get_running_loop().sock_connect(connecting, ("127.0.0.1", running.gateway.port))
    return await asyncio.open_connection(sock=connecting)


async def _ended(reader: asyncio.StreamReader) -> None:
    """Wait until the other side has aborted or closed."""
    async with asyncio.timeout(10):
        try:
            while await reader.read(65_536):
                pass
        except ConnectionError:
            pass


def _frame(opcode: Opcode, data: bytes, *, fin: bool = True) -> bytes:
    return Frame(opcode, data, fin).serialize(mask=True)


async def test_a_silent_socket_is_given_up_after_a_while(
    running: RunningGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_limiter, "SILENCE_S", 0.2)
    before = _refusals("handshake_timeout")
    silent, _ = await _open(running)
    slow, slow_writer = await _open(running)
    slow_writer.write(HEAD % b"SLOW")
    await asyncio.gather(_ended(silent), _ended(slow))
    await until(lambda: _refusals("handshake_timeout") == before + 2)
    assert _metric("csms_gateway_handshakes", step="silent") == 0


async def test_of_too_many_silent_sockets_the_oldest_goes_and_stations_get_in(
    broker_url: str, services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_limiter, "MAX_SILENT", 10)
    before = _refusals("handshake_displaced")
    async with run_gateway(broker_url, services) as running:
        silent = [await _open(running) for _ in range(40)]
        await until(lambda: _refusals("handshake_displaced") == before + 30)
        assert _metric("csms_gateway_handshakes", step="silent") == 10
        station = await running.station("IN-1")
        assert (await station.call("Heartbeat", {}))[0] == 3
        await _ended(silent[0][0])
        await station.socket.close()
        for _, writer in silent:
            writer.close()


async def test_a_gateway_without_files_left_is_not_ready_and_refuses_with_503(
    running: RunningGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running.gateway.limiter, "_max_sockets", 4)
    monkeypatch.setattr(running.gateway.limiter, "_reserved", 2)
    stations = [await running.station(f"N-{number}") for number in range(2)]
    assert list(running.gateway.missing()) == ["room"]
    with pytest.raises(InvalidStatus) as refusal:
        await running.station("N-2")
    assert refusal.value.response.status_code == 503
    assert int(refusal.value.response.headers["Retry-After"]) > 0
    for station in stations:
        await station.socket.close()
    await running.until_ready()
    await (await running.station("N-3")).socket.close()


async def test_a_request_without_end_is_given_up_at_its_bound(running: RunningGateway) -> None:
    before = _refusals("request_too_long")
    reader, writer = await _open(running)
    writer.write(HEAD % b"LONG")
    for number in range(100):
        writer.write(b"X-%d: %b\r\n" % (number, b"x" * 1000))
    await _ended(reader)
    await until(lambda: _refusals("request_too_long") == before + 1)


async def test_a_station_that_writes_before_it_is_answered_is_given_up(
    running: RunningGateway,
) -> None:
    reader, writer = await _open(running)
    running.services.claims_answered.clear()
    writer.write(HEAD % b"EAGER" + b"\r\n")
    await running.services.until(lambda: running.services.claims)
    writer.write(_frame(Opcode.TEXT, os.urandom(1000).hex().encode()))
    await _ended(reader)
    running.services.claims_answered.set()
    await running.services.until(lambda: running.services.releases)


@pytest.mark.parametrize("opcode", [Opcode.PING, Opcode.TEXT])
async def test_a_station_that_does_not_read_is_cut_off_at_its_bound(
    broker_url: str, services: FakeServices, monkeypatch: pytest.MonkeyPatch, opcode: Opcode
) -> None:
    monkeypatch.setattr(socket, "_MAX_UNWRITTEN_BYTES", 100_000)
    # On a busy machine its frames take so much time that it would be ended as a flood before.
    monkeypatch.setattr(intake, "FLOOD_S", 600.0)
    async with run_gateway(broker_url, services, frames_per_second=1_000_000) as running:
        await _is_cut_off_unread(running, opcode)


async def _is_cut_off_unread(running: RunningGateway, opcode: Opcode) -> None:
    before = _metric("csms_gateway_unread_total", bound="bytes")
    reader, writer = await _open_with_little_room(running)
    writer.write(HEAD % b"DEAF" + b"\r\n")
    async with asyncio.timeout(10):
        assert b" 101 " in await reader.readline()
    data = b"x" * 125 if opcode is Opcode.PING else b'[2,"1","Heartbeat",{}]'
    flood = _frame(opcode, data) * 500
    reader._transport.pause_reading()  # type: ignore[attr-defined]

    async def fill() -> None:
        try:
            while True:
                writer.write(flood)
                await writer.drain()
                await asyncio.sleep(0)
        except ConnectionError:
            return

    filling = asyncio.create_task(fill())
    await until(lambda: _metric("csms_gateway_unread_total", bound="bytes") == before + 1, 300)
    filling.cancel()
    await asyncio.wait({filling})
    other = await running.station("HEARING")
    assert (await other.call("Heartbeat", {}))[0] == 3
    await other.socket.close()
    writer.close()


async def test_a_message_in_countless_empty_fragments_takes_no_memory(
    running: RunningGateway,
) -> None:
    station = await running.station("FRAGMENTS")
    whole = b'[2,"7","Heartbeat",{}]'
    frames = [_frame(Opcode.TEXT, whole[:5], fin=False)]
    frames += [_frame(Opcode.CONT, b"", fin=False)] * 2_000
    frames += [_frame(Opcode.CONT, whole[5:])]
    station.socket.transport.write(b"".join(frames))
    assert (await station.receive())[:2] == [3, "7"]
    await station.socket.close()


async def test_a_station_that_floods_is_read_at_its_rate_and_ended_where_it_never_pauses(
    broker_url: str, services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "FLOOD_S", 1.0)
    async with run_gateway(broker_url, services, frames_per_second=200) as running:
        station, other = await running.station("FLOODS"), await running.station("CALM")
        began = monotonic()
        taken = _metric("csms_ocpp_messages_total", **STRAY)
        flood = _frame(Opcode.TEXT, b'[3,"nobody asked",{}]') * 50_000
        station.socket.transport.write(flood)
        for _ in range(20):
            assert (await other.call("Heartbeat", {}))[0] == 3
        assert await station.closed() == 1008
        most = 200 * (monotonic() - began + intake.BURST_S) + intake.PIECE_BYTES
        assert _metric("csms_ocpp_messages_total", **STRAY) - taken <= most
        await other.socket.close()


async def test_few_frames_that_take_long_to_handle_are_a_flood_too(
    broker_url: str, services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "FLOOD_S", 1.0)
    # So small a part that a busy machine's pauses do not make up for it.
    monkeypatch.setattr(intake, "_SHARE", 0.02)
    async with run_gateway(broker_url, services) as running:
        station, other = await running.station("COSTLY"), await running.station("CALM")
        samples = b",".join([b"1"] * 4_000)
        call = (
            b'[2,"1","MeterValues",{"connectorId":1,"meterValue":'
            b'[{"timestamp":"2026-11-21T02:00:00Z","sampledValue":[%b]}]}]' % samples
        )
        station.socket.transport.write(_frame(Opcode.TEXT, call) * 200)
        for _ in range(10):
            assert (await other.call("Heartbeat", {}))[0] == 3
        assert await station.closed() == 1008
        await other.socket.close()


async def test_what_comes_faster_than_it_is_taken_waits_and_nothing_of_it_is_lost(
    broker_url: str, services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Two seconds' worth, of which a busy machine may make more than a flood lasts.
    monkeypatch.setattr(intake, "FLOOD_S", 600.0)
    async with run_gateway(broker_url, services, frames_per_second=500) as running:
        station = await running.station("HURRIES")
        calls = [b'[2,"%d","Heartbeat",{}]' % number for number in range(1_000)]
        station.socket.transport.write(b"".join(_frame(Opcode.TEXT, call) for call in calls))
        answered = [(await station.receive())[1] for _ in calls]
        assert answered == [str(number) for number in range(1_000)]
        await station.socket.close()


async def test_a_gateway_that_stood_still_ends_no_station_that_had_to_wait_a_moment(
    broker_url: str, services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "FLOOD_S", 1.0)
    async with run_gateway(broker_url, services, frames_per_second=200) as running:
        station = await running.station("CATCHES-UP")
        calls = [b'[2,"%d","Heartbeat",{}]' % number for number in range(100)]
        station.socket.transport.write(b"".join(_frame(Opcode.TEXT, call) for call in calls))
        answered = [(await station.receive())[1]]
        # As a process does that is stopped for a while: the first are taken, the others wait.
        time.sleep(2 * intake.FLOOD_S)  # noqa: ASYNC251
        answered += [(await station.receive())[1] for _ in calls[1:]]
        assert answered == [str(number) for number in range(100)]
        await station.socket.close()


async def test_unfinished_messages_of_all_stations_have_one_bound(
    broker_url: str, services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(held_bytes, "MOST_BYTES", 10 * 60_000)
    before = _metric("csms_gateway_unread_total", bound="all")
    async with run_gateway(broker_url, services) as running:
        half = b"\x81\xff" + (1_000_000).to_bytes(8, "big") + bytes(4) + b"x" * 50_000
        holding = []
        for number in range(15):
            station = await running.station(f"HOLDS-{number:02}")
            station.socket.transport.write(half)
            holding.append(station)
            expected = min(number + 1, 11)
            # Whoever has held some for longest made room for the others.
            await until(lambda: _metric("csms_gateway_held_bytes") >= 49_000 * expected)  # noqa: B023
        await until(lambda: _metric("csms_gateway_unread_total", bound="all") > before)
        assert _metric("csms_gateway_held_bytes") <= 10 * 60_000
        assert await holding[0].closed() == 1006
        whole = await running.station("WHOLE")
        assert (await whole.call("Heartbeat", {}))[0] == 3
        await whole.socket.close()
        for station in holding:
            # In the middle of a message no close frame is read, and none would be answered.
            station.socket.transport.abort()
        await until(lambda: _metric("csms_gateway_held_bytes") == 0)


async def test_a_message_of_more_than_a_mebibyte_closes_its_socket(
    running: RunningGateway,
) -> None:
    station = await running.station("BIG")
    await station.socket.send("x" * (1024 * 1024 + 1))
    assert await station.closed() == 1009


@pytest.mark.parametrize("what", ["half a frame", "half a message", "a close without an answer"])
async def test_a_quiet_socket_is_bounded_again_by_whatever_happens_to_it(
    running: RunningGateway, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.setattr(socket, "MESSAGE_TIMEOUT_S", 0.1)
    monkeypatch.setattr(socket, "CLOSE_TIMEOUT_S", 0.1)
    served: list[socket.StationSocket] = []
    serve = socket.StationSocket.serve

    def serve_seen(self: socket.StationSocket, handler: socket.SocketHandler) -> None:
        served.append(self)
        serve(self, handler)

    monkeypatch.setattr(socket.StationSocket, "serve", serve_seen)
    reader, writer = await _open(running)
    writer.write(HEAD % b"QUIET" + b"\r\n")
    await reader.readuntil(b"\r\n\r\n")
    (quiet,) = served
    writer.write(_frame(Opcode.TEXT, b'[2,"1","BootNotification",{}]'))
    await reader.read(1)
    await until(lambda: quiet.quiet_until > monotonic() + 10)
    if what == "half a frame":
        writer.write(_frame(Opcode.TEXT, b"[2")[:-1])
    elif what == "half a message":
        writer.write(_frame(Opcode.TEXT, b"[2", fin=False))
    else:
        assert quiet.connection_handler is not None
        quiet.connection_handler.close(1000, "enough")
    await _ended(reader)
    writer.close()
