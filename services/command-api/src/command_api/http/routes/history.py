"""A station's history: changes of its presence and of its connectors' status."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from command_api.http.access.audited_route import AuditedRoute
from command_api.http.access.declarations import StationViewer
from command_api.http.answers.documents import Json
from command_api.http.requests.parameters import (
    DEFAULT_LIMIT,
    Cursor,
    Limit,
    StationId,
    given,
    utc_text,
)
from command_api.http.state import ask_registry
from csms_shared.contracts.history import HistoryView
from csms_shared.contracts.pages import Page
from csms_shared.values.times import Moment

router = APIRouter(prefix="/stations", tags=["stations"], route_class=AuditedRoute)


@router.get(
    "/{station_id:segment}/history",
    response_model=Page[HistoryView],
    summary="A station's history",
)
async def list_history(
    request: Request,
    _: StationViewer,
    station_id: StationId,
    from_: Annotated[
        Moment | None, Query(alias="from", description="received at or after this time")
    ] = None,
    to: Annotated[Moment | None, Query(description="received before this time")] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response:
    """Return changes of presence and of connector status, newest first."""
    parameters = given(
        station_id=station_id,
        from_time=utc_text(from_),
        to_time=utc_text(to),
        limit=limit,
        cursor=cursor,
    )
    return Json(await ask_registry(request, "history.list", parameters))
