"""API keys, for administrators."""

from typing import Annotated

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from command_api.accounts.domain.roles import Role
from command_api.http.access.audited_route import AuditedRoute
from command_api.http.access.declarations import Administrator
from command_api.http.answers.documents import Json, no_content
from command_api.http.requests.parameters import DEFAULT_LIMIT, Cursor, Limit
from command_api.http.routes.users import PLATFORM, PLATFORM_RULE, SCOPE
from command_api.http.state import state_of
from csms_shared.contracts.pages import Page
from csms_shared.contracts.scopes import Scope
from csms_shared.values.flags import Flag

router = APIRouter(prefix="/api-keys", tags=["API keys"], route_class=AuditedRoute)


class ApiKeyView(BaseModel):
    """An API key, without the key."""

    id: str
    name: str
    role: Role
    tenant_id: str
    platform: bool
    scope: Scope | None
    created_by: str
    created_at: str


class NewApiKey(BaseModel):
    """A machine that is to have access."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f]+$")
    role: Role
    platform: Flag = Field(False, description=PLATFORM)
    scope: Scope | None = Field(None, description=SCOPE)


class ApiKeyAnswer(ApiKeyView):
    """An API key with the key itself, shown this once."""

    key: str


@router.get("", response_model=Page[ApiKeyView], summary="List API keys")
async def list_api_keys(
    request: Request,
    administrator: Administrator,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response:
    """Return API keys by name."""
    accounts = state_of(request).accounts
    return Json(await accounts.list_api_keys(administrator.acts_for, limit, cursor))


@router.post(
    "",
    response_model=ApiKeyAnswer,
    status_code=201,
    summary="Create an API key",
    responses={409: {"description": f"There is a key of this name; or: {PLATFORM_RULE}"}},
)
async def create_api_key(request: Request, principal: Administrator, body: NewApiKey) -> Response:
    """Create an API key; the key is in this answer and nowhere else."""
    accounts = state_of(request).accounts
    created = await accounts.create_api_key(
        body.name, body.role, principal, platform=body.platform, scope=body.scope
    )
    return Json(created, 201, headers={"Cache-Control": "no-store"})


@router.delete("/{key_id:segment}", status_code=204, summary="Delete an API key")
async def delete_api_key(
    request: Request,
    administrator: Administrator,
    key_id: Annotated[str, Path(min_length=1, max_length=255)],
) -> Response:
    """Delete an API key."""
    await state_of(request).accounts.delete_api_key(key_id, administrator)
    return no_content()
