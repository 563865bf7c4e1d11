"""Who may call a route: declared on the route itself, once, and enforced by what declares it.

A route of FastAPI has its declaration as a dependency (`Viewer`, `Operator`, `Administrator`,
`Oneself`, `DeploymentViewer`, `PlatformAdministrator`, `Open`), every other one is a `PlainRoute`.
Each says of whose resources it is, too (`Reach`), and what it is to users and keys that are limited
to sites or tags (`Scoping`): nothing, unless it says so (`StationViewer`, `ScopedViewer`, ...). The
OpenAPI document tells all of it from the same declaration, and an application with a route without
one is not built.
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import RouteContext, iter_route_contexts
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from command_api.accounts.domain.roles import Principal, Role
from command_api.http.access.authentication import Reach, Scoping, authenticate, authorize


@dataclass(frozen=True, slots=True)
class Requires:
    """Only this role and those above it; `reach` says of whose resources.

    `scoping`: what it is to those who are limited to sites or tags.
    """

    role: Role
    reach: Reach
    scoping: Scoping = Scoping.REFUSED

    async def __call__(self, request: Request) -> Principal:
        """Return who asks, if they may."""
        return await authorize(request, self.role, self.reach, self.scoping)


@dataclass(frozen=True, slots=True)
class RequiresOneself:
    """The user whom the path names, whichever role that is; of others only an administrator."""

    role: Role = Role.ADMIN
    reach: Reach = Reach.TENANT
    scoping: Scoping = Scoping.NO_STATION

    async def __call__(self, request: Request) -> Principal:
        """Return who asks, if they may."""
        principal = await authenticate(request)
        if principal.username == request.path_params["username"]:
            return principal
        return await authorize(request, self.role)


@dataclass(frozen=True, slots=True)
class Open:
    """Anybody, also without credentials; `because` says why that is meant."""

    because: str

    async def __call__(self, _: Request) -> None:
        """Let everybody in."""


Access = Requires | RequiresOneself | Open


def _limited(role: Role, scoping: Scoping) -> Requires:
    return Requires(role, Reach.TENANT, scoping)


# What these read and change is of the tenant for which they ask, and for nobody who is limited to
# sites or tags.
Viewer = Annotated[Principal, Depends(Requires(Role.VIEWER, Reach.TENANT))]
Operator = Annotated[Principal, Depends(Requires(Role.OPERATOR, Reach.TENANT))]
Administrator = Annotated[Principal, Depends(Requires(Role.ADMIN, Reach.TENANT))]
# The same for those who are limited to sites or tags, too: about the station in the path, about
# what there is of their stations, and about nothing of stations.
StationViewer = Annotated[Principal, Depends(_limited(Role.VIEWER, Scoping.STATION))]
StationOperator = Annotated[Principal, Depends(_limited(Role.OPERATOR, Scoping.STATION))]
StationAdministrator = Annotated[Principal, Depends(_limited(Role.ADMIN, Scoping.STATION))]
ScopedViewer = Annotated[Principal, Depends(_limited(Role.VIEWER, Scoping.FILTERED))]
ScopedOperator = Annotated[Principal, Depends(_limited(Role.OPERATOR, Scoping.FILTERED))]
ScopedAdministrator = Annotated[Principal, Depends(_limited(Role.ADMIN, Scoping.FILTERED))]
EveryViewer = Annotated[Principal, Depends(_limited(Role.VIEWER, Scoping.NO_STATION))]
# What belongs to the deployment.
DeploymentViewer = Annotated[Principal, Depends(Requires(Role.VIEWER, Reach.DEPLOYMENT))]
PlatformAdministrator = Annotated[Principal, Depends(Requires(Role.ADMIN, Reach.PLATFORM))]
Oneself = Annotated[Principal, Depends(RequiresOneself())]


class PlainRoute(Route):
    """A route without FastAPI's machinery, and not in the document of its routes."""

    def __init__(
        self,
        path: str,
        endpoint: Callable[[Request], Awaitable[Response]],
        access: Requires | Open,
        methods: Sequence[str] = ("GET",),
    ) -> None:
        async def guarded(request: Request) -> Response:
            if isinstance(access, Requires):
                await access(request)
            return await endpoint(request)

        super().__init__(path, guarded, methods=list(methods), include_in_schema=False)
        self.access = access


class UndeclaredRoute(Exception):
    """A route says not, or more than once, who may call it."""


def declared_access(route: RouteContext) -> Access:
    """Return who may call a route.

    Raises:
        UndeclaredRoute: it has no declaration, or several.
    """
    found = list(_declarations(route))
    if len(found) != 1:
        raise UndeclaredRoute(f"{route.path or route.name} has {len(found)} declarations of access")
    return found[0]


def _declarations(route: RouteContext) -> Iterator[Access]:
    if isinstance(route.original_route, PlainRoute):
        yield route.original_route.access
    dependant = getattr(route, "dependant", None)
    if dependant is not None:
        yield from access_of(dependant)


def access_of(dependant: Dependant) -> list[Access]:
    """Return the declarations among a route's dependencies."""
    return [one.call for one in dependant.dependencies if isinstance(one.call, Access)]


def require_declarations(routes: Sequence[BaseRoute]) -> None:
    """Look at every route.

    Raises:
        UndeclaredRoute: one has no declaration, or several.
    """
    for route in iter_route_contexts(routes):
        declared_access(route)


def accesses(routes: Sequence[BaseRoute]) -> Iterable[tuple[str, str, Access]]:
    """Return path, method in lower case and declaration of every route with a path."""
    for route in iter_route_contexts(routes):
        for method in route.methods or ():
            if route.path_format is not None:
                yield route.path_format, method.lower(), declared_access(route)
