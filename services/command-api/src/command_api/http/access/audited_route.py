"""Routes whose every use is noted: who, what, when, and how it ended.

Commands are not: each is a row that says all of that itself.
"""

from collections.abc import Callable, Coroutine
from typing import Any

import structlog
from fastapi import Request, Response

from command_api.accounts.store.audit import record_asked, record_outcome, record_write
from command_api.http.access.authentication import authenticate
from command_api.http.access.client_address import client_address
from command_api.http.answers.problems import problem_of
from command_api.http.requests.body_route import BodyRoute
from command_api.http.state import ApiState, state_of
from csms_shared.db.engine import in_transaction
from csms_shared.runtime.errors import Unavailable

log = structlog.get_logger(__name__)

_READING = ("GET", "HEAD")
_PATH_MAX = 2_000


class AuditedRoute(BodyRoute):
    """Writes the note first: what can't be noted is not done."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the route's handler with the notes around it."""
        handler = super().get_route_handler()

        async def audited(request: Request) -> Response:
            if request.method in _READING:
                return await handler(request)
            state = state_of(request)
            audit_id = request.state.audit_id = await _note(request, state)
            try:
                response = await handler(request)
            except Exception as error:  # noqa: BLE001 - made into the answer that is noted
                response = await problem_of(request, error)
            outcome = getattr(request.state, "audit_outcome", None)
            await _complete(state, audit_id, response.status_code, outcome)
            return response

        return audited


async def _note(request: Request, state: ApiState) -> int:
    principal = await authenticate(request)
    address = client_address(request)
    path = request.scope["path"][:_PATH_MAX]
    return await in_transaction(
        state.engine,
        lambda connection: record_write(connection, principal, address, request.method, path),
    )


async def note_asked(request: Request, asked: dict[str, Any]) -> None:
    """Note what a request asks for, beyond its path, before it is done."""
    await in_transaction(
        state_of(request).engine,
        lambda connection: record_asked(connection, request.state.audit_id, asked),
    )


def note_outcome(request: Request, outcome: dict[str, Any]) -> None:
    """Have the note say what came of it, beyond the answer's status."""
    request.state.audit_outcome = outcome


async def _complete(
    state: ApiState, audit_id: int, status: int, outcome: dict[str, Any] | None
) -> None:
    try:
        await in_transaction(
            state.engine, lambda connection: record_outcome(connection, audit_id, status, outcome)
        )
    except Unavailable as error:
        # The note stands without an outcome, which says what is known.
        log.warning("audit_outcome_not_written", audit_id=audit_id, status=status, error=str(error))
