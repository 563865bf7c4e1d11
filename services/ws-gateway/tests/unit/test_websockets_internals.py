"""What is used of websockets that is not public (docs/private-apis.md)."""

import asyncio
import inspect
from typing import Any, cast

from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import InvalidMessage
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import CONNECTING
from websockets.server import ServerProtocol

from ws_gateway.websocket.socket import StationSocket

OVERRIDDEN = {
    "connection_lost",
    "connection_made",
    "data_received",
    "pause_writing",
    "process_event",
    "resume_writing",
    "send_data",
}


def _calls(function: object) -> str:
    return inspect.getsource(function)  # type: ignore[arg-type]


def test_the_asyncio_connection_has_what_a_stations_socket_overrides() -> None:
    assert vars(StationSocket).keys() >= OVERRIDDEN
    for name in OVERRIDDEN:
        assert callable(getattr(ServerConnection, name))
    # Bytes become events one by one, after what they make due is written.
    received = _calls(ServerConnection.data_received)
    assert received.index("self.send_data()") < received.index("self.process_event(event)")
    # The first event is the request; `request` tells whether it has come.
    assert list(inspect.signature(ServerConnection.process_event).parameters) == ["self", "event"]
    assert "self.request is None" in _calls(ServerConnection.process_event)
    assert "create_connection" in inspect.signature(serve).parameters


async def test_a_connections_own_figures_are_where_they_are_read() -> None:
    held: list[ServerConnection] = []

    async def hold(connection: ServerConnection) -> None:
        held.append(connection)

    def factory(*arguments: Any, **options: Any) -> ServerConnection:
        """Return a connection, as the factory of a listener does that is no class."""
        return ServerConnection(*arguments, **options)

    made = cast(type[ServerConnection], factory)
    async with serve(hold, "127.0.0.1", 0, create_connection=made) as server:
        port = server.sockets[0].getsockname()[1]
        async with connect(f"ws://127.0.0.1:{port}"):
            (connection,) = held
            assert connection.request is not None
            assert connection.response is not None
            assert (connection.paused, connection.loop) == (False, asyncio.get_running_loop())
            assert all(isinstance(task, asyncio.Task) for task in server.handler_tasks)
            connection.close_deadline = None


def test_the_protocol_shows_what_it_has_read_and_why_a_handshake_failed() -> None:
    protocol = ServerProtocol()
    assert protocol.state is CONNECTING
    protocol.receive_data(b"GET / HTTP/1.1\r\nHos")
    # The request line is taken; a header that is not complete stays in the buffer.
    assert bytes(protocol.reader.buffer) == b"Hos"
    garbage = ServerProtocol()
    garbage.receive_data(b"SSH-2.0-OpenSSH\r\n\r\n")
    assert isinstance(garbage.handshake_exc, InvalidMessage)


def test_events_are_one_request_and_then_frames_with_fin_and_opcode() -> None:
    protocol = ServerProtocol()
    protocol.receive_data(
        b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    (request,) = protocol.events_received()
    assert isinstance(request, Request)
    protocol.send_response(protocol.accept(request))
    protocol.receive_data(Frame(Opcode.TEXT, b"[2]", fin=False).serialize(mask=True))
    (frame,) = protocol.events_received()
    assert isinstance(frame, Frame)
    assert (frame.opcode, bytes(frame.data), frame.fin) == (Opcode.TEXT, b"[2]", False)
