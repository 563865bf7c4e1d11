"""Where sessions were, for another service that charges for them."""

from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.session_facts import (
    ConnectorSaid,
    PlaceView,
    StationPlaces,
    StationPlacesList,
)
from csms_shared.values.texts import is_storable
from csms_shared.values.times import format_exact_time
from station_registry.places.store import read_places, read_statuses


async def station_places(connection: AsyncConnection, asked: StationPlaces) -> StationPlacesList:
    """Return where sessions were, as far as anything is known of it."""
    sessions = [
        one
        for one in asked.sessions
        if is_storable(one.station_id) and is_storable(one.site_id or "")
    ]
    places = await read_places(connection, asked.tenant_id, sessions)
    known = {row.transaction_id for row in places}
    statuses: dict[int, list[ConnectorSaid]] = {one: [] for one in known}
    wanted = [one for one in sessions if one.transaction_id in known]
    for row in await read_statuses(connection, asked.tenant_id, wanted):
        said = statuses[row.transaction_id]
        if row.before:
            # In the order of time: the last of these held at the start.
            said.clear()
        said.append(ConnectorSaid(at=format_exact_time(row.at), status=row.status))
    return StationPlacesList(items=[_view(row, statuses[row.transaction_id]) for row in places])


def _view(row: Row[Any], statuses: list[ConnectorSaid]) -> PlaceView:
    return PlaceView(**row._mapping, statuses=statuses)
