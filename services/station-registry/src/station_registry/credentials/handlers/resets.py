"""What follows from a Reset that a station accepted (OCPP 1.6, 5.14)."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.orders import CompletedCommand
from csms_shared.values.texts import is_storable
from csms_shared.values.times import read_moment
from station_registry.credentials.store.resets import save_resets
from station_registry.database.station_locks import lock_stations


async def note_resets(connection: AsyncConnection, commands: Sequence[CompletedCommand]) -> None:
    """Keep when stations were reset: a password that takes a reboot is decided by the next use.

    Nothing else says that a station has really rebooted: many send BootNotification whenever they
    connect. The same in any order and any number of times.
    """
    resets: dict[str, datetime] = {}
    for command in commands:
        if command.accepted and is_storable(command.station_id):
            completed = read_moment(command.completed_at)
            resets[command.station_id] = max(resets.get(command.station_id, completed), completed)
    if resets:
        await lock_stations(connection, resets)
        await save_resets(connection, resets)
