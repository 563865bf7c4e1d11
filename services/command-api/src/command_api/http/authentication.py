"""Who asks, and whether they may."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Request
from starlette.exceptions import HTTPException

from command_api.domain.roles import Principal, Role
from command_api.http.state import state_of
from csms_shared.refusals import refuse


class Unauthenticated(HTTPException):
    """Nobody known asks."""

    def __init__(self, detail: str) -> None:
        super().__init__(401, detail, {"WWW-Authenticate": 'Bearer realm="csms"'})


async def authenticate(request: Request) -> Principal:
    """Return who asks, by bearer token or `X-API-Key`.

    Raises:
        Unauthenticated: no credentials, or wrong ones.
    """
    known: Principal | None = getattr(request.state, "principal", None)
    if known is not None:
        return known
    sessions = state_of(request).sessions
    headers = request.headers
    key = headers.get("x-api-key")
    if key is not None:
        principal = await sessions.by_api_key(key)
    else:
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated("log in at /api/v1/auth/token, or send X-API-Key")
        principal = await sessions.by_token(token.strip())
    if principal is None:
        raise Unauthenticated("the token or key is not valid, or no longer")
    request.state.principal = principal
    return principal


async def authorize(request: Request, role: Role) -> Principal:
    """Return who asks, if they may.

    Raises:
        ProblemRaised: 403, the role does not suffice.
    """
    principal = await authenticate(request)
    if not principal.role.includes(role):
        raise refuse(403, "forbidden", f"this needs the role {role}, yours is {principal.role}")
    return principal


def _requires(role: Role) -> Callable[[Request], Awaitable[Principal]]:
    async def dependency(request: Request) -> Principal:
        return await authorize(request, role)

    return dependency


Viewer = Annotated[Principal, Depends(_requires(Role.VIEWER))]
Operator = Annotated[Principal, Depends(_requires(Role.OPERATOR))]
Administrator = Annotated[Principal, Depends(_requires(Role.ADMIN))]
