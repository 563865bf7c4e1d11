"""Log-out: `POST /auth/logout`."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from command_api.http.access.audited_route import AuditedRoute
from command_api.http.access.authentication import Unauthenticated, is_by_cookie
from command_api.http.access.declarations import EveryViewer
from command_api.http.access.session_cookie import clear_session, session_cookie
from command_api.http.answers.documents import no_content
from command_api.http.answers.problems import problem_of
from command_api.http.state import state_of


class _LogOutRoute(AuditedRoute):
    """Clears the cookie of a session that has ended already, too."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the route's handler, which forgets a cookie that counts no more."""
        handler = super().get_route_handler()

        async def clearing(request: Request) -> Response:
            try:
                return await handler(request)
            except Unauthenticated as error:
                response = await problem_of(request, error)
                if session_cookie(request) is not None:
                    clear_session(response, request)
                return response

        return clearing


router = APIRouter(prefix="/auth", tags=["log-in"], route_class=_LogOutRoute)


@router.post(
    "/logout",
    status_code=204,
    summary="Log out",
    responses={404: {"description": "An API key asks; it has no session."}},
)
async def end_own_session(request: Request, principal: EveryViewer) -> Response:
    """End the session of the token or cookie that this is asked with, and clear that cookie.

    It counts no more from the next request on; at a replica that the broker can't tell, within
    5 s. A cookie that counts no more is cleared all the same, with 401.
    """
    await state_of(request).sessions.log_out(principal)
    response = no_content()
    if is_by_cookie(request):
        clear_session(response, request)
    return response
