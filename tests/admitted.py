"""Stations that are let in, however busy the machine is.

A suite that has no time to answer sends who connects away, to come back (503), as it should: what
a test is about begins once its station is in. Every other refusal is the caller's.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import websockets
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

ADMITTED_WITHIN_S = 90.0
PAUSE_S = 0.5
AWAY = 503


@asynccontextmanager
async def admitted(
    url: str, subprotocols: tuple[str, ...] = ("ocpp1.6",), **options: Any
) -> AsyncIterator[websockets.ClientConnection]:
    """Connect over `websockets` until the block is left; `options` are those of its `connect`.

    Raises:
        InvalidStatus: refused, for good or for 90 s.
    """
    names = [Subprotocol(name) for name in subprotocols] or None
    deadline = asyncio.get_running_loop().time() + ADMITTED_WITHIN_S
    while True:
        try:
            socket = await websockets.connect(url, subprotocols=names, **options)
            break
        except InvalidStatus as refused:
            late = asyncio.get_running_loop().time() > deadline
            if late or refused.response.status_code != AWAY:
                raise
        await asyncio.sleep(PAUSE_S)
    async with socket:
        yield socket
