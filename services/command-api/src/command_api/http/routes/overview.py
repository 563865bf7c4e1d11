"""What an operator sees first."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from command_api.http.access.declarations import ScopedViewer
from command_api.http.answers.documents import Json
from command_api.http.state import state_of
from command_api.overview.handlers import OverviewView, Viewpoint
from csms_shared.values.tenants import DEFAULT_TENANT

router = APIRouter(tags=["status"])


@router.get("/overview", response_model=OverviewView, summary="What an operator sees first")
async def get_overview(request: Request, viewer: ScopedViewer) -> Response:
    """Return the fleet in numbers, and what needs attention; at most 2 seconds old.

    Always 200: a service that does not answer costs its own part, and is named in `away`. Who is
    limited to sites or tags is told of what they may list: connectors that are faulted, stations
    that are offline, commands that failed. What has been parked, and system events of level
    `error`, are shown to users and keys of `default`.
    """
    of_deployment = (
        viewer.scope is None and viewer.is_of_deployment and viewer.acts_for == DEFAULT_TENANT
    )
    viewpoint = Viewpoint(viewer.acts_for, viewer.scope, of_deployment)
    overview = await state_of(request).overviews.get(viewpoint)
    return Json(overview.model_dump(mode="json"))
