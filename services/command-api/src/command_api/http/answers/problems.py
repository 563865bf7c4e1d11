"""Every error as RFC 9457 problem details."""

import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

import orjson
import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from prometheus_client import Counter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from command_api.accounts.handlers.logins import TooManyFailures
from command_api.accounts.handlers.passwords import TooManyLogins
from command_api.concurrency.gathering import TooBusy
from command_api.http.answers.allowed_methods import allowed_methods
from command_api.live_events.handlers.hub import TooManyStreams
from command_api.ports import ServiceAway, ServiceFailed, ServiceOlder
from command_api.tenants.handlers import TooManyRequests
from csms_shared.contracts.refusals import ProblemRaised
from csms_shared.contracts.requests import Problem
from csms_shared.runtime.errors import Unavailable

log = structlog.get_logger(__name__)

BUSY = Counter(
    "csms_rest_busy_total", "Requests refused because a buffer was full, by the bound.", ["bound"]
)
for _bound in ("requests", *(error.__name__ for error in (TooBusy, TooManyLogins, TooManyStreams))):
    BUSY.labels(_bound)
# The limit's name for operators, and what is told of it.
_LIMITS: dict[type[Exception], tuple[str, str]] = {
    TooBusy: ("commands", "A command was refused: too many wait to be stored or looked up."),
    TooManyLogins: ("log_ins", "A log-in was refused: too many passwords are looked at."),
    TooManyStreams: ("streams", "A stream of events was refused: too many are open."),
}
MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 5


class ProblemResponse(Response):
    """A problem on its way out."""

    media_type = MEDIA_TYPE

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        errors: Sequence[Mapping[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        document: dict[str, Any] = {
            "type": "about:blank",
            "title": HTTPStatus(status).phrase,
            "status": status,
            "code": code,
            "detail": detail,
        }
        if errors:
            document["errors"] = errors
        super().__init__(orjson.dumps(document), status, headers)


def problem_response(problem: Problem) -> ProblemResponse:
    """Return what another service, or a use case, refused with."""
    headers = {"Retry-After": str(RETRY_AFTER_S)} if problem.status in (429, 503) else None
    errors = [error.model_dump() for error in problem.errors]
    return ProblemResponse(problem.status, problem.code, problem.detail, errors, headers)


def away(detail: str) -> ProblemResponse:
    """Return the answer while something this service needs does not answer."""
    return ProblemResponse(
        503, "service_unavailable", detail, headers={"Retry-After": str(RETRY_AFTER_S)}
    )


def install_problem_handlers(app: FastAPI) -> None:
    """Turn every error of the application into a problem."""
    for error, handler in _HANDLERS.items():
        app.add_exception_handler(error, handler)


async def problem_of(request: Request, error: Exception) -> Response:
    """Return what a client gets where `error` ends its request."""
    handler = next(_HANDLERS[one] for one in type(error).__mro__ if one in _HANDLERS)
    return await handler(request, error)


def with_member(problem: Response, name: str, value: Any) -> Response:
    """Return a problem that says something more (RFC 9457, 3.2)."""
    document = orjson.loads(problem.body) | {name: value}
    headers = {key: problem.headers[key] for key in problem.headers if key != "content-length"}
    return Response(orjson.dumps(document), problem.status_code, headers)


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, ProblemRaised)
    return problem_response(error.problem)


async def _invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    errors = [
        {"field": _field(problem), "message": problem["msg"].removeprefix("Value error, ")}
        for problem in error.errors()
    ]
    return ProblemResponse(422, "validation_failed", "the request is not valid", errors)


def _field(problem: Mapping[str, Any]) -> str:
    """Name the field without where it was found: `body.a.0.b` is `a.0.b`."""
    if problem["type"] == "json_invalid":
        return "body"
    # A key that is wrong itself is named as its value is.
    parts = [str(part) for part in problem["loc"] if part != "[key]"]
    return ".".join(parts[1:] if len(parts) > 1 else parts) or "body"


_CODES = {
    401: ("unauthenticated", ""),
    404: ("not_found", "there is nothing here"),
    405: ("method_not_allowed", "this resource has no such method"),
    408: ("request_timeout", "the body did not come to its end"),
    413: ("too_large", "the body is too large"),
}


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code, detail = _CODES.get(error.status_code, ("http_error", ""))
    headers = error.headers
    if error.status_code == 405:
        headers = {"Allow": allowed_methods(request)}
    return ProblemResponse(error.status_code, code, detail or str(error.detail), headers=headers)


async def _away(_: Request, error: Exception) -> Response:
    return away(str(error))


async def _failed(_: Request, error: Exception) -> Response:
    return ProblemResponse(500, "internal_error", str(error))


async def _database_away(_: Request, error: Exception) -> Response:
    log.warning("database_away", error=str(error))
    return ProblemResponse(
        503,
        "database_unavailable",
        "the database does not answer",
        headers={"Retry-After": str(RETRY_AFTER_S)},
    )


async def _busy(request: Request, error: Exception) -> Response:
    BUSY.labels(type(error).__name__).inc()
    request.app.state.api.limit_reached(*_LIMITS[type(error)])
    return ProblemResponse(
        429, "too_busy", "too much is waiting already", headers={"Retry-After": str(RETRY_AFTER_S)}
    )


async def _too_many_failures(_: Request, error: Exception) -> Response:
    assert isinstance(error, TooManyFailures)
    return ProblemResponse(
        429,
        "too_many_failures",
        "too many wrong passwords; none is looked at for a while",
        headers={"Retry-After": str(math.ceil(error.retry_after_s))},
    )


async def _too_many_requests(_: Request, error: Exception) -> Response:
    assert isinstance(error, TooManyRequests)
    return ProblemResponse(
        429,
        "too_many_requests",
        "your tenant has asked as often as it may in a second",
        headers={"Retry-After": str(math.ceil(error.retry_after_s))},
    )


async def _defect(request: Request, error: Exception) -> Response:
    log.error(
        "request_failed",
        method=request.method,
        path=request.url.path,
        request_id=getattr(request.state, "request_id", None),
        exc_info=error,
    )
    return ProblemResponse(500, "internal_error", "a defect of this service; it is in its log")


_HANDLERS: dict[type[Exception], Callable[[Request, Exception], Awaitable[Response]]] = {
    ProblemRaised: _refused,
    RequestValidationError: _invalid,
    HTTPException: _http_error,
    ServiceAway: _away,
    ServiceFailed: _failed,
    ServiceOlder: _away,
    Unavailable: _database_away,
    TooBusy: _busy,
    TooManyFailures: _too_many_failures,
    TooManyLogins: _busy,
    TooManyRequests: _too_many_requests,
    TooManyStreams: _busy,
    Exception: _defect,
}
