"""Log-in: `POST /auth/token`."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from pydantic import BaseModel
from starlette.responses import Response

from command_api.accounts.handlers.logins import WrongCredentials
from command_api.http.access.client_address import client_address
from command_api.http.access.declarations import Open
from command_api.http.answers.documents import Json
from command_api.http.answers.problems import ProblemResponse
from command_api.http.requests.body_route import BodyRoute
from command_api.http.state import state_of

router = APIRouter(prefix="/auth", tags=["log-in"], route_class=BodyRoute)


class TokenAnswer(BaseModel):
    """A bearer token and how long it is good for, in seconds."""

    access_token: str
    token_type: str
    expires_in: int


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
    address, agent = client_address(request), request.headers.get("user-agent", "")
    try:
        token = await state_of(request).logins.log_in(username, password, address, agent)
    except WrongCredentials:
        return ProblemResponse(
            401,
            "wrong_credentials",
            "wrong user name or password",
            headers={"WWW-Authenticate": 'Bearer realm="csms"'},
        )
    return Json(
        {
            "access_token": token.access_token,
            "token_type": "bearer",
            "expires_in": token.expires_in,
        },
        headers={"Cache-Control": "no-store"},
    )
