"""Routes whose every use is noted: who, what, when, and how it ended.

Commands are not: each is a row that says all of that itself.
"""

from collections.abc import Callable, Coroutine
from typing import Any

import structlog
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from command_api.http import nul_characters
from command_api.http.authentication import authenticate
from command_api.http.state import ApiState, state_of
from command_api.store.audit import record_outcome, record_write
from csms_shared.db.engine import in_transaction
from csms_shared.errors import Unavailable
from csms_shared.refusals import ProblemRaised, refuse

log = structlog.get_logger(__name__)

_READING = ("GET", "HEAD")
_PATH_MAX = 2_000


class AuditedRoute(APIRoute):
    """Writes the note first: what can't be noted is not done."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the route's handler with the notes around it."""
        handler = super().get_route_handler()

        async def audited(request: Request) -> Response:
            if request.method in _READING:
                return await handler(request)
            state = state_of(request)
            audit_id = await _note(request, state)
            status = 500
            try:
                if fields := nul_characters.fields_of_json(await request.body()):
                    problems = ((field, "holds NUL") for field in fields)
                    raise refuse(422, "validation_failed", "no text may hold NUL", *problems)
                response = await handler(request)
                status = response.status_code
            except ProblemRaised as refused:
                status = refused.problem.status
                raise
            except HTTPException as error:
                status = error.status_code
                raise
            except RequestValidationError:
                status = 422
                raise
            finally:
                await _complete(state, audit_id, status)
            return response

        return audited


async def _note(request: Request, state: ApiState) -> int:
    principal = await authenticate(request)
    address = request.client.host if request.client else ""
    path = request.scope["path"][:_PATH_MAX]
    return await in_transaction(
        state.engine,
        lambda connection: record_write(connection, principal, address, request.method, path),
    )


async def _complete(state: ApiState, audit_id: int, status: int) -> None:
    try:
        await in_transaction(
            state.engine, lambda connection: record_outcome(connection, audit_id, status)
        )
    except Unavailable as error:
        # The note stands without an outcome, which says what is known.
        log.warning("audit_outcome_not_written", audit_id=audit_id, status=status, error=str(error))
