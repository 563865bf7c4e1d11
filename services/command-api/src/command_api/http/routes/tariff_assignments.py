"""For which sessions a tariff holds."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.responses import Response

from command_api.http.access.audited_route import AuditedRoute
from command_api.http.access.declarations import Administrator, Viewer
from command_api.http.answers.documents import LOCATED, Json, no_content
from command_api.http.requests.idempotency import IdempotencyKey, made_once
from command_api.http.requests.parameters import DEFAULT_LIMIT, Cursor, Limit, given, utc_text
from command_api.http.requests.schema_rules import NOT_BLANK, at_most_one_given
from command_api.http.state import ask_billing_service
from csms_shared.contracts.billing import AssignmentTarget, AssignmentView
from csms_shared.contracts.pages import Page
from csms_shared.contracts.refusals import refuse
from csms_shared.values.times import Expiry, Moment

router = APIRouter(prefix="/tariff-assignments", tags=["tariffs"], route_class=AuditedRoute)

# In the order in which they are looked for; the whole tenant has no field.
_TARGETS = tuple(one.value for one in AssignmentTarget if one is not AssignmentTarget.TENANT)
Target = Annotated[str | None, Field(min_length=1, max_length=255)]
# These are compared without the blanks around them.
OcppTarget = Annotated[str | None, Field(min_length=1, max_length=255, pattern=NOT_BLANK)]
Filter = Annotated[str | None, Query(min_length=1, max_length=255)]


class NewAssignment(BaseModel):
    """A tariff, and at most one target: without one it holds for the whole tenant.

    It holds for sessions that begin at or after `valid_from` and before `valid_to`.
    """

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "tariff_id": "018f0000-0000-7000-8000-000000000001",
                    "site_id": "harbour",
                    "valid_from": "2026-12-01T00:00:00Z",
                }
            ],
            **at_most_one_given(*_TARGETS),
        },
    )

    tariff_id: UUID
    id_token: OcppTarget = None
    group_id: OcppTarget = None
    station_id: Target = None
    tag: Target = None
    site_id: Target = None
    valid_from: Moment | None = None
    valid_to: Expiry | None = None

    @model_validator(mode="after")
    def _is_one_thing(self) -> "NewAssignment":
        if len(self.targets()) > 1:
            raise ValueError(f"has one target at most: give one of {', '.join(_TARGETS)}, or none")
        return self

    def targets(self) -> dict[str, str]:
        """Return the targets that are given."""
        return {name: value for name in _TARGETS if (value := getattr(self, name)) is not None}


@router.get("", response_model=Page[AssignmentView], summary="List assignments")
async def list_assignments(
    request: Request,
    _: Viewer,
    tariff_id: UUID | None = None,
    id_token: Filter = None,
    group_id: Filter = None,
    station_id: Filter = None,
    tag: Filter = None,
    site_id: Filter = None,
    target: Annotated[
        AssignmentTarget | None, Query(description="assignments to such a thing")
    ] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response:
    """Return assignments, newest first: those of a tariff, or those to one thing."""
    named = given(
        id_token=id_token, group_id=group_id, station_id=station_id, tag=tag, site_id=site_id
    )
    wanted = {*named, *(() if target is None else (target.value,))}
    if len(wanted) > 1:
        raise refuse(
            422,
            "validation_failed",
            "an assignment has one target",
            *((name, "can't be given beside another target") for name in sorted(wanted)),
        )
    parameters = given(
        tariff_id=None if tariff_id is None else str(tariff_id),
        target=next(iter(wanted), None),
        value=next(iter(named.values()), None),
        limit=limit,
        cursor=cursor,
    )
    return Json(await _ask(request, "list", parameters))


@router.post(
    "",
    response_model=AssignmentView,
    status_code=201,
    summary="Assign a tariff",
    responses={
        201: LOCATED,
        404: {"description": "There is no such tariff."},
    },
)
async def create_assignment(
    request: Request,
    administrator: Administrator,
    body: NewAssignment,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Have a tariff hold for sessions: of an id token, a group, a station, a tag, a site, or all.

    The first that fits a session counts, in this order; between tags, and between assignments to
    the same thing, the newest. What it names need not be there yet.
    """
    target, value = next(iter(body.targets().items()), (AssignmentTarget.TENANT.value, None))

    async def make(assignment_id: UUID) -> dict[str, Any]:
        wanted = given(
            assignment_id=str(assignment_id),
            tariff_id=str(body.tariff_id),
            target=target,
            value=value,
            valid_from=utc_text(body.valid_from),
            valid_to=utc_text(body.valid_to),
            created_by=administrator.name,
        )
        made: dict[str, Any] = await _ask(request, "create", wanted)
        return made

    assignment_id, made = await made_once(
        request,
        administrator,
        idempotency_key,
        make,
        lambda id: _ask(request, "get", {"assignment_id": str(id)}),
    )
    return Json(made, 201, {"Location": f"/api/v1/tariff-assignments/{assignment_id}"})


@router.get("/{assignment_id}", response_model=AssignmentView, summary="Get an assignment")
async def get_assignment(request: Request, _: Viewer, assignment_id: UUID) -> Response:
    """Return one assignment."""
    return Json(await _ask(request, "get", {"assignment_id": str(assignment_id)}))


@router.delete("/{assignment_id}", status_code=204, summary="End an assignment")
async def delete_assignment(request: Request, _: Administrator, assignment_id: UUID) -> Response:
    """Delete an assignment, for sessions that are not billed yet; bills stay as they are."""
    await _ask(request, "delete", {"assignment_id": str(assignment_id)})
    return no_content()


async def _ask(request: Request, operation: str, parameters: dict[str, Any]) -> Any:
    return await ask_billing_service(request, f"tariff_assignments.{operation}", parameters)
