"""The events that are kept: `GET /events/history`."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from command_api.http.access.declarations import ScopedViewer
from command_api.http.answers.documents import Json
from command_api.http.requests.parameters import DEFAULT_LIMIT, Limit
from command_api.http.routes.event_filters import (
    KEPT_NO_LONGER,
    EventStation,
    EventTypes,
    PositionText,
    wanted_by,
)
from command_api.http.state import state_of
from command_api.live_events.handlers.history import Span, history_page
from command_api.scopes.handlers import RememberedStations
from csms_shared.contracts.event_store import StoredEvent
from csms_shared.contracts.pages import Page
from csms_shared.values.times import Moment

router = APIRouter(prefix="/events", tags=["events"])


@router.get(
    "/history",
    response_model=Page[StoredEvent],
    responses=KEPT_NO_LONGER,
    summary="Read events of the past",
)
async def read_history(
    request: Request,
    viewer: ScopedViewer,
    after: Annotated[PositionText | None, Query(description="after this position")] = None,
    from_: Annotated[
        Moment | None, Query(alias="from", description="events of this time or later")
    ] = None,
    to: Annotated[Moment | None, Query(description="events before this time")] = None,
    types: EventTypes = None,
    station_id: EventStation = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Annotated[
        PositionText | None,
        Query(description="`next_cursor` of the page before; it counts before `after`"),
    ] = None,
) -> Response:
    """Return events with their positions, each once, in the order of positions.

    Without `after` it begins with the oldest that is kept. `next_cursor` is a position, too, and
    null at the end. A page may be short, or empty, before that.

    Who is limited to sites or tags gets the events of stations that are there now, and no others.
    """
    state, scope = state_of(request), viewer.scope
    within = None if scope is None else RememberedStations(state.services, scope)
    span = Span(after if cursor is None else cursor, from_, to)
    wanted = wanted_by(viewer, station_id, types)
    return Json(await history_page(state.stored_events, wanted, span, limit, within))
