"""Events that session-service follows: connectors, connections, and how commands ended."""

from collections.abc import Iterator, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.broker.topology import (
    CONNECTOR_ADDED_KEY,
    CONNECTOR_OUT_OF_SERVICE_KEY,
    STATION_CONNECTED_KEY,
)
from csms_shared.contracts.events import CloudEvent, event_type
from csms_shared.service.completed_commands import apply_completed
from csms_shared.service.inbox import Reply, Work
from csms_shared.values.times import read_moment
from session_service.completed_commands import COMPLETED_COMMANDS
from session_service.local_lists.handlers.synchronizing import stations_connected
from session_service.reservations.domain import Outage
from session_service.reservations.handlers.judging import connectors_out_of_service
from session_service.transactions.domain.starts import Place
from session_service.transactions.store.starts import add_connectors
from session_service.values.keys import TenantStation

_CONNECTED = event_type(STATION_CONNECTED_KEY)
_ADDED = event_type(CONNECTOR_ADDED_KEY)
_OUT_OF_SERVICE = event_type(CONNECTOR_OUT_OF_SERVICE_KEY)


async def add_connectors_of(connection: AsyncConnection, works: Sequence[Work]) -> None:
    """Keep the connectors that events tell of, and that nothing has started at yet."""
    added = dict(_added(event) for event in _events_of(works, _ADDED))
    if added:
        await add_connectors(connection, added)


async def follow_events(connection: AsyncConnection, works: Sequence[Work]) -> list[Reply]:
    """Do what follows from the ends of commands, from connections and from outages."""
    await apply_completed(connection, works, COMPLETED_COMMANDS)
    connections = [
        (_station(event), read_moment(event.time)) for event in _events_of(works, _CONNECTED)
    ]
    if connections:
        await stations_connected(connection, connections)
    outages = [(_station(event), _outage(event)) for event in _events_of(works, _OUT_OF_SERVICE)]
    if outages:
        await connectors_out_of_service(connection, outages)
    return []


def _events_of(works: Sequence[Work], type_: str) -> Iterator[CloudEvent]:
    """Return the events of a type in messages that carry events."""
    for work in works:
        for item in work.item:
            if item.get("type") == type_:
                yield CloudEvent.model_validate(item)


def _added(event: CloudEvent) -> tuple[Place, int]:
    """Return a new connector and its EVSE, which registries of the version before do not name."""
    connector_id = int(event.data["connector_id"])
    return (event.subject, connector_id), int(event.data.get("evse_id", connector_id))


def _station(event: CloudEvent) -> TenantStation:
    return event.tenantid, event.subject


def _outage(event: CloudEvent) -> Outage:
    at = read_moment(event.time)
    return Outage(int(event.data["connector_id"]), at, str(event.data["status"]).lower())
