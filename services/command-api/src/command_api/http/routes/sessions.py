"""A user's own account, and the sessions of users."""

from typing import Annotated

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from command_api.http.access.audited_route import AuditedRoute
from command_api.http.access.client_address import client_address
from command_api.http.access.declarations import EveryViewer, Oneself
from command_api.http.answers.documents import Json, no_content
from command_api.http.requests.parameters import DEFAULT_LIMIT, Cursor, Limit
from command_api.http.routes.users import PASSWORD, Username, UserView
from command_api.http.state import state_of
from csms_shared.contracts.pages import Page

router = APIRouter(prefix="/users", tags=["users"], route_class=AuditedRoute)

_NO_USER = {"description": "An API key asks; it is no user."}


class SessionView(BaseModel):
    """What a log-in gave out; `current` is the one that asks.

    `last_seen_at` and `address` are of its last use; the time may be 5 minutes old.
    """

    session_id: str
    created_at: str
    expires_at: str
    last_seen_at: str
    address: str
    user_agent: str
    current: bool


class OwnPassword(BaseModel):
    """The present password, and the one from now on."""

    model_config = ConfigDict(extra="forbid")

    current_password: str = Field(max_length=1_000)
    new_password: str = PASSWORD


@router.get("/me", response_model=UserView, summary="Get oneself", responses={404: _NO_USER})
async def get_oneself(request: Request, principal: EveryViewer) -> Response:
    """Return the user who asks."""
    return Json(await state_of(request).sessions.own(principal))


@router.put(
    "/me/password",
    status_code=204,
    summary="Change one's own password",
    responses={
        404: _NO_USER,
        409: {"description": "The user was changed at the same time."},
        429: {"description": "Too many tries were wrong, or too many passwords are looked at."},
    },
)
async def change_own_password(
    request: Request, principal: EveryViewer, body: OwnPassword
) -> Response:
    """Change the password of who asks; the user's other sessions end."""
    await state_of(request).sessions.change_own_password(
        principal, body.current_password, body.new_password, client_address(request)
    )
    return no_content()


@router.get(
    "/{username:username}/sessions", response_model=Page[SessionView], summary="List sessions"
)
async def list_sessions(
    request: Request,
    principal: Oneself,
    username: Username,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response:
    """Return the sessions of a user that count, newest first."""
    return Json(await state_of(request).sessions.list_of(username, principal, limit, cursor))


@router.delete("/{username:username}/sessions", status_code=204, summary="End all sessions")
async def end_sessions(request: Request, asking: Oneself, username: Username) -> Response:
    """Log a user out everywhere, as log-out does for one session."""
    await state_of(request).sessions.end_all(username, asking.acts_for)
    return no_content()


@router.delete(
    "/{username:username}/sessions/{session_id:segment}", status_code=204, summary="End a session"
)
async def end_session(
    request: Request,
    asking: Oneself,
    username: Username,
    session_id: Annotated[str, Path(min_length=1, max_length=255)],
) -> Response:
    """End one session of a user."""
    await state_of(request).sessions.end_one(username, session_id, asking.acts_for)
    return no_content()
