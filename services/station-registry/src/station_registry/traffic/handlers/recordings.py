"""Recorded frames: stored as they come, read a few recordings at a time."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.messages import ListMessages, MessageView
from csms_shared.contracts.pages import Page
from csms_shared.contracts.recordings import LONGEST_SPAN_MS, Recording, filed_as
from csms_shared.contracts.refusals import ProblemRaised, refuse
from csms_shared.service.inbox import Reply, Work
from csms_shared.values.texts import is_storable
from station_registry.database.sql import at
from station_registry.provisioning.store import was_known
from station_registry.traffic.domain import Placed, Wanted
from station_registry.traffic.handlers.frame_pages import FramesPage, place_of, read_frames
from station_registry.traffic.store import recordings
from station_registry.traffic.store.recordings import Candidate
from station_registry.works import parsed

_AT_ONCE = 20
_WINDOW = timedelta(days=1)
# More than is looked at, so that what follows is known; more than overlap at any one moment.
_WINDOW_RECORDINGS = 1_000


async def store_recordings(connection: AsyncConnection, works: Sequence[Work]) -> list[Reply]:
    """Store recordings unread."""
    await recordings.save(
        connection,
        [(work.envelope["gateway_id"], item) for work, item in parsed(works, Recording)],
    )
    return []


async def list_messages(connection: AsyncConnection, query: ListMessages) -> Page[MessageView]:
    """Return a page of a station's frames, also of one that is another tenant's now.

    Raises:
        ProblemRaised: 404, there is and was no such station.
        BadCursor: the cursor is not one of ours.
    """
    if not is_storable(query.station_id):
        raise _not_found(query.station_id)
    wanted = Wanted.of(query, place_of(query.cursor), now=datetime.now(UTC))
    name = filed_as(query.tenant_id, query.station_id)
    page = await page_of_station(connection, name, wanted, query.limit)
    is_empty = not page.items and page.next_cursor is None
    if is_empty and not await was_known(connection, query.tenant_id, query.station_id):
        raise _not_found(query.station_id)
    return page


async def page_of_station(
    connection: AsyncConnection, name: str, wanted: Wanted, limit: int
) -> Page[MessageView]:
    """Return a page of what is filed under this name."""

    async def read(group: Sequence[Candidate]) -> list[Placed]:
        return await read_frames(connection, group, wanted, lambda line: line == name)

    return await FramesPage(wanted, limit, read).of(_groups(connection, wanted, name))


async def _groups(
    connection: AsyncConnection, wanted: Wanted, name: str
) -> AsyncIterator[list[Candidate]]:
    """Yield the recordings of the station, some at a time, a day's partition at a time."""
    found = await recordings.bounds(connection)
    if found is None:
        return
    span = timedelta(milliseconds=LONGEST_SPAN_MS)
    first = max(found[0], at(wanted.from_ms))
    last = min(found[1], at(wanted.to_ms))
    if wanted.after is not None:
        moment = at(wanted.after.at_ms)
        first, last = (
            (first, min(last, moment)) if wanted.newest_first else (max(first, moment), last)
        )
    # A recording that reaches into the times has its last frame in them or soon after.
    begin, end = first - span, last + span
    while begin < end:
        if wanted.newest_first:
            window = (max(begin, end - _WINDOW), end)
        else:
            window = (begin, min(end, begin + _WINDOW))
        candidates = await recordings.candidates(
            connection,
            name,
            (first, last),
            window,
            newest=wanted.newest_first,
            limit=_WINDOW_RECORDINGS,
        )
        for index in range(0, len(candidates), _AT_ONCE):
            yield candidates[index : index + _AT_ONCE]
        if wanted.newest_first:
            end = window[0]
        else:
            begin = window[1]


def _not_found(station_id: str) -> ProblemRaised:
    return refuse(404, "not_found", f"there is no station {station_id}")
