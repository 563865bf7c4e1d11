"""Tenants: the operators who share this deployment, for platform administrators."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request
from pydantic import ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema
from starlette.responses import Response

from command_api.http.access.audited_route import AuditedRoute
from command_api.http.access.declarations import PlatformAdministrator
from command_api.http.answers.documents import Json
from command_api.http.requests.idempotency import IdempotencyKey, made_once
from command_api.http.requests.parameters import DEFAULT_LIMIT, Cursor, Limit, given
from command_api.http.state import ask_registry, state_of
from csms_shared.contracts.pages import Page
from csms_shared.contracts.refusals import refuse
from csms_shared.contracts.sites import Name
from csms_shared.contracts.tenants import TenantDetails, TenantStatus, TenantView
from csms_shared.values.tenants import TenantId

router = APIRouter(prefix="/tenants", tags=["tenants"], route_class=AuditedRoute)

TenantInPath = Annotated[str, Path(min_length=1, max_length=255)]
_NOT_NULL = ("name", "status")


class NewTenant(TenantDetails):
    """An operator who is to share this deployment; `tenant_id` never changes."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "tenant_id": "harbour-power",
                    "name": "Harbour Power",
                    "party_id": "HBP",
                    "country_code": "DE",
                    "time_zone": "Europe/Berlin",
                    "max_stations": 500,
                    "max_requests_per_s": 50,
                }
            ]
        },
    )

    tenant_id: TenantId
    name: Name


class TenantChange(TenantDetails):
    """Changes to a tenant; null: it is not known any more, or there is no bound."""

    model_config = ConfigDict(extra="forbid")

    name: Name | SkipJsonSchema[None] = None
    status: TenantStatus | SkipJsonSchema[None] = Field(
        None, description="`suspended`: its stations may not connect; its users go on reading"
    )


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


@router.post(
    "",
    response_model=TenantView,
    status_code=201,
    summary="Create a tenant",
    responses={409: {"description": "There is such a tenant."}},
)
async def create_tenant(
    request: Request,
    administrator: PlatformAdministrator,
    body: NewTenant,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Create a tenant, which is active. Its first user is made with `X-Tenant`."""
    fields = body.model_dump(mode="json")
    tenant_id = fields.pop("tenant_id")

    async def make(_: UUID) -> dict[str, Any]:
        made: dict[str, Any] = await _ask(request, "create", fields | {"new_tenant_id": tenant_id})
        return made

    _, made = await made_once(
        request,
        administrator,
        idempotency_key,
        make,
        lambda _: _ask(request, "get", {"named_tenant_id": tenant_id}),
    )
    return Json(made, 201)


@router.get("/{tenant_id:segment}", response_model=TenantView, summary="Get a tenant")
async def get_tenant(
    request: Request, _: PlatformAdministrator, tenant_id: TenantInPath
) -> Response:
    """Return one tenant."""
    return Json(await _ask(request, "get", {"named_tenant_id": tenant_id}))


@router.patch(
    "/{tenant_id:segment}",
    response_model=TenantView,
    summary="Change a tenant",
    responses={409: {"description": "The default tenant is not suspended."}},
)
async def change_tenant(
    request: Request, _: PlatformAdministrator, tenant_id: TenantInPath, body: TenantChange
) -> Response:
    """Change what is given; what is given as null is not known any more, or has no bound."""
    for name in _NOT_NULL:
        if name in body.model_fields_set and getattr(body, name) is None:
            raise refuse(422, "validation_failed", f"{name} has no null", (name, "is not null"))
    parameters = {
        **body.model_dump(mode="json", exclude_unset=True),
        "changed_tenant_id": tenant_id,
        "set": sorted(body.model_fields_set),
    }
    changed = await _ask(request, "change", parameters)
    state_of(request).tenants.forget(tenant_id)
    return Json(changed)


async def _ask(request: Request, operation: str, parameters: dict[str, Any]) -> Any:
    return await ask_registry(request, f"tenants.{operation}", parameters)
