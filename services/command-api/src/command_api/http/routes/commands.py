"""Commands: sent by one route, documented as one operation per action."""

import re
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel
from starlette.responses import Response

from command_api.accounts.domain.roles import Principal, Role
from command_api.commands.domain.states import HOLD_MAX_MS, CommandRecord, CommandStatus
from command_api.commands.handlers.creation import CommandRequest
from command_api.commands.handlers.scoped_lists import list_within
from command_api.commands.store.queries import CommandFilter, get_command, list_commands
from command_api.commands.store.rows import command_view
from command_api.http.access.audited_route import AuditedRoute
from command_api.http.access.authentication import Reach, Scoping, authenticate, require_role
from command_api.http.access.declarations import (
    PlainRoute,
    Requires,
    ScopedOperator,
    ScopedViewer,
)
from command_api.http.answers.documents import Json
from command_api.http.requests import nul_characters
from command_api.http.requests.body_route import JSON, read_body
from command_api.http.requests.parameters import DEFAULT_LIMIT, Cursor, Limit
from command_api.http.state import state_of
from command_api.ocpp.preparations import sets_password
from command_api.scopes.handlers import stations_in_scope
from csms_shared.contracts.refusals import ProblemRaised, refuse
from csms_shared.db.cursors import BadCursor
from csms_shared.db.engine import in_transaction
from csms_shared.runtime.clock import now_ms
from csms_shared.values.numbers import parse_number
from csms_shared.values.times import read_moment

router = APIRouter(prefix="/commands", tags=["commands"])
# Who sent a command is in its row; who cancelled it, and asked in vain, is not.
_audited = APIRouter(route_class=AuditedRoute)

PATH = "/stations/{station_id:segment}/commands/{action:segment}"
WAIT_DEFAULT_S, WAIT_MAX_S = 30.0, 60.0
TIMEOUT_DEFAULT_S, TIMEOUT_MAX_S = 30.0, 300.0
_KEY = re.compile(r"[\x21-\x7e]{1,255}")


def command_route(prefix: str) -> PlainRoute:
    """Return the route of a command's POST."""
    return PlainRoute(
        prefix + PATH,
        _create_command,
        Requires(Role.OPERATOR, Reach.TENANT, Scoping.STATION),
        methods=("POST",),
    )


class CommandError(BaseModel):
    """The station's CALLERROR, or why it got nothing.

    `BUSY`: too many commands wait for it. `CANCELLED`: somebody ended it before it was sent.
    `OCPP_VERSION_CHANGED`: it speaks another version of OCPP by now than the command is made of.
    Other words in capitals: docs/messages/orders.md.
    """

    code: str
    description: str
    details: dict[str, Any]


class CommandView(BaseModel):
    """A command. `payload` and `response` are as this version of OCPP spells them."""

    command_id: UUID
    tenant_id: str
    station_id: str
    ocpp_version: str
    action: str
    payload: dict[str, Any]
    status: CommandStatus
    accepted: bool | None
    response: dict[str, Any] | None
    error: CommandError | None
    created_by: str
    created_at: str
    sent_at: str | None
    completed_at: str | None
    deadline: str
    transaction_id: int | None


class CommandPage(BaseModel):
    """Commands, newest first."""

    items: list[CommandView]
    next_cursor: str | None


async def _create_command(request: Request) -> Response:
    """POST of a command. A plain route: this is the one that has to be fast."""
    principal = await authenticate(request)
    body = await read_body(request, JSON)
    problems: list[tuple[str, str]] = []
    query = request.query_params
    wait_s = _seconds(query.get("wait"), WAIT_DEFAULT_S, 0, WAIT_MAX_S, "wait", problems)
    timeout_s = _seconds(
        query.get("timeout"), TIMEOUT_DEFAULT_S, 0.001, TIMEOUT_MAX_S, "timeout", problems
    )
    hold_until_ms = _hold_until(query.get("hold_until"), problems)
    key = request.headers.get("idempotency-key")
    if key is not None and not _KEY.fullmatch(key):
        problems.append(("Idempotency-Key", "must be 1 to 255 visible ASCII characters"))
    payload = _payload(body, problems)
    if sets_password(request.path_params["action"], payload):
        # As to set it by its own route.
        require_role(principal, Role.ADMIN)
    if problems:
        raise refuse(422, "validation_failed", "the request is not valid", *problems)
    command = await state_of(request).commands.create(
        CommandRequest(
            principal=principal,
            station_id=request.path_params["station_id"],
            action=request.path_params["action"],
            payload=payload,
            body=body,
            wait_s=wait_s,
            timeout_s=timeout_s,
            hold_until_ms=hold_until_ms,
            idempotency_key=key,
        )
    )
    return Json(
        command_view(command),
        200 if command.status.is_final else 202,
        {"Location": f"/api/v1/commands/{command.command_id}"},
    )


@router.get("", response_model=CommandPage, summary="List commands")
async def list_all(
    request: Request,
    viewer: ScopedViewer,
    station_id: Annotated[str | None, Query(max_length=255)] = None,
    action: Annotated[str | None, Query(max_length=50)] = None,
    status: CommandStatus | None = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response:
    """Return commands, newest first.

    Who is limited to sites or tags gets those of the stations that are there now. A page may then
    be short, even empty: go on with `next_cursor`.
    """
    state = state_of(request)
    wanted = CommandFilter(viewer.acts_for, station_id, action, status, _cursor(cursor))
    if viewer.scope is not None:
        shown, after = await list_within(state.engine, state.services, viewer.scope, wanted, limit)
    else:
        found = await in_transaction(
            state.engine, lambda connection: list_commands(connection, wanted, limit + 1)
        )
        shown, after = found[:limit], found[limit - 1].command_id if len(found) > limit else None
    return Json(
        {
            "items": [command_view(state.watched.latest(command)) for command in shown],
            "next_cursor": None if after is None else str(after),
        }
    )


@router.get("/{command_id:segment}", response_model=CommandView, summary="Get a command")
async def get_one(
    request: Request, viewer: ScopedViewer, command_id: Annotated[str, Path(min_length=1)]
) -> Response:
    """Return one command."""
    command = await _command(request, viewer, command_id)
    return Json(command_view(state_of(request).watched.latest(command)))


@_audited.post(
    "/{command_id:segment}/cancel",
    response_model=CommandView,
    summary="Cancel a command",
    responses={409: {"description": "It is not waiting: it may have been sent, or has ended."}},
)
async def cancel(
    request: Request, operator: ScopedOperator, command_id: Annotated[str, Path(min_length=1)]
) -> Response:
    """End a command that waits for its station: it is not sent any more.

    It ends in `error`, code `CANCELLED`. One that may have been written is not stopped: 409 says
    where it stands. To ask again is harmless.
    """
    command = await _command(request, operator, command_id)
    ended = await state_of(request).cancelling.cancel(command.command_id, operator.name)
    return Json(command_view(ended))


router.include_router(_audited)


async def _command(request: Request, asking: Principal, command_id: str) -> CommandRecord:
    """Return a command that who asks may see.

    Raises:
        ProblemRaised: 404, there is none.
        ServiceAway: whether they may see it can't be told.
    """
    try:
        parsed = UUID(command_id)
    except ValueError:
        raise _no_command(command_id) from None
    command = await in_transaction(
        state_of(request).engine,
        lambda connection: get_command(connection, asking.acts_for, parsed),
    )
    if command is None or not await _is_seen_by(request, asking, command.station_id):
        raise _no_command(command_id)
    return command


async def _is_seen_by(request: Request, viewer: Principal, station_id: str) -> bool:
    if viewer.scope is None:
        return True
    services = state_of(request).services
    return bool(await stations_in_scope(services, viewer.scope, [station_id]))


def _no_command(command_id: str) -> ProblemRaised:
    return refuse(404, "not_found", f"there is no command {command_id}")


def _cursor(cursor: str | None) -> UUID | None:
    if cursor is None:
        return None
    try:
        return UUID(cursor)
    except ValueError:
        raise BadCursor from None


def _seconds(
    text: str | None,
    default: float,
    least: float,
    most: float,
    name: str,
    problems: list[tuple[str, str]],
) -> float:
    if text is None:
        return default
    seconds = parse_number(text)
    if seconds is None or not least <= seconds <= most:
        problems.append((name, f"must be a number of seconds from {least:g} to {most:g}"))
        return default
    return seconds


def _hold_until(text: str | None, problems: list[tuple[str, str]]) -> int | None:
    if text is None:
        return None
    try:
        moment = read_moment(text)
    except ValueError as problem:
        problems.append(("hold_until", str(problem)))
        return None
    hold_ms = round(moment.timestamp() * 1000)
    now = now_ms()
    if not now < hold_ms <= now + HOLD_MAX_MS:
        problems.append(("hold_until", "must lie in the future, at most 7 days ahead"))
        return None
    return hold_ms


def _payload(body: bytes, problems: list[tuple[str, str]]) -> dict[str, Any]:
    if not body.strip():
        return {}
    try:
        payload = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        problems.append(("body", f"is not JSON: {error}"))
        return {}
    if not isinstance(payload, dict):
        problems.append(("body", "must be a JSON object"))
        return {}
    problems += [(field, "no text may hold NUL") for field in nul_characters.fields_of_json(body)]
    return payload
