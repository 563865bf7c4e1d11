"""Log-in: `POST /auth/token` for programs, `POST /auth/session` for browsers."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from command_api.accounts.domain.roles import Role
from command_api.accounts.handlers.logins import Token, WrongCredentials
from command_api.http.access.client_address import client_address
from command_api.http.access.declarations import Open
from command_api.http.access.session_cookie import refuse_other_sites, set_session
from command_api.http.answers.documents import Json
from command_api.http.answers.problems import ProblemResponse
from command_api.http.requests.body_route import BodyRoute
from command_api.http.state import state_of
from csms_shared.values.times import format_time_ms

router = APIRouter(prefix="/auth", tags=["log-in"], route_class=BodyRoute)

_NOT_STORED = {"Cache-Control": "no-store"}


class TokenAnswer(BaseModel):
    """A bearer token and how long it is good for, in seconds."""

    access_token: str
    token_type: str
    expires_in: int


class Credentials(BaseModel):
    """Who logs in."""

    model_config = ConfigDict(extra="forbid")

    username: str = Field(min_length=1, max_length=255)
    password: str = Field(min_length=1, max_length=1_000)


class SessionAnswer(BaseModel):
    """Who has logged in, and until when that counts; the token itself is in the cookie."""

    username: str
    role: Role
    tenant_id: str
    is_platform: bool
    expires_at: str


@router.post(
    "/token",
    response_model=TokenAnswer,
    summary="Log in",
    dependencies=[Depends(Open("who logs in has no credentials yet but those of the form"))],
    responses={
        401: {"description": "Wrong user name or password."},
        429: {"description": "Too many tries were wrong, or too many log in at once."},
    },
)
async def create_token(
    request: Request,
    username: Annotated[str, Form(max_length=255, pattern=r"^[^\x00]*$")],
    password: Annotated[str, Form(max_length=1_000)],
    grant_type: Annotated[str | None, Form(pattern="^password$")] = None,
) -> Response:
    """Return a token for `Authorization: Bearer ...` (OAuth2 password form)."""
    try:
        token = await _log_in(request, username, password)
    except WrongCredentials:
        return _wrong_credentials()
    return Json(
        {
            "access_token": token.access_token,
            "token_type": "bearer",
            "expires_in": token.expires_in,
        },
        headers=_NOT_STORED,
    )


@router.post(
    "/session",
    response_model=SessionAnswer,
    summary="Log in with a browser",
    dependencies=[Depends(Open("who logs in has no credentials yet but those of the body"))],
    responses={
        200: {"headers": {"Set-Cookie": {"required": True, "schema": {"type": "string"}}}},
        401: {"description": "Wrong user name or password."},
        403: {"description": "A page of another origin asks (`csrf`)."},
        429: {"description": "Too many tries were wrong, or too many log in at once."},
    },
)
async def create_session(request: Request, body: Credentials) -> Response:
    """Set the cookie `csms_session`: requests of the browser are those of the user from then on.

    No script can read it (`HttpOnly`), and no page of elsewhere has it sent (`SameSite=Strict`).
    Where the request came over https, as a trusted proxy says, it is never sent otherwise
    (`Secure`). It ends with the session.
    """
    # Nobody is logged in as somebody else without their doing.
    refuse_other_sites(request)
    try:
        token = await _log_in(request, body.username, body.password)
    except WrongCredentials:
        return _wrong_credentials()
    user = token.user
    response = Json(
        {
            "username": user.username,
            "role": user.role.value,
            "tenant_id": user.tenant_id,
            "is_platform": user.is_platform,
            "expires_at": format_time_ms(token.expires_ms),
        },
        headers=_NOT_STORED,
    )
    set_session(response, request, token.access_token, token.expires_in)
    return response


async def _log_in(request: Request, username: str, password: str) -> Token:
    address, agent = client_address(request), request.headers.get("user-agent", "")
    return await state_of(request).logins.log_in(username, password, address, agent)


def _wrong_credentials() -> ProblemResponse:
    return ProblemResponse(
        401,
        "wrong_credentials",
        "wrong user name or password",
        headers={"WWW-Authenticate": 'Bearer realm="csms"'},
    )
