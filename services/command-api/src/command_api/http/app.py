"""The application: routers, middleware, documentation."""

from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.routing import Route

from command_api.http import (
    api_keys,
    auth,
    certificates,
    charging,
    commands,
    configuration,
    configuration_templates,
    events,
    id_tokens,
    jobs,
    local_lists,
    messages,
    parked,
    quarantine,
    refusals,
    reservations,
    rollouts,
    security_events,
    stations,
    status,
    transactions,
    users,
)
from command_api.http.body_limit import BodyLimit
from command_api.http.head_requests import HeadRequests
from command_api.http.openapi import openapi_document
from command_api.http.pages import page_routes
from command_api.http.probes import probe_routes
from command_api.http.problems import install_problem_handlers
from command_api.http.raw_paths import RawPaths
from command_api.http.request_limit import RequestLimit
from command_api.http.state import ApiState
from command_api.http.uploads import upload_routes

PREFIX = "/api/v1"
_RESOURCES = (
    auth,
    status,
    stations,
    local_lists,
    reservations,
    messages,
    refusals,
    commands,
    configuration,
    configuration_templates,
    transactions,
    charging,
    quarantine,
    parked,
    id_tokens,
    jobs,
    rollouts,
    users,
    api_keys,
    events,
    security_events,
    certificates,
)


def create_app(state: ApiState) -> FastAPI:
    """Build the application around the use cases."""
    app = FastAPI(
        title="CSMS",
        version=status.VERSION,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        # A body without a type is what the route expects; `BodyRoute` refuses any other type.
        strict_content_type=False,
    )
    app.state.api = state
    # First in line, and without FastAPI's machinery: the route that carries the load.
    app.router.routes.insert(
        0,
        Route(
            PREFIX + commands.PATH,
            commands.create_command,
            methods=["POST"],
            include_in_schema=False,
        ),
    )
    api = APIRouter(prefix=PREFIX)
    for resource in _RESOURCES:
        api.include_router(resource.router)
    app.include_router(api)
    app.router.routes.extend([*probe_routes(), *page_routes(), *upload_routes()])
    install_problem_handlers(app)
    app.add_middleware(HeadRequests)
    app.add_middleware(BodyLimit)
    app.add_middleware(RawPaths)
    app.add_middleware(RequestLimit)
    _document(app)
    return app


def _document(app: FastAPI) -> None:
    document: dict[str, Any] | None = None

    def openapi() -> dict[str, Any]:
        nonlocal document
        if document is None:
            document = openapi_document(app, status.VERSION, app.state.api.min_password_length)
        return document

    # The documented way to extend it.
    app.openapi = openapi  # type: ignore[method-assign]
