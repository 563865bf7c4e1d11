"""Refused handshakes: why a station does not get in, and what to check."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from command_api.http.access.audited_route import AuditedRoute
from command_api.http.access.declarations import StationViewer, Viewer
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
from command_api.refused_stations.domain import explanation
from csms_shared.contracts.messages import RefusalView
from csms_shared.contracts.pages import Page
from csms_shared.values.numbers import INT64_MAX, WholeText
from csms_shared.values.times import Moment

router = APIRouter(tags=["refusals"], route_class=AuditedRoute)

From = Annotated[Moment | None, Query(alias="from", description="refused from")]
To = Annotated[Moment | None, Query(description="refused before")]


class ExplainedRefusal(RefusalView):
    """A refusal with what it means: `title` says what happened, `check` what to look at."""

    title: str
    check: list[str]


@router.get("/refusals", response_model=Page[ExplainedRefusal], summary="List refused handshakes")
async def list_refusals(
    request: Request,
    _: Viewer,
    station_id: Annotated[str | None, Query(max_length=255)] = None,
    reason: Annotated[str | None, Query(max_length=64)] = None,
    from_: From = None,
    to: To = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response:
    """Return refusals, newest first, also of stations that nobody created.

    Those of one station from one address for one reason within an hour are one item.
    """
    return await _page(request, station_id, reason, from_, to, limit, cursor)


@router.get(
    "/refusals/{refusal_id}", response_model=ExplainedRefusal, summary="Get a refused handshake"
)
async def get_refusal(
    request: Request, _: Viewer, refusal_id: Annotated[int, WholeText(0, INT64_MAX)]
) -> Response:
    """Return one item of the list."""
    found = await ask_registry(request, "refusals.get", {"id": refusal_id})
    return Json(explained(found))


@router.get(
    "/stations/{station_id:segment}/refusals",
    response_model=Page[ExplainedRefusal],
    summary="A station's refused handshakes",
)
async def list_refusals_of_station(
    request: Request,
    _: StationViewer,
    station_id: StationId,
    reason: Annotated[str | None, Query(max_length=64)] = None,
    from_: From = None,
    to: To = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response:
    """Return why the station was refused, newest first; it need not exist."""
    return await _page(request, station_id, reason, from_, to, limit, cursor)


def explained(refusal: dict[str, Any]) -> dict[str, Any]:
    """Return a refusal with what it means."""
    meaning = explanation(refusal["reason"])
    return {**refusal, "title": meaning.title, "check": list(meaning.check)}


async def _page(
    request: Request,
    station_id: str | None,
    reason: str | None,
    from_: datetime | None,
    to: datetime | None,
    limit: int,
    cursor: str | None,
) -> Response:
    page = await ask_registry(
        request,
        "refusals.list",
        given(
            station_id=station_id,
            reason=reason,
            refused_from=utc_text(from_),
            refused_to=utc_text(to),
            limit=limit,
            cursor=cursor,
        ),
    )
    return Json({**page, "items": [explained(item) for item in page["items"]]})
