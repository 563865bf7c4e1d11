"""Every route says who may call it, and one that does not is no part of the application."""

from collections.abc import Iterator
from typing import cast, get_args

import pytest
from fastapi import APIRouter, Depends, FastAPI
from fastapi.routing import iter_route_contexts
from starlette.routing import Route

from command_api.accounts.domain.roles import Role
from command_api.http.access.authentication import Reach, Scoping
from command_api.http.access.declarations import (
    Administrator,
    DeploymentViewer,
    Open,
    Operator,
    PlatformAdministrator,
    Requires,
    UndeclaredRoute,
    Viewer,
    accesses,
    declared_access,
    require_declarations,
)
from command_api.http.answers.documents import no_content
from command_api.http.app import create_app
from command_api.http.state import ApiState

# What anybody may call; each has said why.
OPEN = {
    ("/api/v1/auth/token", "post"),
    ("/api/v1/auth/session", "post"),
    ("/openapi.json", "get"),
    ("/", "get"),
    ("/docs", "get"),
    ("/docs/{name}", "get"),
    ("/docs/ui/{name}", "get"),
    ("/console", "get"),
    ("/console/{path}", "get"),
    ("/console/assets/{edition}/{name}", "get"),
    ("/healthz", "get"),
    ("/readyz", "get"),
    ("/uploads/{token}", "put"),
    ("/uploads/{token}", "post"),
    ("/uploads/{token}/{name}", "put"),
    ("/uploads/{token}/{name}", "post"),
}


@pytest.fixture(scope="module")
def app() -> FastAPI:
    # No use case is asked for anything here.
    return create_app(cast(ApiState, None))


def test_every_route_of_the_application_has_one_declaration(app: FastAPI) -> None:
    declared = [declared_access(route) for route in iter_route_contexts(app.routes)]
    assert len(declared) > 90


def test_only_what_is_meant_to_be_is_open_to_all_and_says_why(app: FastAPI) -> None:
    found = {
        (path, method): access.because
        for path, method, access in accesses(app.routes)
        if isinstance(access, Open) and method != "head"
    }
    assert found.keys() == OPEN
    assert all(found.values())


def test_commands_are_an_operators(app: FastAPI) -> None:
    declared = {(path, method): access for path, method, access in accesses(app.routes)}
    command = "/api/v1/stations/{station_id}/commands/{action}"
    assert declared[command, "post"] == Requires(Role.OPERATOR, Reach.TENANT, Scoping.STATION)


def test_only_what_belongs_to_the_deployment_is_more_than_a_tenants(app: FastAPI) -> None:
    found = {
        (path, method): access.reach
        for path, method, access in accesses(app.routes)
        if not isinstance(access, Open) and access.reach is not Reach.TENANT
    }
    parked, tenants = "/api/v1/parked", "/api/v1/tenants"
    assert found == {
        (tenants, "get"): Reach.PLATFORM,
        (tenants, "post"): Reach.PLATFORM,
        (f"{tenants}/{{tenant_id}}", "get"): Reach.PLATFORM,
        (f"{tenants}/{{tenant_id}}", "patch"): Reach.PLATFORM,
        ("/api/v1/stations/{station_id}/tenant", "put"): Reach.PLATFORM,
        ("/api/v1/system", "get"): Reach.DEPLOYMENT,
        (parked, "get"): Reach.DEPLOYMENT,
        (f"{parked}/bulk/replay", "post"): Reach.PLATFORM,
        (f"{parked}/bulk/delete", "post"): Reach.PLATFORM,
        (f"{parked}/{{item_id}}/replay", "post"): Reach.PLATFORM,
        (f"{parked}/{{item_id}}", "delete"): Reach.PLATFORM,
    }


def test_a_route_about_a_station_is_for_those_who_are_limited_and_have_it_in_their_scope(
    app: FastAPI,
) -> None:
    for path, method, access in accesses(app.routes):
        if not isinstance(access, Open):
            # Who is the platform's is not limited.
            of_station = "{station_id}" in path and access.reach is not Reach.PLATFORM
            assert (access.scoping is Scoping.STATION) == of_station, (path, method)


def test_a_route_that_says_nothing_of_scopes_is_not_for_those_who_are_limited() -> None:
    for role in Role:
        for reach in Reach:
            assert Requires(role, reach).scoping is Scoping.REFUSED
    for declared in (Viewer, Operator, Administrator, DeploymentViewer, PlatformAdministrator):
        (depends,) = get_args(declared)[1:]
        assert depends.dependency.scoping is Scoping.REFUSED


def undeclared() -> Iterator[APIRouter]:
    router = APIRouter()
    router.add_api_route("/bare", no_content)
    yield router
    router = APIRouter()
    router.routes.append(Route("/plain", lambda _: no_content()))
    yield router

    async def both(_: Viewer) -> None: ...

    router = APIRouter()
    router.add_api_route("/twice", both, dependencies=[Depends(Open("by mistake"))])
    yield router


@pytest.mark.parametrize("router", list(undeclared()))
def test_a_route_with_no_declaration_or_with_two_is_refused(router: APIRouter) -> None:
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.include_router(router)
    with pytest.raises(UndeclaredRoute, match=r"has (0|2) declarations"):
        require_declarations(app.routes)
