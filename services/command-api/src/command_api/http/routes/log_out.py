"""Log-out: `POST /auth/logout`."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from command_api.http.access.audited_route import AuditedRoute
from command_api.http.access.declarations import EveryViewer
from command_api.http.answers.documents import no_content
from command_api.http.state import state_of

router = APIRouter(prefix="/auth", tags=["log-in"], route_class=AuditedRoute)


@router.post(
    "/logout",
    status_code=204,
    summary="Log out",
    responses={404: {"description": "An API key asks; it has no session."}},
)
async def end_own_session(request: Request, principal: EveryViewer) -> Response:
    """End the session of the token that this is asked with.

    The token counts no more from the next request on; at a replica that the broker can't tell,
    within 5 s.
    """
    await state_of(request).sessions.log_out(principal)
    return no_content()
