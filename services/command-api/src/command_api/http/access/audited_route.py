"""Routes whose every use is noted: who, what, from where, before and after, and how it ended.

Commands are not: each is a row that says all of that itself.
"""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import orjson
import structlog
from fastapi import Request, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import Message

from command_api.audit.domain import PATH_MAX, Target, item_path, kept, made_id, target_of
from command_api.audit.store import NewEntry, Outcome, add_entry, add_outcome
from command_api.http.access.authentication import authenticate
from command_api.http.access.client_address import client_address
from command_api.http.access.declarations import access_of
from command_api.http.access.request_ids import request_id
from command_api.http.answers.problems import problem_of
from command_api.http.requests.body_route import BodyRoute
from command_api.http.state import state_of
from csms_shared.contracts.refusals import ProblemRaised
from csms_shared.db.engine import in_transaction
from csms_shared.runtime.errors import Unavailable

log = structlog.get_logger(__name__)

# How long the entry waits for the resource as it was; without it the change is made all the same.
BEFORE_S = 2.0
_READING = ("GET", "HEAD")
_CHANGING = ("PUT", "PATCH", "DELETE")
_MADE = 201


@dataclass(frozen=True, slots=True)
class _Entry:
    id: int
    tenant_id: str
    target: Target


class AuditedRoute(BodyRoute):
    """Writes the entry first: what can't be noted is not done."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the route's handler with the notes around it."""
        handler = super().get_route_handler()

        async def audited(request: Request) -> Response:
            if request.method in _READING:
                return await handler(request)
            await authenticate(request)
            body, unread = await _body(request)
            entry = await self._note(request, body)
            try:
                if unread is not None:
                    raise unread
                response = await handler(Request(request.scope, _again(request, body)))
            except Exception as error:  # noqa: BLE001 - made into the answer that is noted
                response = await problem_of(request, error)
            await _complete(request, entry, response)
            return response

        return audited

    async def _note(self, request: Request, body: bytes) -> _Entry:
        principal = await authenticate(request)
        may = await self._may(request)
        # Whoever may not could fill the table with what they send.
        asked = _document(body) if may else None
        path = request.scope["path"]
        target = target_of(path, asked, principal.name)
        entry = NewEntry(
            tenant_id=principal.acts_for,
            principal=principal.id,
            name=principal.name,
            role=principal.role.value,
            address=client_address(request),
            method=request.method,
            path=path[:PATH_MAX],
            request_id=request_id(request),
            target=target,
            asked=None if asked is None else kept(asked),
            before=await self._before(request) if may else None,
        )
        engine = state_of(request).engine
        return _Entry(
            await in_transaction(engine, lambda connection: add_entry(connection, entry)),
            principal.acts_for,
            target,
        )

    async def _before(self, request: Request) -> Any:
        """Return the resource as its own route shows it; None where there is none, or no answer.

        For what changes it: not for what makes another one beside it.
        """
        is_action = request.method == "POST" and self.status_code in (None, 200, 204)
        if not (request.method in _CHANGING or is_action):
            return None
        path = request.scope["path"]
        exact = None if is_action else await _read(request, path)
        item = item_path(path)
        if exact is not None or item is None or (item == path and not is_action):
            return exact
        return await _read(request, item)

    async def _may(self, request: Request) -> bool:
        try:
            for access in access_of(self.dependant):
                await access(request)
        except ProblemRaised:
            return False
        return True


async def _body(request: Request) -> tuple[bytes, Exception | None]:
    try:
        return await request.body(), None
    except ClientDisconnect:
        return b"", HTTPException(408)
    except Exception as error:  # noqa: BLE001 - noted, and answered after that
        return b"", error


def _again(request: Request, body: bytes) -> Callable[[], Coroutine[Any, Any, Message]]:
    """Return what hands the body out once more, and then what the client does."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        return messages.pop() if messages else await request.receive()

    return receive


def _document(body: bytes | memoryview) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None


async def _read(request: Request, path: str) -> Any:
    """Return what a GET of this path answers whoever asks; None where it does not answer that."""
    received = bytearray()
    status = 0

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        nonlocal status
        status = message.get("status", status)
        received.extend(message.get("body", b""))

    scope = {
        **request.scope,
        "method": "GET",
        "path": path,
        "query_string": b"",
        "headers": [],
        "state": {**request.scope["state"]},
    }
    for name in ("path_params", "endpoint", "route"):
        scope.pop(name, None)
    try:
        async with asyncio.timeout(BEFORE_S):
            await request.app.router(scope, receive, send)
    except Exception as error:  # noqa: BLE001 - whatever it is, the change itself says so too
        log.debug("audit_without_before", path=path, error=str(error))
        return None
    return kept(_document(bytes(received))) if status == 200 else None


def note_outcome(request: Request, outcome: dict[str, Any]) -> None:
    """Have the entry say what came of it, beyond the answer's status."""
    request.state.audit_outcome = outcome


async def _complete(request: Request, entry: _Entry, response: Response) -> None:
    after = _document(getattr(response, "body", b"")) if response.status_code < 400 else None
    made = made_id(entry.target.type, after) if response.status_code == _MADE else None
    outcome = Outcome(
        tenant_id=entry.tenant_id,
        status=response.status_code,
        target_id=made if entry.target.id is None else None,
        after=None if after is None else kept(after),
        counts=getattr(request.state, "audit_outcome", None),
    )
    try:
        await in_transaction(
            state_of(request).engine,
            lambda connection: add_outcome(connection, entry.id, outcome),
        )
    except Unavailable as error:
        # The entry stands without an outcome, which says what is known.
        log.warning(
            "audit_outcome_not_written",
            audit_id=entry.id,
            status=response.status_code,
            error=str(error),
        )
