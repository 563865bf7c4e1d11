"""Recorded frames: stored as they come, read a few recordings at a time."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.messages import ListMessages, MessageView
from csms_shared.contracts.pages import Page
from csms_shared.contracts.recordings import (
    LONGEST_SPAN_MS,
    RecordedFrame,
    Recording,
    UnreadableRecording,
    filed_as,
    unpack,
)
from csms_shared.contracts.refusals import ProblemRaised, refuse
from csms_shared.db.cursors import BadCursor, as_int64, as_text, decode_cursor, encode_cursor
from csms_shared.service.inbox import Reply, Work
from csms_shared.values.texts import is_storable
from station_registry.database.sql import at
from station_registry.provisioning.store import was_known
from station_registry.traffic.domain import Place, Placed, Wanted, view
from station_registry.traffic.store import recordings
from station_registry.traffic.store.recordings import Candidate
from station_registry.works import parsed

log = structlog.get_logger(__name__)

# What one request may look at: a rare filter takes more pages, no request takes long.
MAX_RECORDINGS = 200
_AT_ONCE = 20
_WINDOW = timedelta(days=1)
# More than is looked at, so that what follows is known; more than overlap at any one moment.
_WINDOW_RECORDINGS = 1_000
# A page of long frames ends early: an answer is one message.
MAX_PAGE_BYTES = 512 * 1024
# The year 9000: later ones have no room for the days around them.
_LATEST_MS = 221_845_392_000_000
_BEFORE_ALL, _AFTER_ALL = "", "~"


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
    after = None
    if query.cursor is not None:
        after = Place(*decode_cursor(query.cursor, as_int64, as_text, as_int64))
        if not 0 <= after.at_ms < _LATEST_MS:
            raise BadCursor
    wanted = Wanted.of(query, after, now=datetime.now(UTC))
    page = await _Reading(connection, query, wanted).page()
    is_empty = not page.items and page.next_cursor is None
    if is_empty and not await was_known(connection, query.tenant_id, query.station_id):
        raise _not_found(query.station_id)
    return page


class _Reading:
    """One page in the making.

    Recordings come in the order of their newest frame (or oldest). What has been read is shown as
    far as no recording still to come can hold anything before it.
    """

    def __init__(self, connection: AsyncConnection, query: ListMessages, wanted: Wanted) -> None:
        self._connection = connection
        self._query = query
        self._wanted = wanted
        self._filed_as = filed_as(query.tenant_id, query.station_id)
        self._read: list[Placed] = []
        self._shown: list[Placed] = []
        self._bytes = 0

    async def page(self) -> Page[MessageView]:
        looked_at = 0
        next_place: Place | None = None
        async for group in self._groups():
            # Up to here everything that is to come is behind it.
            self._show_before(group[0])
            if self._is_full:
                break
            if looked_at >= MAX_RECORDINGS and self._leads_on(self._just_before(group[0])):
                next_place = self._just_before(group[0])
                break
            await self._read_all(group)
            looked_at += len(group)
        else:
            self._show_before(None)
        if self._is_full:
            next_place = self._shown[-1].place
        return Page(
            items=[view(placed) for placed in self._shown],
            next_cursor=None if next_place is None else encode_cursor(*next_place),
        )

    @property
    def _is_full(self) -> bool:
        return len(self._shown) >= self._query.limit or self._bytes >= MAX_PAGE_BYTES

    def _show_before(self, following: Candidate | None) -> None:
        """Show what stands before everything in the recordings from `following` on."""
        ordered = self._wanted.first(self._read)
        for count, placed in enumerate(ordered):
            if following is not None and not self._is_before(placed.place, following):
                self._read = ordered[count:]
                return
            if self._is_full:
                return
            self._shown.append(placed)
            self._bytes += len(placed.frame.text)
        self._read = []

    def _is_before(self, place: Place, following: Candidate) -> bool:
        if self._wanted.newest_first:
            return at(place.at_ms) > following.last_at
        return at(place.at_ms) < following.first_at

    def _just_before(self, following: Candidate) -> Place:
        if self._wanted.newest_first:
            return Place(_ms(following.last_at), _AFTER_ALL, 0)
        return Place(_ms(following.first_at), _BEFORE_ALL, 0)

    def _leads_on(self, place: Place) -> bool:
        """Tell whether a next page from here is another one: recordings overlap."""
        after = self._wanted.after
        if after is None:
            return True
        return place < after if self._wanted.newest_first else place > after

    async def _read_all(self, group: Sequence[Candidate]) -> None:
        packed = await recordings.bodies(self._connection, group)
        bodies = [packed[candidate.recording_id] for candidate in group]
        # Unpacking is a millisecond each, which no decision should wait for.
        unpacked = await asyncio.to_thread(_unpack_all, bodies, self._filed_as)
        for candidate, frames in zip(group, unpacked, strict=True):
            self._read += self._wanted.of_recording(
                str(candidate.recording_id), candidate.gateway_id, frames
            )

    async def _groups(self) -> AsyncIterator[list[Candidate]]:
        """Yield the recordings of the station, some at a time, a day's partition at a time."""
        found = await recordings.bounds(self._connection)
        if found is None:
            return
        wanted, span = self._wanted, timedelta(milliseconds=LONGEST_SPAN_MS)
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
                self._connection,
                self._filed_as,
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


def _unpack_all(bodies: Sequence[bytes], station_id: str) -> list[list[RecordedFrame]]:
    return [_unpack(body, station_id) for body in bodies]


def _unpack(body: bytes, station_id: str) -> list[RecordedFrame]:
    try:
        return unpack(body, station_id)
    except UnreadableRecording as error:
        log.error("recording_unreadable", error=str(error)[:200])
        return []


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def _not_found(station_id: str) -> ProblemRaised:
    return refuse(404, "not_found", f"there is no station {station_id}")
