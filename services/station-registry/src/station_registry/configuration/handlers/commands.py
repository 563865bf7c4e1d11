"""What follows from GetConfiguration and ChangeConfiguration, whoever sent them."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.orders import CompletedCommand
from csms_shared.db.outbox import write_events
from csms_shared.values.times import read_moment
from station_registry.configuration.domain import Reading, is_taken, readings, stored_value
from station_registry.configuration.store.values import (
    end_orders,
    save_changed,
    save_read,
)
from station_registry.database.station_locks import lock_stations
from station_registry.database.tables import outbox
from station_registry.events import fact


async def note_read(connection: AsyncConnection, commands: Sequence[CompletedCommand]) -> None:
    """Store what stations answered to GetConfiguration."""
    answered = [each for each in commands if each.response is not None]
    known = await lock_stations(connection, (each.station_id for each in answered))
    await save_read(
        connection,
        [
            (command.station_id, reading, _sent_at(command))
            for command in answered
            if command.station_id in known
            for reading in readings(command.response or {})
        ],
    )


async def note_changes(connection: AsyncConnection, commands: Sequence[CompletedCommand]) -> None:
    """Store what stations answered to ChangeConfiguration, and the value where they took it."""
    ended = [each for each in commands if each.is_settled]
    known = await lock_stations(connection, (each.station_id for each in ended))
    answered = [
        (command, str((command.response or {}).get("status")))
        for command in ended
        if command.response is not None and command.station_id in known
    ]
    taken = []
    changed = []
    for command, status in answered:
        name, at = str(command.payload["key"]), _sent_at(command)
        value = stored_value(name, str(command.payload["value"]))
        changed.append((command.station_id, name, value, status, at))
        if is_taken(status):
            taken.append((command.station_id, Reading(name, value, None), at))
    # In the order in which a reader has them: what a change made known, then how it went.
    await save_read(connection, taken)
    await save_changed(connection, changed)
    await end_orders(connection, [each.command_id for each in ended])
    await write_events(
        connection,
        outbox,
        [
            fact(
                "configuration.changed",
                command.station_id,
                (str(command.command_id),),
                int(_sent_at(command).timestamp() * 1000),
                configuration_key=command.payload["key"],
                value=stored_value(command.payload["key"], command.payload["value"]),
                status=status,
                command_id=str(command.command_id),
            )
            for command, status in answered
            if is_taken(status)
        ],
    )


def _sent_at(command: CompletedCommand) -> datetime:
    return read_moment(command.sent_at or command.completed_at)
