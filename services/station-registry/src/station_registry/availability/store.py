"""Connectors as last reported, and as commands have set them."""

# ruff: noqa: S608 - statements are put together from literals; every value is a parameter

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.db.row_arrays import arrays, columns_of, names, unnest
from station_registry.availability.domain import ConnectorKey, ConnectorStatus, SetAvailability
from station_registry.availability.tables import connector, connector_availability
from station_registry.database.sql import at, statement

_ROW = columns_of(
    connector,
    "station_id",
    "connector_id",
    "status",
    "error_code",
    "info",
    "vendor_id",
    "vendor_error_code",
    "station_time",
    "epoch",
    "seq",
    "connection_id",
    "received_at",
    "evse_id",
)
_LOCK = statement(
    f"SELECT c.{', c.'.join(name for name, _ in _ROW)} FROM connector c "
    f"JOIN {unnest(_ROW[:2])} USING (station_id, connector_id) "
    "ORDER BY c.station_id, c.connector_id FOR UPDATE OF c"
)
# Older than any report: the transaction that adds it stores what was reported.
_BEFORE_ALL = -1
_ADD = statement(
    f"INSERT INTO connector ({names(_ROW[:2])}, status, error_code, epoch, seq, connection_id, "
    f"received_at) SELECT d.*, '', '', {_BEFORE_ALL}, 0, '', now() FROM {unnest(_ROW[:2])} "
    'ORDER BY station_id COLLATE "C", connector_id ON CONFLICT DO NOTHING'
)
# The condition counts beside programs of the release before, which add no connector first.
_SAVE = statement(
    f"INSERT INTO connector AS c ({names(_ROW)}) SELECT * FROM {unnest(_ROW)} "
    'ORDER BY station_id COLLATE "C", connector_id '
    "ON CONFLICT (station_id, connector_id) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name, _ in _ROW[2:])
    + " WHERE (excluded.epoch, excluded.seq) > (c.epoch, c.seq)"
)
_SET = columns_of(
    connector_availability,
    "station_id",
    "connector_id",
    "availability",
    "scheduled",
    "sent_at",
    "command_id",
)
_SAVE_SET = statement(
    f"INSERT INTO connector_availability AS a ({names(_SET)}) SELECT * FROM {unnest(_SET)} "
    'ORDER BY station_id COLLATE "C", connector_id '
    "ON CONFLICT (station_id, connector_id) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name, _ in _SET[2:])
    + " WHERE (excluded.sent_at, excluded.command_id) > (a.sent_at, a.command_id)"
)
_SET_OF = statement(
    f"SELECT {names(_SET)} FROM connector_availability WHERE station_id = ANY(:ids)"
)


async def lock(
    connection: AsyncConnection, keys: Iterable[ConnectorKey]
) -> dict[ConnectorKey, ConnectorStatus]:
    """Lock connectors and return what those showed that were reported before.

    The others are added, so that whoever else meets them sees what is made of them here.
    """
    wanted = set(keys)
    found = await _lock(connection, wanted)
    if new := wanted - found.keys():
        await connection.execute(_ADD, arrays(_ROW[:2], sorted(new)))
        found |= await _lock(connection, new)
    return {key: status for key, status in found.items() if status.epoch != _BEFORE_ALL}


async def _lock(
    connection: AsyncConnection, keys: Iterable[ConnectorKey]
) -> dict[ConnectorKey, ConnectorStatus]:
    rows = await connection.execute(_LOCK, arrays(_ROW[:2], sorted(keys)))
    return {(row.station_id, row.connector_id): _status(row) for row in rows}


async def save(connection: AsyncConnection, newest: Mapping[ConnectorKey, ConnectorStatus]) -> None:
    """Store what connectors show now."""
    rows = [
        (
            *key,
            status.status,
            status.error_code,
            status.info,
            status.vendor_id,
            status.vendor_error_code,
            status.station_time,
            status.epoch,
            status.seq,
            status.connection_id,
            at(status.received_ms),
            status.evse_id,
        )
        for key, status in sorted(newest.items(), key=lambda entry: entry[0])
    ]
    if rows:
        await connection.execute(_SAVE, arrays(_ROW, rows))


async def save_set(
    connection: AsyncConnection, newest: Mapping[ConnectorKey, SetAvailability]
) -> None:
    """Store availabilities that were set, each where no later command has set it already."""
    rows = [
        (*key, each.availability, each.scheduled, each.sent_at, each.command_id)
        for key, each in newest.items()
    ]
    if rows:
        await connection.execute(_SAVE_SET, arrays(_SET, rows))


async def set_of(
    connection: AsyncConnection, ids: Collection[str]
) -> dict[ConnectorKey, SetAvailability]:
    """Return what was set of the stations' connectors; of connector 0, for the whole station."""
    rows = await connection.execute(_SET_OF, {"ids": list(ids)})
    return {(row.station_id, row.connector_id): SetAvailability(*row) for row in rows}


def evse_id_of(row: Any) -> int:
    """Return the EVSE of a row."""
    # Releases before knew OCPP 1.6 only, where each connector is one.
    return int(row.connector_id if row.evse_id is None else row.evse_id)


def _status(row: Any) -> ConnectorStatus:
    return ConnectorStatus(
        evse_id_of(row),
        row.status,
        row.error_code,
        row.info,
        row.vendor_id,
        row.vendor_error_code,
        row.station_time,
        row.epoch,
        row.seq,
        row.connection_id,
        round(row.received_at.timestamp() * 1000),
    )
