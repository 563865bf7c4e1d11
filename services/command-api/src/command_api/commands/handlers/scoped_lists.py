"""Commands as those see them who are limited to sites or tags: by where their stations are now."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from command_api.commands.domain.states import CommandRecord
from command_api.commands.store.queries import CommandFilter, get_commands, stations_of_commands
from command_api.ports import Services
from command_api.scopes.handlers import stations_in_scope
from csms_shared.contracts.scopes import Scope
from csms_shared.db.engine import in_transaction

# So many commands of the tenant are looked at for a page, which may be short therefore.
LOOKED_AT = 1_000


async def list_within(
    engine: AsyncEngine, services: Services, scope: Scope, wanted: CommandFilter, limit: int
) -> tuple[list[CommandRecord], UUID | None]:
    """Return commands of stations in the scope, newest first, and where to go on.

    Raises:
        ServiceAway: station-registry does not answer.
    """
    if wanted.station_id is not None and not await stations_in_scope(
        services, scope, [wanted.station_id]
    ):
        return [], None
    looked_at = await in_transaction(
        engine, lambda connection: stations_of_commands(connection, wanted, LOOKED_AT)
    )
    inside = await stations_in_scope(services, scope, {station for _, station in looked_at})
    ids = [command_id for command_id, station_id in looked_at if station_id in inside]
    shown = await in_transaction(
        engine, lambda connection: get_commands(connection, wanted.tenant_id, ids[:limit])
    )
    if len(ids) > limit:
        return shown, ids[limit - 1]
    return shown, looked_at[-1][0] if len(looked_at) == LOOKED_AT else None
