"""A station goes from one tenant to another, which only a platform's administrator asks for."""

from typing import Any

from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.refusals import ProblemRaised, refuse
from csms_shared.contracts.stations import ChangeStation, StationName, StationView
from csms_shared.db.engine import RequestHandler
from csms_shared.runtime.clock import now_ms
from csms_shared.service.inbox import Reply
from csms_shared.values.texts import is_storable
from station_registry.database.telling import tell
from station_registry.events import fact, told_to
from station_registry.jobs.handlers.cancelling import cancel_jobs
from station_registry.ownership.handlers.disconnecting import Held, disconnect
from station_registry.stations.handlers.stations import get_station
from station_registry.stations.store import changes, moves
from station_registry.tenants.handlers import check_room
from station_registry.tenants.store import lock_quotas

_TO = "to_tenant_id"


def moving(move_station: RequestHandler, change_station: RequestHandler) -> RequestHandler:
    """Return who changes a station: a move is of two tenants, any other change of one."""

    async def handler(parameters: BaseModel) -> Any:
        assert isinstance(parameters, ChangeStation)
        handle = move_station if _TO in parameters.set else change_station
        return await handle(parameters)

    return handler


async def move(
    connection: AsyncConnection, wanted: ChangeStation
) -> tuple[StationView, list[Reply]]:
    """Disconnect a station of the tenant that is acted for, and give it to another.

    Its credentials stay.

    What its former tenant said of it ends, and so do its open jobs. What happened stays where it
    happened.
    """
    station_id, to = wanted.station_id, wanted.to_tenant_id
    if wanted.set != {_TO} or to is None:
        raise _wrong(422, "invalid_request", "a station is moved by its tenant's id alone")
    tenant_id = wanted.tenant_id
    quotas = await lock_quotas(connection, {tenant_id, to})
    if to not in quotas:
        raise _wrong(422, "unknown_tenant", f"there is no tenant {to}")
    known = is_storable(station_id)
    station = await changes.lock_station(connection, tenant_id, station_id) if known else None
    if station is None:
        # Or it was moved or deleted meanwhile.
        raise refuse(404, "not_found", f"there is no station {station_id}")
    told: list[Reply] = []
    if to != tenant_id:
        check_room(quotas[to])
        if station.owner is not None:
            held = Held(station_id, tenant_id, station.owner)
            told = await disconnect(connection, [held], "moved", "the station was moved")
        await cancel_jobs(connection, station_id)
        await moves.move(connection, station_id, to)
        await _tell(connection, station_id, tenant_id, to)
    return await get_station(connection, StationName(tenant_id=to, station_id=station_id)), told


async def _tell(connection: AsyncConnection, station_id: str, before: str, after: str) -> None:
    """Tell both tenants: each has an event of its own."""
    now = now_ms()
    events = [
        told_to(
            tenant_id,
            fact(
                "station.moved",
                station_id,
                (station_id, now, tenant_id),
                now,
                from_tenant_id=before,
                to_tenant_id=after,
            ),
        )
        for tenant_id in (before, after)
    ]
    await tell(connection, events)


def _wrong(status: int, code: str, detail: str) -> ProblemRaised:
    return refuse(status, code, detail, ("tenant_id", detail))
