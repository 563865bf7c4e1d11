"""Templates of wanted configuration values, for groups of stations."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import ConfigDict
from starlette.responses import Response

from command_api.http.access.audited_route import AuditedRoute
from command_api.http.access.declarations import Administrator, Operator, Viewer
from command_api.http.answers.documents import Json, no_content
from command_api.http.requests.parameters import DEFAULT_LIMIT, Cursor, Limit, given
from command_api.http.state import ask_registry, require_taken
from csms_shared.contracts.configuration import (
    AppliedTemplate,
    StationDrift,
    TemplateContent,
    TemplateView,
)
from csms_shared.contracts.pages import Page

router = APIRouter(
    prefix="/configuration-templates", tags=["configuration"], route_class=AuditedRoute
)


class Template(TemplateContent):
    """Wanted values, and the stations they are for.

    A station is meant if it is in `station_ids`, or has the `vendor` and `model` given, or stands
    at one of the sites, or has one of the tags.
    """

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "name": "acme street",
                    "values": {"HeartbeatInterval": "300"},
                    "vendor": "ACME",
                    "model": "M1",
                }
            ]
        },
    )


@router.get("", response_model=Page[TemplateView], summary="List configuration templates")
async def list_templates(
    request: Request, _: Viewer, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Response:
    """Return templates by name."""
    return Json(await _ask(request, "list", given(limit=limit, cursor=cursor)))


@router.post(
    "",
    response_model=TemplateView,
    status_code=201,
    summary="Create a configuration template",
    responses={409: {"description": "There is a template of this name."}},
)
async def create_template(request: Request, _: Administrator, body: Template) -> Response:
    """Create a template; nothing is sent to any station by that."""
    return Json(await _write(request, "create", body, {}), 201)


@router.get(
    "/{template_id:segment}", response_model=TemplateView, summary="Get a configuration template"
)
async def get_template(request: Request, _: Viewer, template_id: UUID) -> Response:
    """Return one template."""
    return Json(await _ask(request, "get", {"template_id": str(template_id)}))


@router.put(
    "/{template_id:segment}",
    response_model=TemplateView,
    summary="Replace a configuration template",
    responses={409: {"description": "There is another template of this name."}},
)
async def replace_template(
    request: Request, _: Administrator, template_id: UUID, body: Template
) -> Response:
    """Give a template new content; nothing is sent to any station by that."""
    return Json(await _write(request, "replace", body, {"template_id": str(template_id)}))


@router.delete("/{template_id:segment}", status_code=204, summary="Delete a configuration template")
async def delete_template(request: Request, _: Administrator, template_id: UUID) -> Response:
    """Delete a template; stations keep the values they have."""
    await _ask(request, "delete", {"template_id": str(template_id)})
    return no_content()


@router.get(
    "/{template_id:segment}/drift",
    response_model=Page[StationDrift],
    summary="Compare stations with a template",
)
async def drift(
    request: Request,
    _: Viewer,
    template_id: UUID,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response:
    """Return the template's stations, each with the keys that are not as wanted."""
    parameters = given(template_id=str(template_id), limit=limit, cursor=cursor)
    return Json(await _ask(request, "drift", parameters))


@router.post(
    "/{template_id:segment}/apply",
    response_model=AppliedTemplate,
    status_code=202,
    summary="Apply a template",
)
async def apply(
    request: Request,
    operator: Operator,
    template_id: UUID,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response:
    """Send a page of the template's stations what differs, and nothing else.

    Stations in `unread` have never reported some key: they are asked for it first, so apply
    again after that. The changes wait up to a day for an offline station.
    """
    parameters = given(
        template_id=str(template_id), limit=limit, cursor=cursor, created_by=operator.name
    )
    return Json(await _ask(request, "apply", parameters), 202)


async def _write(request: Request, operation: str, body: Template, name: dict[str, Any]) -> Any:
    written = await _ask(request, operation, {**name, **body.model_dump(mode="json")})
    require_taken(written, [one for one in ("site_ids", "tags") if getattr(body, one)])
    return written


async def _ask(request: Request, operation: str, parameters: dict[str, Any]) -> Any:
    return await ask_registry(request, f"configuration_templates.{operation}", parameters)
