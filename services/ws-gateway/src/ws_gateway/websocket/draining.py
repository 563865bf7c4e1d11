"""Closing all sessions, spread over time, without cutting off an answer."""

import asyncio
import random

from csms_shared.runtime.clock import monotonic
from ws_gateway.domain.connection import SERVICE_RESTART
from ws_gateway.websocket.connection_handler import Session

LAST_ANSWERS_S = 3.0
_POLL_S = 0.02


async def close_spread(sessions: list[Session], seconds: float) -> None:
    """Close the sessions with code 1012, in random order, evenly over `seconds`.

    One with a call or a command under way is closed when that is answered, at the latest
    `LAST_ANSWERS_S` after the others. Commands behind that one go back unwritten.
    """
    order = random.sample(sessions, len(sessions))
    start = monotonic()
    busy: list[Session] = []
    for number, session in enumerate(order):
        turn = start + seconds * number / len(order)
        while (ahead := turn - monotonic()) > 0:
            await asyncio.sleep(min(ahead, _POLL_S) if busy else ahead)
            busy = _close_idle(busy)
        session.hand_back_commands()
        busy += _close_idle([session])
    until = monotonic() + LAST_ANSWERS_S
    while busy and monotonic() < until:
        await asyncio.sleep(_POLL_S)
        busy = _close_idle(busy)
    for session in busy:
        session.close(SERVICE_RESTART, "service restart")


def _close_idle(sessions: list[Session]) -> list[Session]:
    """Close those that nobody waits for; return the others."""
    busy = []
    for session in sessions:
        if session.is_busy:
            busy.append(session)
        else:
            session.close(SERVICE_RESTART, "service restart")
    return busy
