"""Messages that the services' own code could not process."""

from typing import Annotated

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from command_api.http.answers import DEFAULT_LIMIT, Cursor, Json, Limit, no_content
from command_api.http.audited_route import AuditedRoute
from command_api.http.authentication import Administrator, Viewer
from command_api.http.state import state_of
from csms_shared.contracts.pages import Page, ParkedView

router = APIRouter(prefix="/parked", tags=["parked"], route_class=AuditedRoute)

ItemId = Annotated[str, Path(min_length=1, max_length=255)]


@router.get("", response_model=Page[ParkedView], summary="List parked messages")
async def list_parked(
    request: Request, _: Viewer, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Response:
    """Return parked messages, service by service, each newest first."""
    return Json(await state_of(request).parked.list_page(limit, cursor))


@router.post("/{item_id:segment}/replay", status_code=204, summary="Replay a parked message")
async def replay(request: Request, _: Administrator, item_id: ItemId) -> Response:
    """Put the message back into its queue."""
    await state_of(request).parked.replay(item_id)
    return no_content()


@router.delete("/{item_id:segment}", status_code=204, summary="Delete a parked message")
async def delete(request: Request, _: Administrator, item_id: ItemId) -> Response:
    """Delete the message for good."""
    await state_of(request).parked.delete(item_id)
    return no_content()
