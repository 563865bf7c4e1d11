"""System events: those that gateways tell, and that a gateway's lease has ended."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.event_data.system import GatewayLeaseEnded
from csms_shared.contracts.system_notices import SystemNotice
from csms_shared.service.inbox import Reply, Work
from csms_shared.values.levels import Level
from csms_shared.values.tenants import DEFAULT_TENANT
from csms_shared.values.times import format_time_ms
from station_registry.database.telling import tell
from station_registry.events import SOURCE, Event, fact_about
from station_registry.works import parsed


async def note_system_notices(connection: AsyncConnection, works: Sequence[Work]) -> list[Reply]:
    """Write what gateways have to tell as events; what comes again is the same event again."""
    await tell(connection, [notice.event(SOURCE) for _, notice in parsed(works, SystemNotice)])
    return []


def lease_ended(
    gateway_id: str, expired_ms: int, stations: int, at_ms: int, instance: str
) -> Event:
    """Tell that a gateway let its lease run out, and how many stations are offline for it.

    Of more than are taken from it at once, the rest is told with another id.
    """
    key = "system.gateway_lease_ended"
    data = GatewayLeaseEnded(
        level=Level.ERROR,
        service="station-registry",
        instance=instance,
        message=f"The lease of gateway {gateway_id} has ended: its stations are offline.",
        gateway_id=gateway_id,
        stations=stations,
        lease_expired_at=format_time_ms(expired_ms),
    )
    cause = (gateway_id, expired_ms, at_ms)
    return fact_about(key, gateway_id, cause, at_ms, data.model_dump(mode="json"), DEFAULT_TENANT)
