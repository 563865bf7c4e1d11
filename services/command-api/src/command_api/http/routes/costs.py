"""What a transaction costs, or a reservation that nobody used."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from command_api.costs.domain import ReservationCost, TransactionCost
from command_api.costs.handlers import reservation_cost, transaction_cost
from command_api.http.access.audited_route import AuditedRoute
from command_api.http.access.declarations import ScopedOperator, ScopedViewer
from command_api.http.answers.documents import Json, no_content
from command_api.http.routes.reservations import ReservationId
from command_api.http.routes.transactions import TransactionId
from command_api.http.state import ask_billing_service, state_of

router = APIRouter(tags=["costs"], route_class=AuditedRoute)


@router.get(
    "/transactions/{transaction_id}/cost",
    response_model=TransactionCost,
    summary="What a transaction costs",
)
async def get_cost(request: Request, _: ScopedViewer, transaction_id: TransactionId) -> Response:
    """Return the cost with every line: of a bill, or of what it comes to so far.

    It is final some seconds after the end (`status`: `final`, or `review` while an operator has to
    look at it); before that it is `running` or `settling`, and `unpriced` where no tariff is
    assigned.
    """
    return Json(await transaction_cost(state_of(request).services, transaction_id))


@router.post(
    "/transactions/{transaction_id}/settle",
    status_code=204,
    summary="Bill anew",
    responses={409: {"description": "The transaction goes on."}},
)
async def settle_again(
    request: Request, _: ScopedOperator, transaction_id: TransactionId
) -> Response:
    """Have a transaction billed by what is known now, within seconds.

    One without a bill gets one by the tariff that is assigned now. Where there is one, it is
    corrected if an amount changes, by a credit and a new bill; what was billed by a tariff is
    billed anew by the same version of it.
    """
    named = {"transaction_id": transaction_id}
    await ask_billing_service(request, "bills.settle", named)
    return no_content()


@router.get(
    "/reservations/{reservation_id}/cost",
    response_model=ReservationCost,
    summary="What a reservation costs that nobody used",
)
async def get_reservation_cost(
    request: Request, _: ScopedViewer, reservation_id: ReservationId
) -> Response:
    """Return the cost with every line. One that was used is part of its transaction's cost.

    It is final some seconds after the end, without amounts where nothing is to be paid.
    """
    return Json(await reservation_cost(state_of(request).services, reservation_id))


@router.post(
    "/reservations/{reservation_id}/settle", status_code=204, summary="Bill a reservation anew"
)
async def settle_reservation_again(
    request: Request, _: ScopedOperator, reservation_id: ReservationId
) -> Response:
    """Have a reservation billed by what is known now, within seconds, as a transaction is.

    404 until it has ended.
    """
    named = {"reservation_id": reservation_id}
    await ask_billing_service(request, "bills.settle_reservation", named)
    return no_content()
