"""Who asks, for which tenant, and whether they may."""

import re
from dataclasses import replace
from enum import StrEnum

from fastapi import Request
from starlette.exceptions import HTTPException

from command_api.accounts.domain.roles import Principal, Role
from command_api.http.access.client_address import client_address
from command_api.http.access.session_cookie import require_own_page, session_cookie
from command_api.http.state import state_of
from command_api.scopes.domain import limit_to
from command_api.scopes.handlers import require_in_scope
from command_api.tenants.handlers import Tenants, unknown_tenant
from csms_shared.contracts.refusals import outside_scope, refuse
from csms_shared.db.tenancy import act_for
from csms_shared.values.tenants import TENANT_ID_PATTERN

TENANT_HEADER = "X-Tenant"
_TENANT_ID = re.compile(TENANT_ID_PATTERN)


class Reach(StrEnum):
    """Whose a route's resources are.

    Those of a `tenant`: of whoever asks, or of the one for which a platform administrator acts. Of
    the `deployment`: read by its own people, who are those of the default tenant. `platform`: of
    the deployment too, and only for platform administrators.
    """

    TENANT = "tenant"
    DEPLOYMENT = "deployment"
    PLATFORM = "platform"


class Scoping(StrEnum):
    """What a route is to users and keys that are limited to sites or tags.

    `refused`, unless it says otherwise. `station`: it is about the one in its path, `station_id`,
    which must be in the scope. `filtered`: services are asked within the scope, and answer so, or
    the route itself looks (`require_station`, `stations_in_scope`). `no station`: it tells nothing
    of stations.
    """

    REFUSED = "refused"
    STATION = "station"
    FILTERED = "filtered"
    NO_STATION = "no station"


class Unauthenticated(HTTPException):
    """Nobody known asks."""

    def __init__(self, detail: str) -> None:
        super().__init__(401, detail, {"WWW-Authenticate": 'Bearer realm="csms"'})


async def authenticate(request: Request) -> Principal:
    """Return who asks, by `X-API-Key`, bearer token or the cookie of a browser's session.

    Any suffices, as the OpenAPI document says: a wrong or unreadable one beside a valid one
    does not count. Where several are valid, the first of these says who asks.

    Raises:
        Unauthenticated: no credentials, or no valid ones.
        TooManyRequests: their tenant has asked as often as it may.
        ProblemRaised: 404, they may not act for the tenant that they name, or there is none; 403,
            the cookie alone is valid, and it may be that a page of elsewhere asks.
    """
    known: Principal | None = getattr(request.state, "principal", None)
    if known is not None:
        return known
    tenants = state_of(request).tenants
    recognised, by_cookie = await _recognise(request, from_memory=True)
    if by_cookie:
        require_own_page(request)
    tenants.admit(recognised.tenant_id)
    wanted = request.headers.get(TENANT_HEADER)
    principal = recognised if wanted is None else await _acting_for(tenants, recognised, wanted)
    # From here on: what is read and written, and what other services are asked.
    act_for(principal.acts_for)
    limit_to(principal.scope)
    request.state.principal = principal
    request.state.by_cookie = by_cookie
    return principal


def is_by_cookie(request: Request) -> bool:
    """Tell whether it is the cookie that says who asks, of whom it is known."""
    by_cookie: bool = getattr(request.state, "by_cookie", False)
    return by_cookie


async def _acting_for(tenants: Tenants, principal: Principal, wanted: str) -> Principal:
    if wanted == principal.tenant_id:
        return principal
    if not principal.is_platform or not _TENANT_ID.fullmatch(wanted):
        # Whether there is such a tenant is nobody else's business.
        raise unknown_tenant(wanted)
    await tenants.require(wanted)
    return replace(principal, acts_for=wanted)


async def _recognise(request: Request, *, from_memory: bool) -> tuple[Principal, bool]:
    """Return who asks, and whether nothing but the cookie says so."""
    logins = state_of(request).logins
    key, bearer, cookie = (
        request.headers.get("x-api-key"),
        _bearer_token(request),
        session_cookie(request),
    )
    if key is None and bearer is None and cookie is None:
        raise Unauthenticated("log in at /api/v1/auth/token, or send X-API-Key")
    principal = None if key is None else await logins.by_api_key(key, from_memory=from_memory)
    if principal is not None:
        return principal, False
    address = client_address(request)
    for token, by_cookie in ((bearer, False), (cookie, True)):
        if token is not None:
            principal = await logins.by_token(token, address, from_memory=from_memory)
            if principal is not None:
                return principal, by_cookie
    raise Unauthenticated("the token or key is not valid, or no longer")


def _bearer_token(request: Request) -> str | None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None


async def authorize(
    request: Request,
    role: Role,
    reach: Reach = Reach.TENANT,
    scoping: Scoping = Scoping.REFUSED,
) -> Principal:
    """Return who asks, if they may.

    Raises:
        ProblemRaised: 403, the role does not suffice, or it is not theirs to see; 404, the station
            in the path is outside their scope.
    """
    principal = await authenticate(request)
    require_role(principal, role)
    if reach is Reach.PLATFORM and not principal.is_platform:
        raise refuse(403, "forbidden", "this needs a platform administrator")
    if reach is Reach.DEPLOYMENT and not principal.is_of_deployment:
        raise refuse(403, "forbidden", "this belongs to the deployment, and to no tenant")
    await _keep_to_scope(request, principal, scoping)
    return principal


def require_role(principal: Principal, role: Role) -> None:
    """Look whether somebody has a role.

    Raises:
        ProblemRaised: 403, they have not.
    """
    if not principal.role.includes(role):
        raise refuse(403, "forbidden", f"this needs the role {role}, yours is {principal.role}")


async def _keep_to_scope(request: Request, principal: Principal, scoping: Scoping) -> None:
    # Until something else is said: what a service can't tell apart by the scope, it refuses.
    limit_to(principal.scope)
    if principal.scope is None:
        return
    if scoping is Scoping.REFUSED:
        raise outside_scope()
    if scoping is Scoping.STATION:
        await require_station(request, principal, request.path_params["station_id"])
    elif scoping is Scoping.NO_STATION:
        limit_to(None)


async def require_station(request: Request, principal: Principal, station_id: str) -> None:
    """Look whether who asks may see a station; from here on, the request is about it alone.

    Raises:
        ProblemRaised: 404, there is no such station within their scope.
        ServiceAway: station-registry does not answer.
    """
    if principal.scope is not None:
        await require_in_scope(state_of(request).services, principal.scope, station_id)
        limit_to(None)


async def is_still_authorized(request: Request, role: Role) -> bool:
    """Tell whether who asked once would be let in now: for answers that take long.

    Not from memory: a session that was ended at another replica counts here no more.
    """
    before: Principal = request.state.principal
    try:
        now, _ = await _recognise(request, from_memory=False)
    except Unauthenticated:
        return False
    acts_for = before.acts_for == now.tenant_id or now.is_platform
    return acts_for and now.role.includes(role) and now.scope == before.scope
