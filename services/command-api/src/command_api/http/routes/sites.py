"""Sites: the places where stations stand."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request
from pydantic import ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema
from starlette.responses import Response

from command_api.http.access.audited_route import AuditedRoute
from command_api.http.access.declarations import Administrator, ScopedViewer
from command_api.http.answers.documents import Json, no_content
from command_api.http.requests.idempotency import IdempotencyKey, made_once
from command_api.http.requests.parameters import DEFAULT_LIMIT, Cursor, Limit, given
from command_api.http.state import ask_registry
from csms_shared.contracts.pages import Page
from csms_shared.contracts.refusals import refuse
from csms_shared.contracts.sites import Name, SiteDetails, SiteView, Tags
from csms_shared.values.place_names import SiteId

router = APIRouter(prefix="/sites", tags=["sites"], route_class=AuditedRoute)

SiteInPath = Annotated[str, Path(min_length=1, max_length=255, description="any text, encoded")]
_NOT_NULL = ("name", "tags")


class NewSite(SiteDetails):
    """A place where stations stand; coordinates in degrees (WGS 84), both or none."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "site_id": "harbour",
                    "name": "Harbour car park",
                    "address": "Quay 1",
                    "city": "Hamburg",
                    "postal_code": "20457",
                    "country": "DE",
                    "latitude": 53.5413,
                    "longitude": 9.9841,
                    "time_zone": "Europe/Berlin",
                    "opening_hours": {"twentyfourseven": True},
                    "tags": ["public"],
                }
            ],
            "dependentRequired": {"latitude": ["longitude"], "longitude": ["latitude"]},
        },
    )

    site_id: SiteId | None = Field(None, description="without one, it is made")
    name: Name
    tags: Tags = Field(default_factory=list)


class SiteChange(SiteDetails):
    """Changes to a site; null: it is not known any more."""

    model_config = ConfigDict(extra="forbid")

    name: Name | SkipJsonSchema[None] = None
    tags: Tags | SkipJsonSchema[None] = None


@router.get("", response_model=Page[SiteView], summary="List sites")
async def list_sites(
    request: Request,
    _: ScopedViewer,
    q: Annotated[
        str | None,
        Query(max_length=255, description="part of id, name, address, city or postal code"),
    ] = None,
    tag: Annotated[str | None, Query(max_length=255)] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response:
    """Return sites by id."""
    return Json(await _ask(request, "list", given(q=q, tag=tag, limit=limit, cursor=cursor)))


@router.post(
    "",
    response_model=SiteView,
    status_code=201,
    summary="Create a site",
    responses={409: {"description": "There is such a site."}},
)
async def create_site(
    request: Request,
    administrator: Administrator,
    body: NewSite,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Create a site; stations are put there by their `site_id`."""

    async def make(new_id: UUID) -> dict[str, Any]:
        parameters = {**body.model_dump(mode="json"), "site_id": body.site_id or str(new_id)}
        made: dict[str, Any] = await _ask(request, "create", parameters)
        return made

    _, made = await made_once(
        request,
        administrator,
        idempotency_key,
        make,
        lambda new_id: _ask(request, "get", {"site_id": body.site_id or str(new_id)}),
    )
    return Json(made, 201)


@router.get("/{site_id:segment}", response_model=SiteView, summary="Get a site")
async def get_site(request: Request, _: ScopedViewer, site_id: SiteInPath) -> Response:
    """Return one site; `GET /stations?site_id=` has its stations."""
    return Json(await _ask(request, "get", {"site_id": site_id}))


@router.patch("/{site_id:segment}", response_model=SiteView, summary="Change a site")
async def change_site(
    request: Request, _: Administrator, site_id: SiteInPath, body: SiteChange
) -> Response:
    """Change what is given; what is given as null is not known any more."""
    for name in _NOT_NULL:
        if name in body.model_fields_set and getattr(body, name) is None:
            raise refuse(422, "validation_failed", f"{name} has no null", (name, "is not null"))
    parameters = {
        **body.model_dump(mode="json", exclude_unset=True),
        "site_id": site_id,
        "set": sorted(body.model_fields_set),
    }
    return Json(await _ask(request, "change", parameters))


@router.delete(
    "/{site_id:segment}",
    status_code=204,
    summary="Delete a site",
    responses={409: {"description": "Stations stand there."}},
)
async def delete_site(request: Request, _: Administrator, site_id: SiteInPath) -> Response:
    """Delete a site where no station stands."""
    await _ask(request, "delete", {"site_id": site_id})
    return no_content()


async def _ask(request: Request, operation: str, parameters: dict[str, Any]) -> Any:
    return await ask_registry(request, f"sites.{operation}", parameters)
