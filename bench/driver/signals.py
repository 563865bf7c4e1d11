"""What the driver tells the bench while a load runs, and waits for."""

import asyncio
import sys


async def ask_bench(event: str) -> None:
    """Tell of an event and go on when the bench has looked at the processes."""
    sys.stdout.write(event + "\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.readline)
