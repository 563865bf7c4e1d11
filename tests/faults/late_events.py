"""Events that are slow to come to a subscriber whom the trouble does not concern."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from tests.faults.event_tap import EventKey, keys_of
from tests.faults.faulty_suite import SCHEMAS, FaultySuite

# Events come within 5 s; what is beyond that here is for a busy machine.
WITHIN = timedelta(seconds=15)
_EVERY_S = 1.0
_DUE = "SELECT events FROM {}.outbox WHERE created_at >= $1 AND created_at < now() - $2::interval"


@asynccontextmanager
async def events_in_time(suite: FaultySuite) -> AsyncIterator[None]:
    """Look all the while for events that were committed `WITHIN` ago and have not come.

    Raises:
        AssertionError: within an exception group; there were some.
    """
    async with asyncio.TaskGroup() as group:
        watching = group.create_task(_watch(suite), name="events in time")
        yield
        watching.cancel()


async def _watch(suite: FaultySuite) -> None:
    async with suite.database() as database:
        since = await database.fetchval("SELECT now()")
        while True:
            due: set[EventKey] = set()
            for schema in SCHEMAS:
                for row in await database.fetch(_DUE.format(schema), since, WITHIN):
                    due |= keys_of(row["events"])
            late = due - suite.tap.events.keys()
            assert not late, f"late: {sorted(late)[:10]}"
            await asyncio.sleep(_EVERY_S)
