"""POST /auth/token."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from pydantic import BaseModel
from starlette.responses import Response

from command_api.handlers.sessions import WrongCredentials
from command_api.http.answers import Json
from command_api.http.problems import ProblemResponse
from command_api.http.state import state_of

router = APIRouter(prefix="/auth", tags=["log-in"])


class TokenAnswer(BaseModel):
    """A bearer token and how long it is good for, in seconds."""

    access_token: str
    token_type: str
    expires_in: int


@router.post("/token", response_model=TokenAnswer, summary="Log in")
async def create_token(
    request: Request,
    username: Annotated[str, Form(max_length=255, pattern=r"^[^\x00]*$")],
    password: Annotated[str, Form(max_length=1_000)],
    grant_type: Annotated[str | None, Form(pattern="^password$")] = None,
) -> Response:
    """Return a token for `Authorization: Bearer ...` (OAuth2 password form)."""
    address = request.client.host if request.client else ""
    try:
        token = await state_of(request).sessions.log_in(username, password, address)
    except WrongCredentials as error:
        if error.retry_after_s is not None:
            return ProblemResponse(
                429,
                "too_many_failures",
                "too many failed log-ins; only the right password is accepted for a while",
                headers={"Retry-After": str(round(error.retry_after_s))},
            )
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
