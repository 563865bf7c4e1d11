"""The last known configuration of stations, and having it read again."""

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from command_api.http.access.audited_route import AuditedRoute
from command_api.http.access.declarations import StationOperator, StationViewer
from command_api.http.answers.documents import Json
from command_api.http.requests.parameters import StationId
from command_api.http.state import ask_registry
from csms_shared.contracts.configuration import (
    TEMPLATE_KEYS_MAX,
    ConfigurationKey,
    ConfigurationView,
    OrderedCommands,
)

router = APIRouter(prefix="/stations", tags=["configuration"], route_class=AuditedRoute)


class Refresh(BaseModel):
    """Which keys to read; none reads all of them."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"keys": ["HeartbeatInterval"]}]}
    )

    keys: Annotated[list[ConfigurationKey], Field(max_length=TEMPLATE_KEYS_MAX)] = []


@router.get(
    "/{station_id:segment}/configuration",
    response_model=ConfigurationView,
    summary="Get a station's last known configuration",
)
async def get_configuration(request: Request, _: StationViewer, station_id: StationId) -> Response:
    """Return each key as the station last reported or took it; secrets read `***`."""
    return Json(await ask_registry(request, "configuration.get", {"station_id": station_id}))


@router.post(
    "/{station_id:segment}/configuration/refresh",
    response_model=OrderedCommands,
    status_code=202,
    summary="Read a station's configuration again",
)
async def refresh(
    request: Request, operator: StationOperator, station_id: StationId, body: Refresh | None = None
) -> Response:
    """Send GetConfiguration: one for all keys, or for the given ones in the pieces it takes.

    A list of keys is only sent to a station whose GetConfigurationMaxKeys is known; the others
    are asked for everything. The commands wait up to 15 minutes for an offline station.
    """
    parameters = {
        "station_id": station_id,
        "keys": body.keys if body is not None else [],
        "created_by": operator.name,
    }
    return Json(await ask_registry(request, "configuration.refresh", parameters), 202)
