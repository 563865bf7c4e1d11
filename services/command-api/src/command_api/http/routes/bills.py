"""Bills and credits, and those that somebody has to look at before they are sent on."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from command_api.http.access.audited_route import AuditedRoute
from command_api.http.access.declarations import ScopedOperator, ScopedViewer
from command_api.http.answers.documents import Json
from command_api.http.requests.parameters import DEFAULT_LIMIT, Cursor, Limit, given
from command_api.http.routes.reservations import ReservationId
from command_api.http.routes.transactions import TransactionId
from command_api.http.state import ask_billing_service
from csms_shared.contracts.billing import BillStatus, BillView
from csms_shared.contracts.pages import Page

router = APIRouter(prefix="/bills", tags=["costs"], route_class=AuditedRoute)


@router.get("", response_model=Page[BillView], summary="List bills")
async def list_bills(
    request: Request,
    _: ScopedViewer,
    transaction_id: TransactionId | None = None,
    reservation_id: ReservationId | None = None,
    station_id: Annotated[str | None, Query(max_length=255)] = None,
    status: Annotated[
        BillStatus | None, Query(description="`review`: kept back; `final`: sent on")
    ] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response:
    """Return bills and credits, newest first.

    Amounts of a credit are negative, its energy is not: sums of energy leave credits out.
    """
    parameters = given(
        transaction_id=transaction_id,
        reservation_id=reservation_id,
        station_id=station_id,
        status=status,
        limit=limit,
        cursor=cursor,
    )
    return Json(await ask_billing_service(request, "bills.list", parameters))


@router.post(
    "/{bill_id}/release",
    response_model=BillView,
    summary="Release a bill",
    responses={409: {"description": "It was not kept back, or is not any more."}},
)
async def release_bill(request: Request, operator: ScopedOperator, bill_id: UUID) -> Response:
    """Send on a bill that was kept back for review; it gets its charge detail record."""
    parameters = {"bill_id": str(bill_id), "released_by": operator.name}
    return Json(await ask_billing_service(request, "bills.release", parameters))
