"""Waits for conditions of a real system, where nothing could notify the test."""

import asyncio
from collections.abc import Callable


async def until(condition: Callable[[], object], within_s: float = 60.0) -> None:
    """Return once the condition is true."""
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(0.01)
