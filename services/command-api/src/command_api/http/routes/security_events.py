"""Security events of stations and of the suite itself."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from command_api.http.access.audited_route import AuditedRoute
from command_api.http.access.declarations import Viewer
from command_api.http.answers.documents import Json
from command_api.http.requests.parameters import DEFAULT_LIMIT, Cursor, Limit, given, utc_text
from command_api.http.state import ask_registry
from csms_shared.contracts.pages import Page
from csms_shared.contracts.security_events import SecurityEventView
from csms_shared.values.flags import FlagText
from csms_shared.values.times import Moment

router = APIRouter(prefix="/security-events", tags=["security"], route_class=AuditedRoute)


@router.get("", response_model=Page[SecurityEventView], summary="List security events")
async def list_security_events(
    request: Request,
    _: Viewer,
    station_id: Annotated[str | None, Query(max_length=255)] = None,
    type_: Annotated[
        str | None, Query(alias="type", max_length=50, description="as OCPP spells it")
    ] = None,
    critical: FlagText | None = None,
    source: Literal["station", "suite"] | None = None,
    from_: Annotated[
        Moment | None, Query(alias="from", description="received at or after this time")
    ] = None,
    to: Annotated[Moment | None, Query(description="received before this time")] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response:
    """Return security events by the time of receipt, newest first."""
    parameters = given(
        station_id=station_id,
        type=type_,
        critical=critical,
        source=source,
        from_time=utc_text(from_),
        to_time=utc_text(to),
        limit=limit,
        cursor=cursor,
    )
    return Json(await ask_registry(request, "security_events.list", parameters))
