"""A process of a running suite that reaches its broker or database by a path of the test's."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.faults.faulty_suite import FaultySuite
from tests.faults.proxy import LOOPBACK, Proxy


@asynccontextmanager
async def broker_path(suite: FaultySuite, process: str) -> AsyncIterator[Proxy]:
    """Restart a process so that it reaches the broker by a path; put it right afterwards."""
    async with Proxy((LOOPBACK, suite.broker_port)) as path:
        suite.programs.route(process, broker_port=path.port)
        await suite.restart(process)
        try:
            yield path
        finally:
            suite.programs.take_back(process)
            await suite.restart(process)
