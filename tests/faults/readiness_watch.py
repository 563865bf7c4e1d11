"""What processes lacked at any moment of a time."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.faults.faulty_suite import FaultySuite

_EVERY_S = 0.5


@asynccontextmanager
async def always_ready(suite: FaultySuite) -> AsyncIterator[None]:
    """Look all the while whether every process is ready.

    Raises:
        AssertionError: at some moment one was not.
    """
    lacked: defaultdict[str, set[str]] = defaultdict(set)
    watching = asyncio.create_task(_watch(suite, lacked), name="readiness of all")
    try:
        yield
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
    assert not lacked, dict(lacked)


async def _watch(suite: FaultySuite, lacked: defaultdict[str, set[str]]) -> None:
    while True:
        for process, lacking in (await suite.missing()).items():
            lacked[process].add(lacking)
        await asyncio.sleep(_EVERY_S)
