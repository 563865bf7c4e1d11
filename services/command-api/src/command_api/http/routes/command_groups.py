"""One command for many stations."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response

from command_api.accounts.domain.roles import Principal
from command_api.command_groups.domain import Addressed, CommandGroup, CommandGroupStatus
from command_api.command_groups.store import (
    add_group,
    cancel_group,
    commands_of_group,
    counts_of,
    get_group,
    group_view,
    list_groups,
)
from command_api.commands.domain.preparation import AskedCommand, Refusal
from command_api.commands.domain.states import HOLD_MAX_MS, CommandStatus
from command_api.commands.store.rows import command_view
from command_api.http.access.audited_route import AuditedRoute
from command_api.http.access.declarations import Operator, Viewer
from command_api.http.answers.documents import LOCATED, Json
from command_api.http.requests.body_route import BodyRoute
from command_api.http.requests.idempotency import IdempotencyKey, made_once
from command_api.http.requests.parameters import DEFAULT_LIMIT, Cursor, Limit
from command_api.http.requests.schema_rules import any_given, left_out
from command_api.http.routes.commands import CommandPage
from command_api.http.state import ApiState, ask_registry, state_of
from command_api.ocpp.many import EXAMPLE, refusal_for_many
from csms_shared.contracts.refusals import ProblemRaised, refuse
from csms_shared.db.cursors import BadCursor, as_text, decode_cursor, encode_cursor
from csms_shared.db.engine import in_transaction
from csms_shared.ocpp.versions import OCPP16
from csms_shared.runtime.clock import now_ms
from csms_shared.values.times import Expiry

# A command's row says itself who sent it; that of a cancelled group does not say who cancelled it.
router = APIRouter(prefix="/command-groups", tags=["command groups"], route_class=BodyRoute)
_audited = APIRouter(route_class=AuditedRoute)
MAX_STATIONS = 1_000

GroupId = Annotated[str, Path(min_length=1, max_length=64)]
_StationId = Annotated[str, Field(min_length=1, max_length=255)]


class To(BaseModel):
    """The stations at a site, with a tag, or both; or those that are named."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            **any_given("site_id", "tag", "station_ids"),
            "allOf": [{"anyOf": [left_out("station_ids"), left_out("site_id", "tag")]}],
        },
    )

    site_id: str | None = Field(None, min_length=1, max_length=255)
    tag: str | None = Field(None, min_length=1, max_length=255)
    station_ids: list[_StationId] | None = Field(None, min_length=1, max_length=MAX_STATIONS)

    @model_validator(mode="after")
    def _names_stations(self) -> "To":
        if self.station_ids is None:
            if self.site_id is None and self.tag is None:
                raise ValueError("names nothing")
        elif self.site_id is not None or self.tag is not None:
            raise ValueError("names stations, and a site or tag beside them")
        return self

    @property
    def addressed(self) -> Addressed:
        """The stations, each once."""
        named = self.station_ids
        return Addressed(
            self.site_id, self.tag, None if named is None else tuple(sorted(set(named)))
        )


class NewCommandGroup(BaseModel):
    """A command with its payload, as for one station, and who gets it.

    `timeout`: seconds until each must be written to its socket.
    """

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{**EXAMPLE, "to": {"tag": "fast"}}]}
    )

    action: str = Field(min_length=1, max_length=50)
    payload: dict[str, Any]
    to: To
    timeout: float = Field(30.0, ge=0.001, le=300)
    hold_until: Expiry | None = Field(
        None, description="keep commands for offline stations until then, at most 7 days"
    )


class CommandGroupView(BaseModel):
    """A group. `commands` counts them by status; `is_expanded`: each station has its own."""

    command_group_id: UUID
    tenant_id: str
    action: str
    ocpp_version: str
    payload: dict[str, Any]
    to: dict[str, Any]
    status: CommandGroupStatus
    is_expanded: bool
    commands: dict[str, int]
    created_by: str
    created_at: str
    hold_until: str | None
    completed_at: str | None


class CommandGroupPage(BaseModel):
    """Groups, newest first."""

    items: list[CommandGroupView]
    next_cursor: str | None


@router.post(
    "",
    response_model=CommandGroupView,
    status_code=202,
    responses={202: LOCATED},
    summary="Send a command to many stations",
)
async def create(
    request: Request,
    principal: Operator,
    body: NewCommandGroup,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Store what is to be sent; each station's command is made and sent afterwards."""
    state = state_of(request)
    hold_until = body.hold_until
    hold_until_ms = None if hold_until is None else round(hold_until.timestamp() * 1000)

    async def make(group_id: UUID) -> dict[str, Any]:
        _check_hold(hold_until_ms)
        payload = await _prepared(state, body, held=hold_until_ms is not None)
        to = body.to.addressed
        await _check_stations(request, to)
        group = CommandGroup(
            command_group_id=group_id,
            tenant_id=principal.acts_for,
            action=body.action,
            ocpp_version=OCPP16,
            payload=payload,
            to=to,
            hold_until_ms=hold_until_ms,
            timeout_ms=max(1, round(body.timeout * 1000)),
            created_by=principal.name,
            created_ms=now_ms(),
        )
        await in_transaction(state.engine, lambda connection: add_group(connection, group))
        state.groups.wake()
        return await _view(state, principal, group_id)

    group_id, made = await made_once(
        request, principal, idempotency_key, make, lambda id: _view(state, principal, id)
    )
    return Json(made, 202, {"Location": f"/api/v1/command-groups/{group_id}"})


@router.get("", response_model=CommandGroupPage, summary="List command groups")
async def list_all(
    request: Request,
    viewer: Viewer,
    action: Annotated[str | None, Query(max_length=50)] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response:
    """Return groups, newest first."""
    before = None if cursor is None else _uuid_cursor(cursor)

    async def read(connection: AsyncConnection) -> tuple[list[CommandGroup], list[dict[str, Any]]]:
        found = await list_groups(
            connection,
            tenant_id=viewer.acts_for,
            action=action,
            before=before,
            limit=limit + 1,
        )
        shown = found[:limit]
        counts = await counts_of(connection, shown)
        return found, [group_view(one, counts[one.command_group_id]) for one in shown]

    found, items = await in_transaction(state_of(request).engine, read)
    more = len(found) > limit
    return Json({"items": items, "next_cursor": items[-1]["command_group_id"] if more else None})


@router.get(
    "/{command_group_id:segment}", response_model=CommandGroupView, summary="Get a command group"
)
async def get_one(request: Request, viewer: Viewer, command_group_id: GroupId) -> Response:
    """Return a group with its counts."""
    return Json(await _view(state_of(request), viewer, _id(command_group_id)))


@router.get(
    "/{command_group_id:segment}/commands",
    response_model=CommandPage,
    summary="List a group's commands",
)
async def list_commands(
    request: Request,
    viewer: Viewer,
    command_group_id: GroupId,
    status: CommandStatus | None = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response:
    """Return the commands in the order of their stations' ids."""
    state, group_id = state_of(request), _id(command_group_id)
    after = "" if cursor is None else decode_cursor(cursor, as_text)[0]
    await _group(state, viewer, group_id)
    found = await in_transaction(
        state.engine,
        lambda connection: commands_of_group(
            connection,
            tenant_id=viewer.acts_for,
            group_id=group_id,
            status=status,
            after=after,
            limit=limit + 1,
        ),
    )
    shown, more = found[:limit], len(found) > limit
    return Json(
        {
            "items": [command_view(state.watched.latest(one)) for one in shown],
            "next_cursor": encode_cursor(shown[-1].station_id) if more else None,
        }
    )


@_audited.post(
    "/{command_group_id:segment}/cancel",
    response_model=CommandGroupView,
    summary="Cancel",
    responses={409: {"description": "Every command of the group has ended."}},
)
async def cancel(request: Request, operator: Operator, command_group_id: GroupId) -> Response:
    """Send nothing more of a group; what was sent goes on."""
    state, group_id = state_of(request), _id(command_group_id)
    await in_transaction(
        state.engine, lambda connection: cancel_group(connection, operator.acts_for, group_id)
    )
    group = await _group(state, operator, group_id)
    if not group.is_cancelled:
        raise refuse(409, "command_group_completed", "every command of the group has ended")
    return Json(await _view(state, operator, group_id))


router.include_router(_audited)


def _check_hold(hold_until_ms: int | None) -> None:
    now = now_ms()
    if hold_until_ms is not None and not now < hold_until_ms <= now + HOLD_MAX_MS:
        raise refuse(
            422,
            "validation_failed",
            "the request is not valid",
            ("hold_until", "must lie in the future, at most 7 days ahead"),
        )


async def _prepared(state: ApiState, body: NewCommandGroup, *, held: bool) -> dict[str, Any]:
    """Return what every station is sent: nothing of it depends on the station.

    Raises:
        ProblemRaised: there is no such command, or it is none for many, or not valid.
    """
    action, payload = body.action, body.payload
    asked = AskedCommand(station_id="", version=OCPP16, action=action, payload=payload, held=held)
    refusal = state.edge.refusal_of_action(asked) or refusal_for_many(action, payload)
    prepared = refusal or await state.edge.prepare(asked)
    if isinstance(prepared, Refusal):
        raise ProblemRaised(prepared)
    return prepared.payload


async def _check_stations(request: Request, to: Addressed) -> None:
    """Look whether the site and the tag name any station.

    Raises:
        ProblemRaised: 422, `unknown_site` or `no_stations`.
        ServiceAway: the registry does not answer.
    """
    if to.station_ids is not None:
        return
    if to.site_id is not None:
        try:
            await ask_registry(request, "sites.get", {"site_id": to.site_id})
        except ProblemRaised as refused:
            if refused.problem.status != 404:
                raise
            detail = f"there is no site {to.site_id}"
            problem = ("to.site_id", "there is no such site")
            raise refuse(422, "unknown_site", detail, problem) from None
    page = await ask_registry(request, "stations.list", {**to.filter, "limit": 1})
    if not page["items"]:
        raise refuse(422, "no_stations", "there is no such station", ("to", "finds none"))


async def _view(state: ApiState, principal: Principal, group_id: UUID) -> dict[str, Any]:
    group = await _group(state, principal, group_id)
    counts = await in_transaction(state.engine, lambda connection: counts_of(connection, [group]))
    return group_view(group, counts[group_id])


async def _group(state: ApiState, principal: Principal, group_id: UUID) -> CommandGroup:
    group = await in_transaction(
        state.engine, lambda connection: get_group(connection, principal.acts_for, group_id)
    )
    if group is None:
        raise _no_group(str(group_id))
    return group


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise _no_group(text) from None


def _no_group(group_id: str) -> ProblemRaised:
    return refuse(404, "not_found", f"there is no command group {group_id}")


def _uuid_cursor(cursor: str) -> UUID:
    try:
        return UUID(cursor)
    except ValueError:
        raise BadCursor from None
