"""Local authorization lists of stations."""

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from command_api.http.access.audited_route import AuditedRoute
from command_api.http.access.declarations import (
    StationAdministrator,
    StationOperator,
    StationViewer,
)
from command_api.http.answers.documents import Json
from command_api.http.requests.parameters import StationId
from command_api.http.state import ask_registry, ask_session_service
from csms_shared.contracts.local_lists import SELECTION_MAX, LocalListView

router = APIRouter(prefix="/stations", tags=["local lists"], route_class=AuditedRoute)

PATH = "/{station_id:segment}/local-list"
Name = Annotated[str, Field(min_length=1, max_length=255)]


class Selection(BaseModel):
    """Which tokens the station is to know: these groups and these tokens, or all accepted ones."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"group_ids": ["fleet"], "id_tokens": ["04A1B2C3D4"]}]},
    )

    group_ids: list[Name] | None = Field(None, max_length=SELECTION_MAX)
    id_tokens: list[Name] | None = Field(None, max_length=SELECTION_MAX)


@router.get(PATH, response_model=LocalListView, summary="A station's local list")
async def get_local_list(request: Request, _: StationViewer, station_id: StationId) -> Response:
    """Return where the station's list stands; 404 where none was ever kept."""
    await _check_station(request, station_id)
    return Json(await ask_session_service(request, "local_lists.get", {"station_id": station_id}))


@router.put(PATH, response_model=LocalListView, summary="Keep a station's local list")
async def keep_local_list(
    request: Request, _: StationAdministrator, station_id: StationId, body: Selection | None = None
) -> Response:
    """Keep the station's list true to the id tokens from now on."""
    await _check_station(request, station_id)
    selection = (body or Selection()).model_dump()
    return Json(
        await ask_session_service(
            request, "local_lists.keep", {"station_id": station_id, **selection}
        )
    )


@router.delete(PATH, response_model=LocalListView, summary="Leave a station's local list alone")
async def leave_local_list(
    request: Request, _: StationAdministrator, station_id: StationId
) -> Response:
    """Change the list no more; what the station holds stays there."""
    return Json(await ask_session_service(request, "local_lists.leave", {"station_id": station_id}))


@router.post(
    PATH + "/sync",
    response_model=LocalListView,
    summary="Compare and send now",
    responses={409: {"description": "The list of this station is left alone."}},
)
async def sync_local_list(request: Request, _: StationOperator, station_id: StationId) -> Response:
    """Begin anew, also after failures: ask the station for its version, send what is missing."""
    await _check_station(request, station_id)
    return Json(await ask_session_service(request, "local_lists.sync", {"station_id": station_id}))


async def _check_station(request: Request, station_id: str) -> None:
    """Have who knows the stations refuse one that there is not, or not any more."""
    await ask_registry(request, "stations.get", {"station_id": station_id})
