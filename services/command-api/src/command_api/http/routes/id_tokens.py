"""Id tokens: what drivers identify with."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema
from starlette.responses import Response

from command_api.http.access.audited_route import AuditedRoute
from command_api.http.access.declarations import Administrator, Operator, Viewer
from command_api.http.answers.documents import Json, no_content
from command_api.http.requests.addressable_ids import AddressableId, none_of
from command_api.http.requests.parameters import DEFAULT_LIMIT, Cursor, Limit, given
from command_api.http.requests.schema_rules import NOT_BLANK
from command_api.http.state import ask_session_service
from csms_shared.contracts.pages import Page
from csms_shared.contracts.refusals import refuse
from csms_shared.contracts.sessions import IdTokenView, TokenStatus
from csms_shared.values.numbers import INT32_MAX, Whole
from csms_shared.values.times import Expiry

router = APIRouter(prefix="/id-tokens", tags=["id tokens"], route_class=AuditedRoute)

IdToken = Annotated[str, Path(min_length=1, max_length=255, description="any text, encoded")]


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    expires_at: Expiry | None = None
    group_id: str | None = Field(None, min_length=1, max_length=255)
    max_concurrent: Annotated[int, Whole(1, INT32_MAX)] | None = Field(
        1,
        description="transactions at once on different connectors; null is unlimited",
    )


class NewIdToken(_Settings):
    """An id token to accept, or to know as something else."""

    id_token: AddressableId = Field(
        min_length=1, max_length=255, pattern=NOT_BLANK, json_schema_extra=none_of()
    )
    status: TokenStatus = TokenStatus.ACCEPTED


class IdTokenChange(_Settings):
    """Changes to an id token; null takes a setting away."""

    status: TokenStatus | SkipJsonSchema[None] = None


@router.get("", response_model=Page[IdTokenView], summary="List id tokens")
async def list_id_tokens(
    request: Request,
    _: Viewer,
    status: TokenStatus | None = None,
    q: Annotated[str | None, Query(max_length=255, description="part of the token")] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response:
    """Return id tokens; the filter `expired` includes accepted ones past `expires_at`."""
    return Json(
        await ask_session_service(
            request, "id_tokens.list", given(status=status, q=q, limit=limit, cursor=cursor)
        )
    )


@router.post(
    "",
    response_model=IdTokenView,
    status_code=201,
    summary="Create an id token",
    responses={409: {"description": "There is such a token; case does not count."}},
)
async def create_id_token(request: Request, _: Administrator, body: NewIdToken) -> Response:
    """Create an id token; one that differs from another only in case is 409."""
    return Json(
        await ask_session_service(request, "id_tokens.create", body.model_dump(mode="json")), 201
    )


@router.get("/{id_token:segment}", response_model=IdTokenView, summary="Get an id token")
async def get_id_token(request: Request, _: Viewer, id_token: IdToken) -> Response:
    """Return one id token, asked for in any case."""
    return Json(await ask_session_service(request, "id_tokens.get", {"id_token": id_token}))


@router.patch("/{id_token:segment}", response_model=IdTokenView, summary="Change an id token")
async def change_id_token(
    request: Request, _: Administrator, id_token: IdToken, body: IdTokenChange
) -> Response:
    """Change what is given."""
    if "status" in body.model_fields_set and body.status is None:
        raise refuse(422, "validation_failed", "status has no null", ("status", "is not null"))
    return Json(await _change(request, id_token, body.model_dump(mode="json", exclude_unset=True)))


@router.delete("/{id_token:segment}", status_code=204, summary="Delete an id token")
async def delete_id_token(request: Request, _: Administrator, id_token: IdToken) -> Response:
    """Delete an id token; its transactions stay."""
    await ask_session_service(request, "id_tokens.delete", {"id_token": id_token})
    return no_content()


@router.post("/{id_token:segment}/block", response_model=IdTokenView, summary="Block an id token")
async def block(request: Request, _: Operator, id_token: IdToken) -> Response:
    """Refuse the token from now on."""
    return Json(await _change(request, id_token, {"status": TokenStatus.BLOCKED}))


@router.post(
    "/{id_token:segment}/activate", response_model=IdTokenView, summary="Activate an id token"
)
async def activate(request: Request, _: Operator, id_token: IdToken) -> Response:
    """Accept the token again."""
    return Json(await _change(request, id_token, {"status": TokenStatus.ACCEPTED}))


async def _change(request: Request, id_token: str, changes: dict[str, Any]) -> Any:
    return await ask_session_service(
        request, "id_tokens.change", {"id_token": id_token, "set": sorted(changes), **changes}
    )
