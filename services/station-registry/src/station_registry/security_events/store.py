"""Security events: stored once each, listed newest first."""

# ruff: noqa: S608 - statements are put together from literals; every value is a parameter

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.pages import Page
from csms_shared.contracts.security_events import ListSecurityEvents, SecurityEventView
from csms_shared.db.cursors import as_uuid
from csms_shared.db.purging import delete_slice
from csms_shared.db.row_arrays import arrays, columns_of, names, unnest
from csms_shared.values.times import format_time
from station_registry.database.pages import NewestFirst
from station_registry.database.sql import at, statement
from station_registry.database.tenants import TENANT_OF_STATION
from station_registry.security_events.domain import SecurityEvent
from station_registry.security_events.tables import security_event

KEPT_DAYS = 400

_ROW = columns_of(
    security_event,
    "event_id",
    "station_id",
    "source",
    "type",
    "critical",
    "detail",
    "station_time",
    "occurred_at",
    "received_at",
    "epoch",
    "seq",
    # Last: what the suite itself noticed has none.
    "tenant_id",
)
_SAVE = statement(
    f"INSERT INTO security_event ({names(_ROW)}) "
    f"SELECT {names(_ROW[:-1])}, coalesce(tenant_id, {TENANT_OF_STATION}) FROM {unnest(_ROW)} "
    "ORDER BY event_id ON CONFLICT DO NOTHING RETURNING event_id"
)
_EVENTS = NewestFirst(
    "security_event",
    time="received_at",
    id="event_id",
    id_kind=as_uuid,
    id_type="uuid",
    filters={
        "station_id": "station_id = :station_id",
        "type": "type = :type",
        "critical": "critical = :critical",
        "source": "source = :source",
        "from_time": "received_at >= :from_time",
        "to_time": "received_at < :to_time",
    },
)
_TOO_OLD = (
    f"security_event WHERE received_at < now() - interval '{KEPT_DAYS} days' "
    "ORDER BY received_at LIMIT :slice"
)


async def save(connection: AsyncConnection, events: Iterable[SecurityEvent]) -> list[SecurityEvent]:
    """Store events and return those that were not there yet."""
    by_id = {event.event_id: event for event in events}
    if not by_id:
        return []
    rows = [
        (
            UUID(event.event_id),
            event.station_id,
            event.source,
            event.type,
            event.critical,
            event.detail,
            event.station_time,
            event.occurred_at,
            at(event.received_ms),
            event.epoch,
            event.seq,
            event.tenant_id,
        )
        for event in by_id.values()
    ]
    stored = {str(row.event_id) for row in await connection.execute(_SAVE, arrays(_ROW, rows))}
    return [event for event_id, event in by_id.items() if event_id in stored]


async def list_events(
    connection: AsyncConnection, query: ListSecurityEvents
) -> Page[SecurityEventView]:
    """Return events by the time of receipt, newest first."""
    return await _EVENTS.page(connection, query, _view)


def _view(row: Any) -> SecurityEventView:
    return SecurityEventView(
        security_event_id=str(row.event_id),
        station_id=row.station_id,
        source=row.source,
        type=row.type,
        critical=row.critical,
        detail=row.detail,
        station_time=row.station_time,
        occurred_at=None if row.occurred_at is None else format_time(row.occurred_at),
        received_at=format_time(row.received_at),
    )


async def purge(connection: AsyncConnection) -> bool:
    """Delete events after `KEPT_DAYS`; true where there may be more."""
    return await delete_slice(connection, "security_event", _TOO_OLD)
