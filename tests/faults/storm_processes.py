"""The processes that play a storm's stations, as the test sees them."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson

from tests.faults.storm_plan import StormPlan

_ROOT = Path(__file__).resolve().parents[2]
_LONGEST_LINE = 64 * 1024 * 1024
_END_S = 20.0


class StormProcess:
    """One process of stations."""

    def __init__(self, plan: StormPlan, process: asyncio.subprocess.Process) -> None:
        self.plan = plan
        self._process = process

    @property
    def pid(self) -> int:
        """Return the process's id."""
        return self._process.pid

    async def until(self, event: str, within_s: float) -> dict[str, Any]:
        """Return the line that tells of `event`, which must be the next one."""
        assert self._process.stdout is not None
        async with asyncio.timeout(within_s):
            line = await self._process.stdout.readline()
        told: dict[str, Any] = orjson.loads(line or b'{"event": "ended"}')
        assert told["event"] == event, told["event"]
        return told

    async def go_on(self) -> None:
        """Let it do what comes next: tell its result, then end."""
        assert self._process.stdin is not None
        self._process.stdin.write(b"\n")
        await self._process.stdin.drain()

    async def end(self) -> None:
        """End the process, by force where it does not by itself."""
        if self._process.returncode is None:
            assert self._process.stdin is not None
            self._process.stdin.close()
        try:
            async with asyncio.timeout(_END_S):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()


@contextlib.asynccontextmanager
async def storm_processes(*plans: StormPlan) -> AsyncIterator[list[StormProcess]]:
    """Start a process for each plan, and end them all."""
    async with contextlib.AsyncExitStack() as stack:
        started = []
        for plan in plans:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.faults.storm_stations"),
                cwd=_ROOT,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                limit=_LONGEST_LINE,
            )
            storm = StormProcess(plan, process)
            stack.push_async_callback(storm.end)
            assert process.stdin is not None
            process.stdin.write(plan.encode())
            await process.stdin.drain()
            started.append(storm)
        yield started
