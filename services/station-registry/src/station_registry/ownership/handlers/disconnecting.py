"""Ends of connections that the registry itself decides on."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.db.upkeep import UpkeepTask
from csms_shared.runtime.clock import now_ms
from csms_shared.service.inbox import Reply
from station_registry.database.telling import tell
from station_registry.events import told_to
from station_registry.history import store as history
from station_registry.ownership.domain.owners import Owner
from station_registry.ownership.domain.presence import went_offline
from station_registry.ownership.handlers import controls
from station_registry.ownership.handlers.connections import gone
from station_registry.ownership.store import claimed_stations, connections
from station_registry.tenants import store as tenants

log = structlog.get_logger(__name__)

DISCONNECT_EVERY_S = 2.0
DISCONNECTED_AT_ONCE = 500

# Sends what gateways are told, as well as it can.
Tell = Callable[[Sequence[Reply]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Held:
    """A station that is locked, whose it is and who holds its socket."""

    station_id: str
    tenant_id: str
    owner: Owner


async def disconnect(
    connection: AsyncConnection, held: Sequence[Held], reason: str, said: str
) -> list[Reply]:
    """Let go of these connections for good, and return what tells their gateways to close them.

    `reason`: in events and history; `said`: to the station. None of them can be re-asserted.
    """
    if not held:
        return []
    now = now_ms()
    await claimed_stations.save_released(
        connection, {each.station_id: each.owner.epoch for each in held}
    )
    await connections.delete(connection, [each.station_id for each in held])
    changes = {each: went_offline(each.station_id, each.owner, reason, now) for each in held}
    await history.save(connection, list(changes.values()))
    events = [
        told_to(each.tenant_id, event)
        for each, change in changes.items()
        for event in gone(change, each.owner.connection_id)
    ]
    await tell(connection, events)
    return [controls.close(each.station_id, each.owner, said) for each in held]


def watch_suspended(tell: Tell) -> UpkeepTask:
    """Return the task that ends the connections of tenants that were suspended, page by page.

    Each page is told before its commit: whether or not that comes, no station of a suspended tenant
    is to be connected, and one whose gateway missed it is not re-asserted.
    """

    async def work(connection: AsyncConnection) -> bool:
        due = await tenants.to_disconnect(connection)
        if not due:
            return False
        page = await connections.of_tenants(connection, due, DISCONNECTED_AT_ONCE)
        if not page:
            await tenants.all_disconnected(connection, due)
            return False
        held = await _still_suspended(connection, page)
        await tell(
            await disconnect(connection, held, "tenant_suspended", "the operator is suspended")
        )
        log.info("tenant_stations_disconnected", tenants=due, stations=len(held))
        return len(page) == DISCONNECTED_AT_ONCE

    return UpkeepTask("disconnect_suspended", DISCONNECT_EVERY_S, work)


async def _still_suspended(connection: AsyncConnection, page: Sequence[str]) -> list[Held]:
    """Lock the page's stations, and return those to disconnect."""
    locked = await claimed_stations.lock_for_ownership(connection, page)
    suspended: Mapping[str, str] = await claimed_stations.of_suspended(connection, locked)
    return [
        Held(station_id, suspended[station_id], ownership.owner)
        for station_id, ownership in locked.items()
        if ownership.owner is not None and station_id in suspended
    ]
