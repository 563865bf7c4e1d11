"""Tenants: the operators who share this deployment, for platform administrators."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from command_api.http.access.audited_route import AuditedRoute
from command_api.http.access.declarations import PlatformAdministrator
from command_api.http.answers.documents import Json
from command_api.http.requests.parameters import DEFAULT_LIMIT, Cursor, Limit, given
from command_api.http.state import ask_registry
from csms_shared.contracts.pages import Page
from csms_shared.contracts.tenants import TenantView

router = APIRouter(prefix="/tenants", tags=["tenants"], route_class=AuditedRoute)

TenantInPath = Annotated[str, Path(min_length=1, max_length=255)]


@router.get("", response_model=Page[TenantView], summary="List tenants")
async def list_tenants(
    request: Request,
    _: PlatformAdministrator,
    q: Annotated[str | None, Query(max_length=255, description="part of id or name")] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response:
    """Return tenants by id."""
    return Json(await _ask(request, "list", given(q=q, limit=limit, cursor=cursor)))


@router.get("/{tenant_id:segment}", response_model=TenantView, summary="Get a tenant")
async def get_tenant(
    request: Request, _: PlatformAdministrator, tenant_id: TenantInPath
) -> Response:
    """Return one tenant."""
    return Json(await _ask(request, "get", {"named_tenant_id": tenant_id}))


async def _ask(request: Request, operation: str, parameters: dict[str, Any]) -> Any:
    return await ask_registry(request, f"tenants.{operation}", parameters)
