"""Waiting for a condition of the running system, under a deadline."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

Value = TypeVar("Value")


async def eventually(
    read: Callable[[], Awaitable[Value]],
    holds: Callable[[Value], bool],
    within_s: float = 60.0,
) -> Value:
    """Read until `holds` is true of what was read; the last reading is in the failure."""
    deadline = asyncio.get_running_loop().time() + within_s
    while True:
        value = await read()
        if holds(value):
            return value
        if asyncio.get_running_loop().time() > deadline:
            raise AssertionError(f"not within {within_s} s; last seen: {value!r}")
        await asyncio.sleep(0.05)
