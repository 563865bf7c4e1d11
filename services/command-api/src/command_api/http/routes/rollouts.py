"""Rollouts of one firmware to many stations."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.responses import Response

from command_api.http.access.audited_route import AuditedRoute
from command_api.http.access.declarations import Operator, Viewer
from command_api.http.answers.documents import LOCATED, Json
from command_api.http.requests.idempotency import IdempotencyKey, made_once
from command_api.http.requests.parameters import DEFAULT_LIMIT, Cursor, Limit, given
from command_api.http.requests.schema_rules import any_given, one_given
from command_api.http.routes.job_bodies import (
    SIGNATURE_RULE,
    Firmware,
    firmware_job,
)
from command_api.http.state import ask_registry
from command_api.ocpp.v16.jobs import job_request
from csms_shared.contracts.pages import Page
from csms_shared.contracts.refusals import refuse
from csms_shared.contracts.rollouts import ROLLOUT_MAX_STATIONS, RolloutStation, RolloutView
from csms_shared.values.numbers import Whole

router = APIRouter(
    prefix="/firmware-rollouts", tags=["firmware rollouts"], route_class=AuditedRoute
)

RolloutId = Annotated[str, Path(min_length=1, max_length=64)]


class Which(BaseModel):
    """Stations by what they reported at their last boot, by site and tag; all given must be so."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra=any_given("vendor", "model", "firmware_version", "site_id", "tag"),
    )

    vendor: str | None = Field(None, min_length=1, max_length=255)
    model: str | None = Field(None, min_length=1, max_length=255)
    firmware_version: str | None = Field(None, min_length=1, max_length=255)
    site_id: str | None = Field(None, min_length=1, max_length=255)
    tag: str | None = Field(None, min_length=1, max_length=255)

    @property
    def as_parameter(self) -> dict[str, Any]:
        """How the registry is asked for them: one that knows no sites and tags refuses these."""
        given = self.model_dump(exclude_none=True)
        return {"selection" if {"site_id", "tag"} & given.keys() else "filter": given}

    @model_validator(mode="after")
    def _not_empty(self) -> "Which":
        if not self.model_dump(exclude_none=True):
            raise ValueError("names nothing")
        return self


class NewRollout(Firmware):
    """One firmware for many stations, a few at a time."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "2.0",
                    "location": "https://firmware.example/2.0.bin",
                    "filter": {"vendor": "V", "model": "M"},
                    "concurrency": 5,
                    "stop_after_failures": 3,
                }
            ],
            "allOf": [SIGNATURE_RULE, one_given("station_ids", "filter")],
        }
    )

    name: str = Field(min_length=1, max_length=200)
    station_ids: list[str] | None = Field(None, min_length=1, max_length=ROLLOUT_MAX_STATIONS)
    filter: Which | None = None
    concurrency: Annotated[int, Whole(1, 1000)] = Field(10, description="stations at once")
    stop_after_failures: Annotated[int, Whole(1, ROLLOUT_MAX_STATIONS)] | None = Field(
        1,
        description="start no more after so many failures; null: go on whatever happens",
    )
    send_within_s: Annotated[int, Whole(60, 7 * 86_400)] = Field(
        3600, description="how long an offline station is waited for"
    )


@router.post(
    "",
    response_model=RolloutView,
    status_code=201,
    responses={201: LOCATED},
    summary="Start a rollout",
)
async def start(
    request: Request,
    principal: Operator,
    body: NewRollout,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Start a rollout to the stations named, or to those that the filter finds now."""

    async def make(rollout_id: UUID) -> dict[str, Any]:
        action, payload = job_request(firmware_job(body))
        wanted = {
            "rollout_id": str(rollout_id),
            "name": body.name,
            "action": action,
            "payload": payload,
            "timeout_s": body.timeout_s,
            "send_within_s": body.send_within_s,
            "concurrency": body.concurrency,
            "stop_after_failures": body.stop_after_failures,
            "station_ids": body.station_ids,
            **(body.filter.as_parameter if body.filter is not None else {}),
            "created_by": principal.name,
        }
        made: dict[str, Any] = await ask_registry(request, "rollouts.create", wanted)
        return made

    rollout_id, made = await made_once(
        request,
        principal,
        idempotency_key,
        make,
        lambda rollout_id: ask_registry(request, "rollouts.get", {"rollout_id": str(rollout_id)}),
    )
    return Json(made, 201, {"Location": f"/api/v1/firmware-rollouts/{rollout_id}"})


@router.get("", response_model=Page[RolloutView], summary="List rollouts")
async def list_all(
    request: Request, _: Viewer, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Response:
    """Return rollouts, newest first."""
    return Json(await ask_registry(request, "rollouts.list", given(limit=limit, cursor=cursor)))


@router.get("/{rollout_id:segment}", response_model=RolloutView, summary="Get a rollout")
async def get_one(request: Request, _: Viewer, rollout_id: RolloutId) -> Response:
    """Return a rollout with its report: how many stations stand where."""
    return Json(await ask_registry(request, "rollouts.get", _name(rollout_id)))


@router.get(
    "/{rollout_id:segment}/stations",
    response_model=Page[RolloutStation],
    summary="List a rollout's stations",
)
async def list_stations(
    request: Request,
    _: Viewer,
    rollout_id: RolloutId,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response:
    """Return the stations with their jobs, in the order of their ids."""
    query = given(**_name(rollout_id), limit=limit, cursor=cursor)
    return Json(await ask_registry(request, "rollouts.stations", query))


@router.post(
    "/{rollout_id:segment}/pause",
    response_model=RolloutView,
    summary="Pause",
    responses={409: {"description": "The rollout stands where this can't be done."}},
)
async def pause(request: Request, _: Operator, rollout_id: RolloutId) -> Response:
    """Start nothing more until it is resumed; what has started goes on."""
    return await _steer(request, rollout_id, "pause")


@router.post(
    "/{rollout_id:segment}/resume",
    response_model=RolloutView,
    summary="Resume",
    responses={409: {"description": "The rollout stands where this can't be done."}},
)
async def resume(request: Request, _: Operator, rollout_id: RolloutId) -> Response:
    """Go on; failures so far count no more."""
    return await _steer(request, rollout_id, "resume")


@router.post(
    "/{rollout_id:segment}/cancel",
    response_model=RolloutView,
    summary="Cancel",
    responses={409: {"description": "The rollout stands where this can't be done."}},
)
async def cancel(request: Request, _: Operator, rollout_id: RolloutId) -> Response:
    """Start nothing more, for good; what has started goes on."""
    return await _steer(request, rollout_id, "cancel")


async def _steer(request: Request, rollout_id: str, wish: str) -> Response:
    return Json(await ask_registry(request, "rollouts.steer", {**_name(rollout_id), "wish": wish}))


def _name(rollout_id: str) -> dict[str, str]:
    try:
        return {"rollout_id": str(UUID(rollout_id))}
    except ValueError:
        raise refuse(404, "not_found", f"there is no rollout {rollout_id}") from None
