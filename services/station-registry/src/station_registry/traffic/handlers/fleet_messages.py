"""Recorded frames of all stations of a tenant, newest first."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.messages import ListFleetMessages, MessageView
from csms_shared.contracts.pages import Page
from csms_shared.contracts.recordings import LONGEST_SPAN_MS, filed_as
from csms_shared.contracts.stations import StationsInScope
from csms_shared.db.index_plans import plan_by_indexes
from csms_shared.values.tenant_keys import tenant_of_key
from csms_shared.values.texts import is_storable
from station_registry.database.sql import at
from station_registry.sites.scopes import stations_in_scope
from station_registry.traffic.domain import Placed, Wanted
from station_registry.traffic.handlers.frame_pages import FramesPage, place_of, read_frames
from station_registry.traffic.handlers.recordings import page_of_station
from station_registry.traffic.store.fleet_recordings import LAST_ID, LookedFor, backwards
from station_registry.traffic.store.recordings import Candidate

# Read at once: few where the first hold a page already, more where a filter matches rarely.
_FIRST_AT_ONCE = 2
_AT_ONCE = 20
_LOOKED_AT_AT_ONCE = 500
_SPAN = timedelta(milliseconds=LONGEST_SPAN_MS)


async def list_fleet_messages(
    connection: AsyncConnection, query: ListFleetMessages
) -> Page[MessageView]:
    """Return a page of frames, of the stations in the scope that there are now where it has one.

    Raises:
        BadCursor: the cursor is not one of ours.
    """
    wanted = Wanted.of_fleet(query, place_of(query.cursor), now=datetime.now(UTC))
    if not all(is_storable(one) for one in (query.station_id, query.action) if one is not None):
        return Page(items=[])
    await plan_by_indexes(connection)
    if query.station_id is not None:
        return await _of_one(connection, query, query.station_id, wanted)

    async def read(group: Sequence[Candidate]) -> list[Placed]:
        found = await read_frames(
            connection, group, wanted, lambda name: tenant_of_key(name) == query.tenant_id
        )
        return await _inside(connection, query, found)

    return await FramesPage(wanted, query.limit, read).of(_groups(connection, query, wanted))


async def _of_one(
    connection: AsyncConnection, query: ListFleetMessages, station_id: str, wanted: Wanted
) -> Page[MessageView]:
    if query.scope is not None and not await _in_scope(connection, query, [station_id]):
        return Page(items=[])
    name = filed_as(query.tenant_id, station_id)
    return await page_of_station(connection, name, wanted, query.limit)


async def _inside(
    connection: AsyncConnection, query: ListFleetMessages, found: list[Placed]
) -> list[Placed]:
    """Return what is of stations inside the scope."""
    if query.scope is None or not found:
        return found
    inside = await _in_scope(connection, query, {placed.station_id for placed in found})
    return [placed for placed in found if placed.station_id in inside]


async def _in_scope(
    connection: AsyncConnection, query: ListFleetMessages, stations: Sequence[str] | set[str]
) -> set[str]:
    asked = StationsInScope.model_construct(
        tenant_id=query.tenant_id, scope=query.scope, station_ids=list(stations)
    )
    return set(await stations_in_scope(connection, asked))


async def _groups(
    connection: AsyncConnection, query: ListFleetMessages, wanted: Wanted
) -> AsyncIterator[list[Candidate]]:
    """Yield recordings of all gateways backwards, few of them to be read at a time."""
    last = at(wanted.to_ms if wanted.after is None else min(wanted.to_ms, wanted.after.at_ms))
    looked_for = LookedFor(query.tenant_id, query.level, query.action, (at(wanted.from_ms), last))
    # A recording that reaches into the times has its last frame in them or soon after.
    before = (last + _SPAN, LAST_ID)
    at_once, group, held = _FIRST_AT_ONCE, list[Candidate](), 0
    while rows := await backwards(connection, looked_for, before, _LOOKED_AT_AT_ONCE):
        for row in rows:
            group.append(row)
            held += row.may_hold
            if held == at_once or len(group) == _LOOKED_AT_AT_ONCE:
                yield group
                at_once, group, held = min(2 * at_once, _AT_ONCE), [], 0
        if len(rows) < _LOOKED_AT_AT_ONCE:
            break
        before = (rows[-1].last_at, rows[-1].recording_id)
    if group:
        yield group
