"""A page of frames out of recordings that overlap: read some at a time, shown in order."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.messages import MessageView
from csms_shared.contracts.pages import Page
from csms_shared.contracts.recordings import UnreadableRecording, unpack_lines
from csms_shared.db.cursors import BadCursor, as_int64, as_text, decode_cursor, encode_cursor
from station_registry.database.sql import at
from station_registry.traffic.domain import Place, Placed, Wanted, view
from station_registry.traffic.store import recordings
from station_registry.traffic.store.recordings import Candidate

log = structlog.get_logger(__name__)

# What one request may read, and look at without reading it: a rare filter takes more pages, no
# request takes long.
MAX_RECORDINGS = 200
MAX_LOOKED_AT = 5_000
# A page of long frames ends early: an answer is one message.
MAX_PAGE_BYTES = 512 * 1024
# The year 9000: later ones have no room for the days around them.
_LATEST_MS = 221_845_392_000_000
_BEFORE_ALL, _AFTER_ALL = "", "~"


def place_of(cursor: str | None) -> Place | None:
    """Return the place that a cursor names.

    Raises:
        BadCursor: it is not one of ours.
    """
    if cursor is None:
        return None
    place = Place(*decode_cursor(cursor, as_int64, as_text, as_int64))
    if not 0 <= place.at_ms < _LATEST_MS:
        raise BadCursor
    return place


async def read_frames(
    connection: AsyncConnection,
    group: Sequence[Candidate],
    wanted: Wanted,
    is_wanted: Callable[[str], bool],
) -> list[Placed]:
    """Return what is asked for of the stations that are wanted, out of some recordings."""
    packed = await recordings.bodies(connection, group)
    # Unpacking is a millisecond each, which no decision should wait for.
    return await asyncio.to_thread(_read_all, group, packed, wanted, is_wanted)


class FramesPage:
    """One page in the making.

    Recordings come in the order of their newest frame (or oldest). What has been read is shown as
    far as no recording still to come can hold anything before it.
    """

    def __init__(
        self,
        wanted: Wanted,
        limit: int,
        read: Callable[[Sequence[Candidate]], Awaitable[list[Placed]]],
    ) -> None:
        self._wanted = wanted
        self._limit = limit
        self._read_frames = read
        self._read: list[Placed] = []
        self._shown: list[Placed] = []
        self._bytes = 0

    async def of(self, groups: AsyncIterator[list[Candidate]]) -> Page[MessageView]:
        """Read groups of recordings until the page is full, or enough has been looked at."""
        read = looked_at = 0
        next_place: Place | None = None
        async for group in groups:
            # Up to here everything that is to come is behind it.
            self._show_before(group[0])
            if self._is_full:
                break
            is_enough = read >= MAX_RECORDINGS or looked_at >= MAX_LOOKED_AT
            if is_enough and self._leads_on(self._just_before(group[0])):
                next_place = self._just_before(group[0])
                break
            held = [candidate for candidate in group if candidate.may_hold]
            if held:
                self._read += await self._read_frames(held)
            read += len(held)
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
        return len(self._shown) >= self._limit or self._bytes >= MAX_PAGE_BYTES

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


def _read_all(
    group: Sequence[Candidate],
    packed: dict[uuid.UUID, bytes],
    wanted: Wanted,
    is_wanted: Callable[[str], bool],
) -> list[Placed]:
    found: list[Placed] = []
    for candidate in group:
        try:
            lines = unpack_lines(packed[candidate.recording_id], is_wanted)
        except UnreadableRecording as error:
            log.error("recording_unreadable", error=str(error)[:200])
            continue
        for line in lines:
            found += wanted.of_recording(str(candidate.recording_id), candidate.gateway_id, line)
    return found


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
