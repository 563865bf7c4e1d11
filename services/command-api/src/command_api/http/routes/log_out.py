"""Log-out: `POST /auth/logout`."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from command_api.http.access.audited_route import AuditedRoute
from command_api.http.access.declarations import Viewer
from command_api.http.answers.documents import no_content
from command_api.http.state import state_of

router = APIRouter(prefix="/auth", tags=["log-in"], route_class=AuditedRoute)


@router.post(
    "/logout",
    status_code=204,
    summary="Log out",
    responses={404: {"description": "An API key asks; it has no session."}},
)
async def end_own_session(request: Request, principal: Viewer) -> Response:
    """End the session of the token that this is asked with.

    The token counts no more: with the next request here, and within 5 s at every other replica.
    """
    await state_of(request).sessions.log_out(principal)
    return no_content()
