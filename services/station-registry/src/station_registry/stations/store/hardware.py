"""Statements on the hardware of connectors.

Each connector is an EVSE of its own here, with its number, as OCPP 1.6 has it.
"""

# ruff: noqa: S608 - statements are put together from literals; every value is a parameter

from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.hardware import (
    ConnectorHardwareView,
    ConnectorName,
    SetConnectorHardware,
)
from csms_shared.db.tenancy import of_tenant
from station_registry.database.sql import statement

_GET = statement(
    "SELECT h.plug_type, h.max_power_w FROM station s LEFT JOIN connector_hardware h ON "
    "h.station_id = s.station_id AND h.evse_id = :connector_id AND h.connector_id = :connector_id "
    f"WHERE {of_tenant('s')} AND s.station_id = :station_id AND s.deleted_at IS NULL"
)
# The station is held: whoever deletes it meanwhile would not see the row that is made here.
_SAVE = statement(
    "INSERT INTO connector_hardware AS h "
    "(tenant_id, station_id, evse_id, connector_id, plug_type, max_power_w) "
    "SELECT s.tenant_id, s.station_id, CAST(:connector_id AS bigint), "
    "CAST(:connector_id AS bigint), CAST(:plug_type AS text), CAST(:max_power_w AS integer) "
    f"FROM station s WHERE {of_tenant('s')} AND s.station_id = :station_id "
    "AND s.deleted_at IS NULL FOR SHARE "
    "ON CONFLICT (station_id, evse_id, connector_id) DO UPDATE SET "
    "plug_type = excluded.plug_type, max_power_w = excluded.max_power_w, updated_at = now() "
    "RETURNING plug_type, max_power_w"
)


async def get_hardware(
    connection: AsyncConnection, name: ConnectorName
) -> ConnectorHardwareView | None:
    """Return what is known of a connector; None where there is no such station."""
    found = await connection.execute(_GET, name.model_dump())
    return _view(name, found.first())


async def save_hardware(
    connection: AsyncConnection, wanted: SetConnectorHardware
) -> ConnectorHardwareView | None:
    """Store what is known of a connector; None where there is no such station."""
    saved = await connection.execute(_SAVE, wanted.model_dump(mode="json"))
    return _view(wanted, saved.first())


def _view(name: ConnectorName, row: Row[Any] | None) -> ConnectorHardwareView | None:
    if row is None:
        return None
    return ConnectorHardwareView(
        station_id=name.station_id,
        evse_id=name.connector_id,
        connector_id=name.connector_id,
        plug_type=row.plug_type,
        max_power_w=row.max_power_w,
    )
