"""Closing all connections, spread over time, without cutting off an answer."""

import asyncio
import random

from csms_shared.runtime.clock import monotonic
from ws_gateway.domain.connection import SERVICE_RESTART
from ws_gateway.websocket.connection_handler import ConnectionHandler

LAST_ANSWERS_S = 3.0
_POLL_S = 0.02


async def close_spread(connections: list[ConnectionHandler], seconds: float) -> None:
    """Close the connections with code 1012, in random order, evenly over `seconds`.

    One with a call or a command under way is closed when that is answered, at the latest
    `LAST_ANSWERS_S` after the others. Commands behind that one go back unwritten.
    """
    order = random.sample(connections, len(connections))
    start = monotonic()
    busy: list[ConnectionHandler] = []
    for number, connection in enumerate(order):
        due = start + seconds * number / len(order)
        while (ahead := due - monotonic()) > 0:
            await asyncio.sleep(min(ahead, _POLL_S) if busy else ahead)
            busy = _close_idle(busy)
        connection.hand_back_commands()
        busy += _close_idle([connection])
    until = monotonic() + LAST_ANSWERS_S
    while busy and monotonic() < until:
        await asyncio.sleep(_POLL_S)
        busy = _close_idle(busy)
    for connection in busy:
        connection.close(SERVICE_RESTART, "service restart")


def _close_idle(connections: list[ConnectionHandler]) -> list[ConnectionHandler]:
    """Close those that nobody waits for; return the others."""
    busy = []
    for connection in connections:
        if connection.is_busy:
            busy.append(connection)
        else:
            connection.close(SERVICE_RESTART, "service restart")
    return busy
