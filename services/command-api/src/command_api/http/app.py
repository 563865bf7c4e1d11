"""The application: routers, middleware, documentation."""

from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.requests import Request
from starlette.responses import Response

from command_api.http.access.acting import ActsForNobody
from command_api.http.access.declarations import Open, PlainRoute, require_declarations
from command_api.http.access.request_ids import RequestIds
from command_api.http.access.request_limit import RequestLimit
from command_api.http.answers.documents import Json
from command_api.http.answers.problems import install_problem_handlers
from command_api.http.openapi.document import openapi_document
from command_api.http.requests.body_limit import BodyLimit
from command_api.http.requests.head_requests import HeadRequests
from command_api.http.requests.raw_paths import RawPaths
from command_api.http.routes import (
    api_keys,
    audit,
    bills,
    cdrs,
    certificates,
    charging,
    command_groups,
    commands,
    configuration,
    configuration_templates,
    costs,
    event_history,
    event_replays,
    events,
    fleet_messages,
    history,
    id_tokens,
    job_uploads,
    jobs,
    local_lists,
    log_in,
    log_out,
    messages,
    overview,
    parked,
    quarantine,
    refusals,
    reservations,
    rollouts,
    security_events,
    sessions,
    sites,
    stations,
    status,
    system,
    system_events,
    tariff_assignments,
    tariffs,
    tenants,
    transaction_closing,
    transactions,
    users,
)
from command_api.http.routes.pages import page_routes
from command_api.http.routes.probes import probe_routes
from command_api.http.routes.uploads import upload_routes
from command_api.http.state import ApiState

PREFIX = "/api/v1"
_RESOURCES = (
    log_in,
    log_out,
    status,
    overview,
    system,
    sites,
    stations,
    local_lists,
    reservations,
    history,
    messages,
    refusals,
    command_groups,
    commands,
    configuration,
    configuration_templates,
    transactions,
    transaction_closing,
    costs,
    tariffs,
    tariff_assignments,
    bills,
    cdrs,
    charging,
    quarantine,
    parked,
    id_tokens,
    jobs,
    job_uploads,
    rollouts,
    sessions,
    users,
    api_keys,
    tenants,
    audit,
    events,
    fleet_messages,
    event_history,
    event_replays,
    system_events,
    security_events,
    certificates,
)


def create_app(state: ApiState) -> FastAPI:
    """Build the application around the use cases."""
    app = FastAPI(
        title="CSMS",
        version=status.VERSION,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        # A body without a type is what the route expects; `BodyRoute` refuses any other type.
        strict_content_type=False,
    )
    app.state.api = state
    # First in line, and without FastAPI's machinery: the route that carries the load.
    app.router.routes.insert(0, commands.command_route(PREFIX))
    api = APIRouter(prefix=PREFIX)
    for resource in _RESOURCES:
        api.include_router(resource.router)
    api.include_router(tariffs.simulations)
    app.include_router(api)
    app.router.routes.extend([*probe_routes(), *page_routes(), *upload_routes()])
    _document(app)
    require_declarations(app.routes)
    install_problem_handlers(app)
    app.add_middleware(HeadRequests)
    app.add_middleware(BodyLimit)
    app.add_middleware(RawPaths)
    app.add_middleware(
        RequestLimit, limit_reached=lambda limit, message: state.limit_reached(limit, message)
    )
    app.add_middleware(RequestIds)
    app.add_middleware(ActsForNobody)
    return app


def _document(app: FastAPI) -> None:
    document: dict[str, Any] | None = None

    def openapi() -> dict[str, Any]:
        nonlocal document
        if document is None:
            document = openapi_document(app, status.VERSION, app.state.api.min_password_length)
        return document

    async def answer(_: Request) -> Response:
        return Json(app.openapi())

    # The documented way to extend it.
    app.openapi = openapi  # type: ignore[method-assign]
    described = Open("it describes the routes, and nothing of the deployment")
    app.router.routes.append(PlainRoute("/openapi.json", answer, described))
