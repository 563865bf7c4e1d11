"""System events: what the suite did by itself."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from command_api.http.access.declarations import Viewer
from command_api.http.answers.documents import Json
from command_api.http.requests.parameters import DEFAULT_LIMIT, Cursor, Limit, given, utc_text
from command_api.http.state import ask_integration_service
from csms_shared.contracts.event_store import Level, SystemEventView
from csms_shared.contracts.pages import Page
from csms_shared.values.times import Moment

router = APIRouter(prefix="/system-events", tags=["events"])


@router.get("", response_model=Page[SystemEventView], summary="List system events")
async def list_system_events(
    request: Request,
    _: Viewer,
    level: Annotated[Level | None, Query(description="this level and what is worse")] = None,
    service: Annotated[str | None, Query(max_length=255)] = None,
    from_: Annotated[
        Moment | None, Query(alias="from", description="at or after this time")
    ] = None,
    to: Annotated[Moment | None, Query(description="before this time")] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response:
    """Return what the suite did by itself, newest first."""
    parameters = given(
        level=level,
        service=service,
        from_time=utc_text(from_),
        to_time=utc_text(to),
        limit=limit,
        cursor=cursor,
    )
    return Json(await ask_integration_service(request, "events.list_system", parameters))
