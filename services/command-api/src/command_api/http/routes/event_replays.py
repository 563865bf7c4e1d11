"""Replays: events of the past, sent once more to a queue of their own."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.responses import Response

from command_api.http.access.audited_route import AuditedRoute
from command_api.http.access.declarations import Operator, Viewer
from command_api.http.answers.documents import LOCATED, Json
from command_api.http.requests.idempotency import IdempotencyKey, made_once
from command_api.http.requests.parameters import DEFAULT_LIMIT, Cursor, Limit, given, utc_text
from command_api.http.requests.schema_rules import one_given
from command_api.http.routes.event_filters import KEPT_NO_LONGER, TypesOfBody
from command_api.http.state import ask_integration_service
from csms_shared.contracts.event_store import ReplayView
from csms_shared.contracts.pages import Page
from csms_shared.values.numbers import INT64_MAX, Whole
from csms_shared.values.times import Moment

router = APIRouter(prefix="/events/replays", tags=["events"], route_class=AuditedRoute)

ReplayIdText = Annotated[str, Path(min_length=1, max_length=64)]


class NewReplay(BaseModel):
    """Which events are sent again: after a position, or from a time."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"after": 184_467, "types": ["transaction.*"]},
                {"from": "2026-11-20T00:00:00Z", "to": "2026-11-21T00:00:00Z"},
            ],
            **one_given("after", "from"),
        },
    )

    after: Annotated[int, Whole(0, INT64_MAX)] | None = None
    from_: Moment | None = Field(None, alias="from", description="of this time or later")
    to: Moment | None = Field(None, description="before this time")
    types: TypesOfBody = Field(default_factory=list, description="any of these, as in the stream")
    station_id: str | None = Field(None, min_length=1, max_length=255)

    @model_validator(mode="after")
    def _begins_once(self) -> "NewReplay":
        if (self.after is None) == (self.from_ is None):
            raise ValueError("begins after a position or from a time: give one of after, from")
        return self


@router.post(
    "",
    response_model=ReplayView,
    status_code=201,
    responses={
        201: LOCATED,
        409: {"description": "Too many of the tenant's replays run already."},
        **KEPT_NO_LONGER,
    },
    summary="Replay events",
)
async def start_replay(
    request: Request,
    principal: Operator,
    body: NewReplay,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Send events, up to the one that is newest now, to a queue of their own on the broker.

    The answer names the queue: consume from it. It is gone a day after nobody has used it.
    """

    async def make(replay_id: UUID) -> dict[str, Any]:
        wanted = given(
            replay_id=str(replay_id),
            after=body.after,
            from_time=utc_text(body.from_),
            to_time=utc_text(body.to),
            types=body.types,
            station_id=body.station_id,
            created_by=principal.name,
        )
        made: dict[str, Any] = await ask_integration_service(request, "events.start_replay", wanted)
        return made

    replay_id, made = await made_once(
        request,
        principal,
        idempotency_key,
        make,
        lambda id: ask_integration_service(request, "events.get_replay", _name(str(id))),
    )
    return Json(made, 201, {"Location": f"/api/v1/events/replays/{replay_id}"})


@router.get("", response_model=Page[ReplayView], summary="List replays")
async def list_replays(
    request: Request, _: Viewer, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Response:
    """Return replays, newest first."""
    query = given(limit=limit, cursor=cursor)
    return Json(await ask_integration_service(request, "events.list_replays", query))


@router.get("/{replay_id:segment}", response_model=ReplayView, summary="Get a replay")
async def get_replay(request: Request, _: Viewer, replay_id: ReplayIdText) -> Response:
    """Return one replay: how far it is, and where its events are."""
    return Json(await ask_integration_service(request, "events.get_replay", _name(replay_id)))


@router.post(
    "/{replay_id:segment}/stop",
    response_model=ReplayView,
    responses={409: {"description": "The replay has ended."}},
    summary="Stop a replay",
)
async def stop_replay(request: Request, _: Operator, replay_id: ReplayIdText) -> Response:
    """Send no more of its events; those in its queue stay there. 409 where it has ended."""
    return Json(await ask_integration_service(request, "events.stop_replay", _name(replay_id)))


def _name(replay_id: str) -> dict[str, Any]:
    return {"replay_id": replay_id}
