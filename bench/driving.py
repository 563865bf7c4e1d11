"""The driver in a process of its own, from its plan to its result."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import orjson

from bench.driver.plan import Plan

DRIVER_DEADLINE = 600.0
LONGEST_LINE = 2**28

Result = dict[str, Any]


async def drive(plan: Plan, look: Callable[[str, int], Awaitable[None]]) -> Result:
    """Run the driver in its own process; `look` is called at each event that it tells."""
    driver = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.driver"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parent.parent,
        limit=LONGEST_LINE,
    )
    assert driver.stdin is not None
    assert driver.stdout is not None
    try:
        async with asyncio.timeout(DRIVER_DEADLINE):
            driver.stdin.write(plan.encode())
            while line := await driver.stdout.readline():
                if not line.endswith(b"\n"):
                    raise RuntimeError(f"the driver ended with {await driver.wait()} amid a line")
                if line.startswith(b"{"):
                    result: Result = orjson.loads(line)
                    return result
                await look(line.decode().strip(), driver.pid)
                driver.stdin.write(b"go on\n")
        raise RuntimeError(f"the driver ended without a result ({plan.load})")
    finally:
        if driver.returncode is None:
            driver.stdin.close()
            try:
                async with asyncio.timeout(10):
                    await driver.wait()
            except TimeoutError:
                driver.kill()
                await driver.wait()
