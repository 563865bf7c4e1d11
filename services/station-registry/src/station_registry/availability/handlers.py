"""States of connectors, in batches."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.broker.topology import CONNECTOR_ADDED_KEY, CONNECTOR_OUT_OF_SERVICE_KEY
from csms_shared.contracts.read_calls import Call
from station_registry.availability import store as connectors
from station_registry.availability.domain import (
    SetAvailability,
    StatusReport,
    change_of,
    connector_status,
    decide_statuses,
    newest_set,
)
from station_registry.database.station_locks import lock_stations
from station_registry.database.telling import tell
from station_registry.events import fact
from station_registry.history import store as history


async def note_statuses(connection: AsyncConnection, calls: Sequence[Call[StatusReport]]) -> None:
    """Store the newest status of each connector, and tell of every change."""
    statuses = [connector_status(call) for call in calls]
    known = await connectors.lock(connection, [key for key, _ in statuses])
    decision = decide_statuses(known, statuses)
    await connectors.save(connection, decision.newest)
    await history.save(connection, [change_of(*changed) for changed in decision.changes])
    await tell(
        connection,
        [
            fact(
                "connector.status_changed",
                station_id,
                (status.connection_id, status.seq),
                status.received_ms,
                epoch=status.epoch,
                seq=status.seq,
                evse_id=status.evse_id,
                connector_id=connector_id,
                status=status.status,
                error_code=status.error_code,
                info=status.info,
                vendor_id=status.vendor_id,
                vendor_error_code=status.vendor_error_code,
            )
            for (station_id, connector_id), status in decision.changes
        ]
        + [
            fact(
                CONNECTOR_OUT_OF_SERVICE_KEY,
                station_id,
                (status.connection_id, status.seq),
                status.received_ms,
                evse_id=status.evse_id,
                connector_id=connector_id,
                status=status.status,
            )
            for (station_id, connector_id), status in decision.out_of_service
        ]
        + [
            fact(
                CONNECTOR_ADDED_KEY,
                station_id,
                (status.connection_id, status.seq),
                status.received_ms,
                evse_id=status.evse_id,
                connector_id=connector_id,
            )
            for (station_id, connector_id), status in decision.added
        ],
        {call.station_id: call.tenant_id for call in calls},
    )


async def note_availabilities(connection: AsyncConnection, ends: Sequence[SetAvailability]) -> None:
    """Keep what stations were made by commands that they took."""
    known = await lock_stations(connection, (end.station_id for end in ends))
    await connectors.save_set(
        connection, newest_set(end for end in ends if end.station_id in known)
    )
