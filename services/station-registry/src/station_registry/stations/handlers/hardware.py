"""What operators say of connectors: the plug, and the power."""

from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.hardware import (
    ConnectorHardwareView,
    ConnectorName,
    SetConnectorHardware,
)
from csms_shared.contracts.refusals import ProblemRaised, refuse
from csms_shared.values.texts import is_storable
from station_registry.stations.store.hardware import get_hardware, save_hardware


async def get(connection: AsyncConnection, name: ConnectorName) -> ConnectorHardwareView:
    """Return what is known of a connector, which may be nothing."""
    found = await get_hardware(connection, name) if is_storable(name.station_id) else None
    if found is None:
        raise _not_found(name.station_id)
    return found


async def set_hardware(
    connection: AsyncConnection, wanted: SetConnectorHardware
) -> ConnectorHardwareView:
    """Store all that is known of a connector, which its station may not have reported yet."""
    saved = await save_hardware(connection, wanted) if is_storable(wanted.station_id) else None
    if saved is None:
        raise _not_found(wanted.station_id)
    return saved


def _not_found(station_id: str) -> ProblemRaised:
    return refuse(404, "not_found", f"there is no station {station_id}")
