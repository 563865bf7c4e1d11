"""The suite itself."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from command_api.http.access.declarations import DeploymentViewer
from command_api.http.answers.documents import Json
from command_api.http.state import state_of
from command_api.system.domain import SystemView

router = APIRouter(tags=["status"])


@router.get("/system", response_model=SystemView, summary="The suite itself")
async def get_system(request: Request, _: DeploymentViewer) -> Response:
    """Return who answers, what waits, the size of the database, its backups; at most 2 s old.

    Always 200: what is down is what one wants to see here.
    """
    return Json((await state_of(request).suite.get()).model_dump(mode="json"))
