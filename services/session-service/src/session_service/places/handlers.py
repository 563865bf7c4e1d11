"""Taking in where stations stand."""

# ruff: noqa: S608 - the statement is joined from constants of this module

from collections.abc import Iterable, Sequence

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.broker.topology import STATION_PLACED_KEY
from csms_shared.contracts.events import CloudEvent, event_type
from csms_shared.contracts.places import StationPlace
from csms_shared.db.row_arrays import arrays, columns_of, names, unnest
from csms_shared.service.inbox import Reply, Work
from session_service.places.tables import station_place

_PLACED = event_type(STATION_PLACED_KEY)
_ROW = columns_of(station_place, "station_id", "tenant_id", "site_id", "tags", "version")
_KEEP = text(
    f"INSERT INTO station_place ({names(_ROW)}) "
    "SELECT station_id, tenant_id, site_id, "
    "ARRAY(SELECT json_array_elements_text(CAST(tags AS json))), "
    f"version FROM {unnest(_ROW)} ORDER BY station_id ON CONFLICT (station_id) DO UPDATE "
    "SET tenant_id = excluded.tenant_id, site_id = excluded.site_id, tags = excluded.tags, "
    "version = excluded.version "
    "WHERE station_place.version < excluded.version"
)


async def keep_places(connection: AsyncConnection, works: Sequence[Work]) -> list[Reply]:
    """Keep the newest place of each station that events tell of."""
    newest: dict[str, tuple[str, StationPlace]] = {}
    for tenant_id, place in _told(works):
        known = newest.get(place.station_id)
        if known is None or known[1].version < place.version:
            newest[place.station_id] = tenant_id, place
    rows = [
        (one.station_id, tenant_id, one.site_id, orjson.dumps(one.tags).decode(), one.version)
        for tenant_id, one in newest.values()
    ]
    await connection.execute(_KEEP, arrays(_ROW, rows))
    return []


def _told(works: Sequence[Work]) -> Iterable[tuple[str, StationPlace]]:
    for work in works:
        for item in work.item:
            event = CloudEvent.model_validate(item)
            if event.type == _PLACED:
                yield event.tenantid, StationPlace.model_validate(event.data)
