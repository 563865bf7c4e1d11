"""What the event store has, looked up past the suite."""

import orjson

from tests.faults.event_stream import Told
from tests.faults.faulty_suite import FaultySuite

_SEGMENTS = (
    "SELECT first_position, events FROM integration.event_segment "
    "WHERE position > $1 ORDER BY first_position"
)


async def head_of(suite: FaultySuite) -> int:
    """Return the position of the newest event."""
    async with suite.database() as database:
        return int(await database.fetchval("SELECT position FROM integration.event_head"))


async def stored_after(suite: FaultySuite, after: int) -> list[Told]:
    """Return every event behind a position, of all tenants, in the order of positions."""
    async with suite.database() as database:
        rows = await database.fetch(_SEGMENTS, after)
    # A line of each event, which ends with its JSON.
    told = [
        (position, orjson.loads(line.rpartition(b"\t")[2]))
        for row in rows
        for position, line in enumerate(row["events"].split(b"\n"), row["first_position"])
    ]
    return [one for one in told if one[0] > after]
