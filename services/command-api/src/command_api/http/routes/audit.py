"""The audit, for administrators."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel
from starlette.responses import Response

from command_api.accounts.domain.roles import Role
from command_api.audit.handlers import list_audit
from command_api.audit.store import AuditFilter
from command_api.http.access.declarations import Administrator
from command_api.http.answers.documents import Json
from command_api.http.requests.parameters import DEFAULT_LIMIT, Cursor, Limit
from command_api.http.state import state_of
from csms_shared.contracts.pages import Page
from csms_shared.values.times import Moment

router = APIRouter(prefix="/audit", tags=["audit"])


class AuditEntry(BaseModel):
    """Who did what, from where, and how it ended.

    `before` is the resource as it was, `asked` the body, `after` the answer; secrets are masked,
    what is too long is left out and its size named (`omitted_bytes`). Where the role does not
    suffice (403), neither `before` nor `asked` is kept. An entry without a `status` was cut off.
    `outcome` are the counts of a bulk action.
    """

    id: int
    at: str
    actor: str
    actor_name: str | None
    role: Role
    address: str
    request_id: str | None
    method: str
    path: str
    target_type: str | None
    target: str | None
    status: int | None
    asked: Any
    before: Any
    after: Any
    outcome: Any


@router.get("", response_model=Page[AuditEntry], summary="Read the audit")
async def list_entries(
    request: Request,
    administrator: Administrator,
    from_: Annotated[
        Moment | None, Query(alias="from", description="at or after this time")
    ] = None,
    to: Annotated[Moment | None, Query(description="before this time")] = None,
    actor: Annotated[
        str | None,
        Query(max_length=300, description="a user's name, `user:NAME` or `api-key:ID`"),
    ] = None,
    target: Annotated[
        str | None, Query(max_length=300, description="a resource's id, also as `stations/ID`")
    ] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response:
    """Return changes and tries to make them, newest first. Commands tell of themselves."""
    wanted = AuditFilter(administrator.acts_for, from_, to, actor, target)
    return Json(await list_audit(state_of(request).engine, wanted, limit, cursor))
