"""Security events: those that stations report, and the suite's own."""

from collections.abc import Iterable, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.read_calls import Call
from station_registry.database.telling import tell
from station_registry.security_events import store as security_events
from station_registry.security_events.domain import ReportedEvent, SecurityEvent, event_of, reported


async def note_security_events(
    connection: AsyncConnection, calls: Sequence[Call[ReportedEvent]]
) -> None:
    """Store what stations report, and tell it once."""
    await record_security_events(connection, [reported(call) for call in calls])


async def record_security_events(
    connection: AsyncConnection, events: Iterable[SecurityEvent]
) -> list[SecurityEvent]:
    """Store events, tell those that are new and return them; the same again change nothing."""
    new = await security_events.save(connection, events)
    await tell(connection, [event_of(event) for event in new])
    return new
