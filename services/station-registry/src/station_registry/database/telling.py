"""Writing events and orders, each with the tenant that it belongs to (ADR 0037)."""

# ruff: noqa: S608 - put together from literals; every value is a parameter

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType

from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.orders import CommandOrder
from csms_shared.db.orders import write_orders
from csms_shared.db.outbox import write_events
from csms_shared.values.tenants import DEFAULT_TENANT
from station_registry.database.service_tables import outbox
from station_registry.database.sql import statement
from station_registry.events import OF_STATION, Event

# By an index of those stations alone: where there is one tenant, it is empty.
_TENANTS = statement(
    "SELECT station_id, tenant_id FROM station "
    f"WHERE station_id = ANY(:ids) AND tenant_id <> '{DEFAULT_TENANT}'"
)


async def tell(
    connection: AsyncConnection,
    events: Sequence[Event],
    known: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Store events in the transaction of the facts that they tell.

    `known` has the tenants of stations, where calls name them.
    """
    unnamed = [event for _, event in events if event.tenantid == OF_STATION]
    found = await _tenants(connection, {event.subject for event in unnamed} - known.keys())
    for event in unnamed:
        event.tenantid = known.get(event.subject) or found.get(event.subject, DEFAULT_TENANT)
    await write_events(connection, outbox, events)


async def place_orders(connection: AsyncConnection, orders: Sequence[CommandOrder]) -> None:
    """Store orders of commands, each as one of the tenant that has the station."""
    found = await _tenants(connection, {one.station_id for one in orders})
    for one in orders:
        one.tenant_id = found.get(one.station_id, DEFAULT_TENANT)
    await write_orders(connection, outbox, orders)


async def _tenants(connection: AsyncConnection, stations: Collection[str]) -> dict[str, str]:
    """Return whose these stations are, but for the default tenant's."""
    if not stations:
        return {}
    rows = await connection.execute(_TENANTS, {"ids": sorted(stations)})
    return {row.station_id: row.tenant_id for row in rows}
