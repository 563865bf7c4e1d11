"""Users, for administrators."""

from typing import Annotated

from fastapi import APIRouter, Path, Request
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from starlette.responses import Response

from command_api.accounts.domain.roles import Role
from command_api.accounts.handlers.accounts import AccountChange
from command_api.http.access.audited_route import AuditedRoute
from command_api.http.access.declarations import Administrator
from command_api.http.answers.documents import Json, no_content
from command_api.http.requests.addressable_ids import AddressableId, none_of
from command_api.http.requests.parameters import DEFAULT_LIMIT, Cursor, Limit
from command_api.http.requests.schema_rules import any_given
from command_api.http.state import state_of
from csms_shared.contracts.pages import Page
from csms_shared.contracts.refusals import refuse
from csms_shared.contracts.scopes import Scope
from csms_shared.values.flags import Flag

router = APIRouter(prefix="/users", tags=["users"], route_class=AuditedRoute)

Username = Annotated[str, Path(min_length=1, max_length=255)]
PLATFORM_RULE = (
    "a platform administrator has the role admin, is of the default tenant, and has no scope."
)
_BUSY = {"description": "Too many passwords are being hashed already."}
PLATFORM = "true: an administrator who acts for every tenant; only such a one may say so"
SCOPE = "limits to the stations at these sites or with one of these tags; null: to nothing"
PASSWORD = Field(min_length=8, max_length=1_000)


_ANY_GIVEN = any_given("password", "role", "platform")
# Null is a scope as well.
_ANY_GIVEN["anyOf"].append({"required": ["scope"]})


class UserView(BaseModel):
    """A user, without the password."""

    username: str
    role: Role
    tenant_id: str
    platform: bool
    scope: Scope | None
    created_at: str
    updated_at: str


def _is_no_word_of_ours(username: str) -> str:
    if username == "me":
        raise ValueError("must not be `me`")
    return username


class NewUser(BaseModel):
    """Somebody who may log in."""

    model_config = ConfigDict(extra="forbid")

    # `/users/me` is whoever asks.
    username: Annotated[AddressableId, AfterValidator(_is_no_word_of_ours)] = Field(
        min_length=1,
        max_length=255,
        pattern=r"^[^\x00-\x1f\x7f]+$",
        json_schema_extra=none_of("me"),
    )
    password: str = PASSWORD
    role: Role
    platform: Flag = Field(False, description=PLATFORM)
    scope: Scope | None = Field(None, description=SCOPE)


class UserChange(BaseModel):
    """A new password, role or scope, or whether it acts for every tenant."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=_ANY_GIVEN)

    password: str | None = Field(None, min_length=8, max_length=1_000)
    role: Role | None = None
    platform: Flag | None = Field(None, description=PLATFORM)
    scope: Scope | None = Field(None, description=SCOPE)


@router.get("", response_model=Page[UserView], summary="List users")
async def list_users(
    request: Request,
    administrator: Administrator,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response:
    """Return users by name."""
    accounts = state_of(request).accounts
    return Json(await accounts.list_users(administrator.acts_for, limit, cursor))


@router.post(
    "",
    response_model=UserView,
    status_code=201,
    summary="Create a user",
    responses={
        409: {"description": f"There is such a user; or: {PLATFORM_RULE}"},
        429: _BUSY,
    },
)
async def create_user(request: Request, administrator: Administrator, body: NewUser) -> Response:
    """Create a user; names are unique in the deployment."""
    created = await state_of(request).accounts.create_user(
        body.username,
        body.password,
        body.role,
        administrator,
        platform=body.platform,
        scope=body.scope,
    )
    return Json(created, 201)


@router.get("/{username:username}", response_model=UserView, summary="Get a user")
async def get_user(request: Request, administrator: Administrator, username: Username) -> Response:
    """Return one user."""
    return Json(await state_of(request).accounts.get_user(administrator.acts_for, username))


@router.patch(
    "/{username:username}",
    response_model=UserView,
    summary="Change a user",
    responses={
        409: {"description": f"This is the last administrator; or: {PLATFORM_RULE}"},
        429: _BUSY,
    },
)
async def change_user(
    request: Request, administrator: Administrator, username: Username, body: UserChange
) -> Response:
    """Change password, role, reach or scope; the user's tokens end."""
    change = AccountChange(
        body.password, body.role, body.platform, body.scope, "scope" in body.model_fields_set
    )
    if not change.changes_anything:
        raise refuse(422, "validation_failed", "nothing to change", ("body", "is empty"))
    changed = await state_of(request).accounts.change_user(username, change, administrator)
    return Json(changed)


@router.delete(
    "/{username:username}",
    status_code=204,
    summary="Delete a user",
    responses={409: {"description": "This is the last administrator."}},
)
async def delete_user(
    request: Request, administrator: Administrator, username: Username
) -> Response:
    """Delete a user; the last administrator stays."""
    await state_of(request).accounts.delete_user(username, administrator)
    return no_content()
