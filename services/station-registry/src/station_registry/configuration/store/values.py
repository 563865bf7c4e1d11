"""Statements on stations' configuration values."""

# ruff: noqa: S608 - statements are put together from literals; every value is a parameter

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.db.row_arrays import arrays, columns_of, names, unnest
from station_registry.configuration.domain import KnownKey, Reading, key_of
from station_registry.configuration.tables import configuration_value
from station_registry.database.sql import statement

_READ_COLUMNS = columns_of(
    configuration_value, "station_id", "key", "name", "value", "readonly", "known", "known_at"
)
# Later wins by the time at which the station was asked, in whatever order the answers arrive.
_SAVE_READ = statement(
    f"INSERT INTO configuration_value ({names(_READ_COLUMNS)}) "
    f"SELECT DISTINCT ON (station_id, key) {names(_READ_COLUMNS)} "
    f"FROM {unnest(_READ_COLUMNS)} ORDER BY station_id, key, known_at DESC "
    "ON CONFLICT (station_id, key) DO UPDATE SET name = excluded.name, value = excluded.value, "
    "readonly = coalesce(excluded.readonly, configuration_value.readonly), "
    "known = excluded.known, known_at = excluded.known_at "
    "WHERE configuration_value.known_at IS NULL "
    "OR configuration_value.known_at < excluded.known_at"
)
_CHANGE_COLUMNS = columns_of(
    configuration_value, "station_id", "key", "name", "changed_to", "change_status", "changed_at"
)
_SAVE_CHANGED = statement(
    f"INSERT INTO configuration_value ({names(_CHANGE_COLUMNS)}, known) "
    f"SELECT DISTINCT ON (station_id, key) {names(_CHANGE_COLUMNS)}, "
    "change_status <> 'NotSupported' "
    f"FROM {unnest(_CHANGE_COLUMNS)} ORDER BY station_id, key, changed_at DESC "
    "ON CONFLICT (station_id, key) DO UPDATE SET changed_to = excluded.changed_to, "
    "change_status = excluded.change_status, changed_at = excluded.changed_at "
    "WHERE configuration_value.changed_at IS NULL "
    "OR configuration_value.changed_at < excluded.changed_at"
)
_END_ORDERS = statement(
    "UPDATE configuration_value SET ordered_to = NULL, ordered_until = NULL, order_id = NULL "
    "WHERE order_id = ANY(:order_ids)"
)
_ORDER_COLUMNS = columns_of(
    configuration_value, "station_id", "key", "ordered_to", "ordered_until", "order_id"
)
_SAVE_ORDERED = statement(
    "UPDATE configuration_value SET ordered_to = d.ordered_to, ordered_until = d.ordered_until, "
    f"order_id = d.order_id FROM {unnest(_ORDER_COLUMNS)} "
    "WHERE configuration_value.station_id = d.station_id AND configuration_value.key = d.key"
)
_OF_STATIONS = statement(
    "SELECT v.*, s.last_boot_at FROM configuration_value v JOIN station s USING (station_id) "
    "WHERE v.station_id = ANY(:ids) AND s.deleted_at IS NULL ORDER BY v.station_id, v.key"
)


async def save_read(
    connection: AsyncConnection, read: Iterable[tuple[str, Reading, datetime]]
) -> None:
    """Store values that stations reported, each with the time it was asked for."""
    rows = [
        (station_id, key_of(each.key), each.key, each.value, each.readonly, each.known, at)
        for station_id, each, at in read
    ]
    if rows:
        await connection.execute(_SAVE_READ, arrays(_READ_COLUMNS, rows))


async def save_changed(
    connection: AsyncConnection,
    changed: Iterable[tuple[str, str, str | None, str, datetime]],
) -> None:
    """Store what stations answered to changes: station, key, value, status, time."""
    rows = [
        (station_id, key_of(name), name, value, status, at)
        for station_id, name, value, status, at in changed
    ]
    if rows:
        await connection.execute(_SAVE_CHANGED, arrays(_CHANGE_COLUMNS, rows))


async def save_ordered(
    connection: AsyncConnection, ordered: Iterable[tuple[str, str, str, datetime, Any]]
) -> None:
    """Store which changes are on their way: station, key, value, deadline, order."""
    rows = [
        (station_id, key_of(name), value, until, order_id)
        for station_id, name, value, until, order_id in ordered
    ]
    if rows:
        await connection.execute(_SAVE_ORDERED, arrays(_ORDER_COLUMNS, rows))


async def end_orders(connection: AsyncConnection, order_ids: Collection[Any]) -> None:
    """Note that these changes are on their way no more."""
    await connection.execute(_END_ORDERS, {"order_ids": list(order_ids)})


async def read_configuration(
    connection: AsyncConnection, ids: Collection[str]
) -> dict[str, dict[str, KnownKey]]:
    """Return what is known of each station, by `key_of`."""
    found: dict[str, dict[str, KnownKey]] = {station_id: {} for station_id in ids}
    for row in await connection.execute(_OF_STATIONS, {"ids": list(ids)}):
        found[row.station_id][row.key] = _known(row)
    return found


def _known(row: Row[Any]) -> KnownKey:
    return KnownKey(
        key=row.name,
        value=row.value,
        readonly=row.readonly,
        known=row.known,
        known_at=row.known_at,
        changed_to=row.changed_to,
        change_status=row.change_status,
        changed_at=row.changed_at,
        ordered_to=row.ordered_to,
        ordered_until=row.ordered_until,
        last_boot_at=row.last_boot_at,
    )
