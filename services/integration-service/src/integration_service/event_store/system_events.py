"""What the suite did by itself, newest first."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.event_store import EventFilter, ListSystemEvents, SystemEventView
from csms_shared.contracts.pages import Page
from csms_shared.db.cursors import as_int64, decode_cursor, encode_cursor
from csms_shared.db.tenancy import of_tenant
from csms_shared.runtime.clock import monotonic
from integration_service.event_store.domain import FACTS, WINDOW, type_key
from integration_service.event_store.reading import (
    LONGEST_S,
    Wanted,
    lines_of,
    show_found,
    wanted_of,
)
from integration_service.event_store.store import read_head

LEVELS = ("info", "warning", "error")
_SYSTEM = "system.*"
_SEGMENTS_AT_ONCE = 50
_FLOOR = text("SELECT position FROM event_floor WHERE kept = :kept")
_SEGMENTS = text(
    "SELECT position, first_position, events FROM event_segment "  # noqa: S608 - literals
    f"WHERE {of_tenant()} AND kept = '{FACTS}' AND position >= :least AND position < :window_end "
    "AND first_position < :before AND keys && CAST(:types AS text[]) "
    "ORDER BY position DESC LIMIT :most"
)


async def list_system_events(
    connection: AsyncConnection, asked: ListSystemEvents
) -> Page[SystemEventView]:
    """Return a page of the tenant's system events."""
    system = EventFilter(tenant_id=asked.tenant_id, types=[_SYSTEM])
    wanted = await wanted_of(connection, system, asked.from_time, asked.to_time)
    await show_found(connection, wanted)
    before = await read_head(connection) + 1
    if asked.cursor is not None:
        # Whoever made one up may have gone far beyond all that there is.
        before = min(before, *decode_cursor(asked.cursor, as_int64))
    floor = (await connection.execute(_FLOOR, {"kept": FACTS})).scalar_one()
    views, seen_to = await _look_back(connection, asked, wanted, before, floor + 1)
    return Page(items=views, next_cursor=None if seen_to is None else encode_cursor(seen_to))


async def _look_back(
    connection: AsyncConnection, asked: ListSystemEvents, wanted: Wanted, before: int, least: int
) -> tuple[list[SystemEventView], int | None]:
    """Return views of events before a position, and before which one to go on."""
    views: list[SystemEventView] = []
    began, width = monotonic(), 1
    give_up_at = began + LONGEST_S
    while before > least and wanted.types:
        begin = max(least, (before - width) // WINDOW * WINDOW)
        segments = await _segments(connection, wanted, begin, before)
        for at, line in sorted(lines_of(segments, begin - 1), reverse=True):
            if at < before and wanted.has(line) and (view := _view(at, line.event(), asked)):
                views.append(view)
                if len(views) == asked.limit:
                    return views, at
        all_seen = len(segments) < _SEGMENTS_AT_ONCE
        before = begin if all_seen else segments[-1].first_position
        took, began = monotonic() - began, monotonic()
        if began > give_up_at:
            return views, before
        width = wanted.next_width(width, took) if all_seen else 1
    return views, None


async def _segments(
    connection: AsyncConnection, wanted: Wanted, least: int, before: int
) -> Sequence[Any]:
    rows = await connection.execute(
        _SEGMENTS,
        {
            "tenant_id": wanted.tenant_id,
            "least": least,
            "before": before,
            "window_end": ((before - 1) // WINDOW + 1) * WINDOW,
            "types": sorted(map(type_key, wanted.types or ())),
            "most": _SEGMENTS_AT_ONCE,
        },
    )
    return rows.all()


def _view(at: int, event: dict[str, Any], asked: ListSystemEvents) -> SystemEventView | None:
    """Return the view of an event, None where it is not asked for."""
    data = event["data"] if isinstance(event.get("data"), dict) else {}
    level = str(data.get("level", LEVELS[0]))
    if asked.level is not None and level in LEVELS[: LEVELS.index(asked.level)]:
        return None
    if asked.service is not None and data.get("service") != asked.service:
        return None
    return SystemEventView(
        position=at,
        time=event["time"],
        type=event["type"],
        level=level,
        service=str(data.get("service", "")),
        instance=str(data.get("instance", "")),
        message=str(data.get("message", "")),
        data=data,
    )
