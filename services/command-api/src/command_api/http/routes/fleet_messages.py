"""Recorded frames of all stations (docs/flight-recorder.md)."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from command_api.http.access.audited_route import AuditedRoute
from command_api.http.access.declarations import ScopedViewer
from command_api.http.answers.documents import Json
from command_api.http.requests.parameters import (
    DEFAULT_LIMIT,
    Cursor,
    Limit,
    given,
    utc_text,
)
from command_api.http.state import ask_registry
from csms_shared.contracts.messages import MessageView
from csms_shared.contracts.pages import Page
from csms_shared.values.levels import Level
from csms_shared.values.times import Moment

router = APIRouter(tags=["messages"], route_class=AuditedRoute)


@router.get(
    "/messages", response_model=Page[MessageView], summary="Recorded frames of all stations"
)
async def list_fleet_messages(
    request: Request,
    _: ScopedViewer,
    station_id: str | None = None,
    level: Annotated[Level | None, Query(description="this and worse")] = None,
    action: Annotated[
        str | None, Query(max_length=64, description="of the call, also for its answer")
    ] = None,
    direction: Annotated[
        Literal["in", "out"] | None, Query(description="seen from the central system")
    ] = None,
    from_: Annotated[Moment | None, Query(alias="from", description="sent from")] = None,
    to: Annotated[Moment | None, Query(description="sent before")] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response:
    """Return frames, newest first, with secrets masked.

    `level`: `error` is what was refused, a CALLERROR, or unreadable; `warning` what was tolerated,
    late, or an answer to nothing; `info` everything else. One request looks back so far and no
    further: a page may be short, even empty, where a filter matches rarely. Go on with
    `next_cursor`.
    """
    filters = given(
        station_id=station_id,
        level=level,
        action=action,
        direction=direction,
        sent_from=utc_text(from_),
        sent_to=utc_text(to),
        limit=limit,
        cursor=cursor,
    )
    return Json(await ask_registry(request, "messages.fleet", filters))
