"""Charging profiles that stations hold, and what they add up to."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from command_api.http.access.audited_route import AuditedRoute
from command_api.http.access.declarations import StationViewer
from command_api.http.answers.documents import Json
from command_api.http.requests.parameters import DEFAULT_LIMIT, Cursor, Limit, StationId, given
from command_api.http.state import state_of
from csms_shared.broker.topology import SESSION_SERVICE, STATION_REGISTRY
from csms_shared.contracts.charging import (
    COMPOSITE_MAX_S,
    ChargingProfileView,
    CompositeScheduleView,
    ProfileStateName,
    RateUnitName,
)
from csms_shared.contracts.pages import Page
from csms_shared.values.numbers import INT32_MAX, WholeText

router = APIRouter(prefix="/stations", tags=["smart charging"], route_class=AuditedRoute)


@router.get(
    "/{station_id:segment}/charging-profiles",
    response_model=Page[ChargingProfileView],
    summary="List a station's charging profiles",
)
async def list_charging_profiles(
    request: Request,
    _: StationViewer,
    station_id: StationId,
    connector_id: Annotated[int, WholeText(0, INT32_MAX)] | None = None,
    state: ProfileStateName | None = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response:
    """Return profiles, the last one sent first; without `state`, the installed and waiting ones."""
    parameters = given(
        station_id=station_id, connector_id=connector_id, state=state, limit=limit, cursor=cursor
    )
    return Json(await _ask_about(request, station_id, "charging_profiles.list", parameters))


@router.get(
    "/{station_id:segment}/composite-schedule",
    response_model=CompositeScheduleView,
    summary="Compute a connector's composite schedule",
)
async def composite_schedule(
    request: Request,
    _: StationViewer,
    station_id: StationId,
    connector_id: Annotated[
        int, WholeText(0, INT32_MAX), Query(description="0 is the station as a whole")
    ],
    duration: Annotated[int, WholeText(1, COMPOSITE_MAX_S), Query(description="seconds")] = 86_400,
    unit: RateUnitName = "A",
    line_voltage: Annotated[
        int, WholeText(1, 1000), Query(description="volts, to convert between the units")
    ] = 230,
) -> Response:
    """Return what the installed profiles allow from now on, and the station's last own answer.

    For a fresh answer of the station, send it GetCompositeSchedule first.
    """
    parameters = {
        "station_id": station_id,
        "connector_id": connector_id,
        "duration": duration,
        "unit": unit,
        "line_voltage": line_voltage,
    }
    return Json(await _ask_about(request, station_id, "charging_profiles.composite", parameters))


async def _ask_about(
    request: Request, station_id: str, operation: str, parameters: dict[str, Any]
) -> Any:
    services = state_of(request).services
    # Who knows the stations refuses an unknown one.
    await services.ask(STATION_REGISTRY, "stations.get", {"station_id": station_id})
    return await services.ask(SESSION_SERVICE, operation, parameters)
