"""Stops and meter values that fit no transaction."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, ConfigDict
from starlette.responses import Response

from command_api.http.answers import DEFAULT_LIMIT, Cursor, Json, Limit, given
from command_api.http.audited_route import AuditedRoute
from command_api.http.authentication import Administrator, Viewer
from command_api.http.state import state_of
from csms_shared.broker.topology import SESSION_SERVICE
from csms_shared.contracts.pages import Page
from csms_shared.contracts.sessions import QuarantineView
from csms_shared.values.numbers import INT32_MAX, Whole

router = APIRouter(prefix="/quarantine", tags=["quarantine"], route_class=AuditedRoute)

ItemId = Annotated[str, Path(min_length=1, max_length=255)]


class Reconciliation(BaseModel):
    """The transaction that the item belongs to."""

    model_config = ConfigDict(extra="forbid")

    transaction_id: Annotated[int, Whole(1, INT32_MAX)]


@router.get("", response_model=Page[QuarantineView], summary="List items in quarantine")
async def list_quarantine(
    request: Request,
    _: Viewer,
    station_id: str | None = None,
    status: Literal["open", "reconciled", "dismissed"] = "open",
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response:
    """Return items, newest first."""
    parameters = given(station_id=station_id, status=status, limit=limit, cursor=cursor)
    return Json(await _ask(request, "quarantine.list", parameters))


@router.post(
    "/{item_id:segment}/reconcile",
    response_model=QuarantineView,
    summary="Reconcile an item",
    responses={409: {"description": "The item was reconciled or dismissed."}},
)
async def reconcile(
    request: Request, _: Administrator, item_id: ItemId, body: Reconciliation
) -> Response:
    """Attach the item to a transaction of its station."""
    return Json(
        await _ask(
            request,
            "quarantine.reconcile",
            {"id": item_id, "transaction_id": body.transaction_id},
        )
    )


@router.post(
    "/{item_id:segment}/dismiss",
    response_model=QuarantineView,
    summary="Dismiss an item",
    responses={409: {"description": "The item was reconciled or dismissed."}},
)
async def dismiss(request: Request, _: Administrator, item_id: ItemId) -> Response:
    """Set the item aside for good; it stays stored."""
    return Json(await _ask(request, "quarantine.dismiss", {"id": item_id}))


async def _ask(request: Request, operation: str, parameters: dict[str, Any]) -> Any:
    return await state_of(request).services.ask(SESSION_SERVICE, operation, parameters)
