"""What follows from values that stations were asked for or given, whoever did that."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from station_registry.configuration.domain import ChangeEnd, ReadEnd, Reading, is_taken
from station_registry.configuration.store.values import end_orders, save_changed, save_read
from station_registry.database.station_locks import lock_stations
from station_registry.database.telling import tell
from station_registry.events import fact


async def note_read(connection: AsyncConnection, ends: Sequence[ReadEnd]) -> None:
    """Store the values that stations told."""
    answered = [(end, end.readings) for end in ends if end.readings is not None]
    known = await lock_stations(connection, (end.station_id for end, _ in answered))
    await save_read(
        connection,
        [
            (end.station_id, reading, end.asked_at)
            for end, readings in answered
            if end.station_id in known
            for reading in readings
        ],
    )


async def note_changes(connection: AsyncConnection, ends: Sequence[ChangeEnd]) -> None:
    """Store what stations answered to changes, and the value where they took it."""
    ended = [each for each in ends if each.is_settled]
    known = await lock_stations(connection, (each.station_id for each in ended))
    answered = [
        (end, end.status) for end in ended if end.status is not None and end.station_id in known
    ]
    taken = [end for end, status in answered if is_taken(status)]
    # In the order in which a reader has them: what a change made known, then how it went.
    await save_read(
        connection,
        [(end.station_id, Reading(end.key, end.value, None), end.asked_at) for end in taken],
    )
    await save_changed(
        connection,
        [(end.station_id, end.key, end.value, status, end.asked_at) for end, status in answered],
    )
    await end_orders(connection, [end.command_id for end in ended])
    await tell(
        connection,
        [
            fact(
                "configuration.changed",
                end.station_id,
                (str(end.command_id),),
                int(end.asked_at.timestamp() * 1000),
                configuration_key=end.key,
                value=end.value,
                status=end.status,
                command_id=str(end.command_id),
            )
            for end in taken
        ],
    )
