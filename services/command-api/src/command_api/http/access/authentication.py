"""Who asks, and whether they may."""

from fastapi import Request
from starlette.exceptions import HTTPException

from command_api.accounts.domain.roles import Principal, Role
from command_api.http.access.client_address import client_address
from command_api.http.state import state_of
from csms_shared.contracts.refusals import refuse


class Unauthenticated(HTTPException):
    """Nobody known asks."""

    def __init__(self, detail: str) -> None:
        super().__init__(401, detail, {"WWW-Authenticate": 'Bearer realm="csms"'})


async def authenticate(request: Request) -> Principal:
    """Return who asks, by `X-API-Key` or bearer token.

    Either suffices, as the OpenAPI document says: a wrong or unreadable one beside a valid one
    does not count. Where both are valid, the key says who asks.

    Raises:
        Unauthenticated: no credentials, or no valid ones.
    """
    known: Principal | None = getattr(request.state, "principal", None)
    if known is not None:
        return known
    request.state.principal = principal = await _recognise(request, from_memory=True)
    return principal


async def _recognise(request: Request, *, from_memory: bool) -> Principal:
    logins = state_of(request).logins
    key, token = request.headers.get("x-api-key"), _bearer_token(request)
    if key is None and token is None:
        raise Unauthenticated("log in at /api/v1/auth/token, or send X-API-Key")
    principal = None if key is None else await logins.by_api_key(key, from_memory=from_memory)
    if principal is None and token is not None:
        address = client_address(request)
        principal = await logins.by_token(token, address, from_memory=from_memory)
    if principal is None:
        raise Unauthenticated("the token or key is not valid, or no longer")
    return principal


def _bearer_token(request: Request) -> str | None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None


async def authorize(request: Request, role: Role) -> Principal:
    """Return who asks, if they may.

    Raises:
        ProblemRaised: 403, the role does not suffice.
    """
    principal = await authenticate(request)
    if not principal.role.includes(role):
        raise refuse(403, "forbidden", f"this needs the role {role}, yours is {principal.role}")
    return principal


async def is_still_authorized(request: Request, role: Role) -> bool:
    """Tell whether who asked once would be let in now: for answers that take long.

    Not from memory: a session that was ended at another replica counts here no more.
    """
    try:
        return (await _recognise(request, from_memory=False)).role.includes(role)
    except Unauthenticated:
        return False
