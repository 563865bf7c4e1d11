"""What operators ask of configuration: the last known one, a fresh one."""

from datetime import datetime
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.configuration import (
    ConfigurationItem,
    ConfigurationOf,
    ConfigurationValues,
    ConfigurationView,
    OrderedCommands,
    RefreshConfiguration,
)
from csms_shared.contracts.orders import CommandOrder
from csms_shared.contracts.refusals import refuse
from csms_shared.ocpp.intents import ReadConfiguration
from csms_shared.runtime.clock import now_ms
from csms_shared.values.times import format_time
from station_registry.configuration.domain import MAX_KEYS, KnownKey, key_of, max_keys, pieces
from station_registry.configuration.store.values import read_configuration
from station_registry.database.telling import place_orders
from station_registry.ocpp.orders.commands import command_order
from station_registry.provisioning import store as stations

# A station that stays away for longer is asked again by whoever still wants to know.
READ_WITHIN_MS = 15 * 60_000


class _NamesStation(Protocol):
    """What requests on one station's configuration have in common."""

    tenant_id: str
    station_id: str


async def get_configuration(
    connection: AsyncConnection, query: ConfigurationOf
) -> ConfigurationView:
    """Return what is known of a station's configuration."""
    known = await _known(connection, query)
    return ConfigurationView(
        station_id=query.station_id, items=[_item(known[key]) for key in sorted(known)]
    )


async def configuration_values(
    connection: AsyncConnection, query: ConfigurationValues
) -> dict[str, str]:
    """Return known values under the keys as they were asked for."""
    known = await _known(connection, query)
    found = {name: known.get(key_of(name)) for name in query.keys}
    return {
        name: row.value for name, row in found.items() if row is not None and row.value is not None
    }


async def refresh_configuration(
    connection: AsyncConnection, request: RefreshConfiguration
) -> OrderedCommands:
    """Order the commands that read a station's configuration again."""
    known = await _known(connection, request)
    most = known.get(key_of(MAX_KEYS))
    orders = [
        read_order(request.station_id, keys, request.created_by)
        for keys in pieces(request.keys, None if most is None else max_keys(most.value))
    ]
    await place_orders(connection, orders)
    return OrderedCommands(command_ids=[str(order.order_id) for order in orders])


def read_order(station_id: str, keys: list[str], created_by: str) -> CommandOrder:
    """Return the order to tell values; no keys ask for all."""
    wanted = ReadConfiguration(keys=tuple(keys))
    return command_order(station_id, wanted, now_ms(), READ_WITHIN_MS, created_by)


async def _known(connection: AsyncConnection, named: _NamesStation) -> dict[str, KnownKey]:
    station_id = named.station_id
    if not await stations.known_of(connection, named.tenant_id, [station_id]):
        raise refuse(404, "not_found", f"there is no station {station_id}")
    return (await read_configuration(connection, [station_id]))[station_id]


def _item(known: KnownKey) -> ConfigurationItem:
    return ConfigurationItem(
        key=known.key,
        value=known.value,
        readonly=known.readonly,
        known=known.known,
        known_at=_time(known.known_at),
        last_change=known.change_status,
        last_change_at=_time(known.changed_at),
        reboot_required=known.reboot_required,
    )


def _time(at: datetime | None) -> str | None:
    return None if at is None else format_time(at)
