"""Ends of transactions by hand: of one whose stop is known, of many whose stops were lost."""

from typing import Annotated, ClassVar, Literal
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from command_api.bulk.handlers import BulkOrder, in_batches
from command_api.costs.domain import CostedTransaction
from command_api.http.access.audited_route import AuditedRoute
from command_api.http.access.declarations import Administrator, ScopedAdministrator
from command_api.http.answers.documents import Json
from command_api.http.requests.idempotency import IdempotencyKey
from command_api.http.requests.parameters import given, utc_text
from command_api.http.routes.bulk_actions import BulkBody, bulk_answer, chosen_by
from command_api.http.routes.transactions import TransactionId
from command_api.http.state import ask_session_service
from csms_shared.broker.topology import SESSION_SERVICE
from csms_shared.contracts.bulk import BulkOutcome
from csms_shared.contracts.sessions import WithoutReading
from csms_shared.values.numbers import INT32_MAX, Whole
from csms_shared.values.times import Moment

router = APIRouter(prefix="/transactions", tags=["transactions"], route_class=AuditedRoute)

# Of which a bulk action needs one; the status is none.
_FILTERS = ("station_id", "connector_id", "id_token", "flag", "from", "to")


class Closing(BaseModel):
    """How a transaction ended that the station will not stop any more."""

    model_config = ConfigDict(extra="forbid")

    meter_stop: Annotated[int, Whole(0, INT32_MAX)] = Field(
        description="the meter's register in Wh"
    )
    reason: str = Field(min_length=1, max_length=500)


class BulkClosing(BulkBody):
    """Which transactions end, by the filters of the list, and why."""

    filters: ClassVar[tuple[str, ...]] = _FILTERS
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"to": "2026-11-20T00:00:00Z", "reason": "stops were lost"}],
            **chosen_by(*_FILTERS),
        }
    )

    station_id: str | None = Field(None, max_length=255)
    connector_id: Annotated[int, Whole(0, INT32_MAX)] | None = None
    status: Literal["stop_missing", "active"] = Field(
        "stop_missing", description="is no filter by itself"
    )
    id_token: str | None = Field(None, max_length=255)
    flag: str | None = Field(None, max_length=255)
    from_: Moment | None = Field(None, alias="from", description="started from")
    to: Moment | None = Field(None, description="started before")
    without_reading: WithoutReading = Field(
        WithoutReading.FAIL,
        description="of those without a reading of their register: `fail` leaves them, "
        "`meter_start` ends them with no energy",
    )
    reason: str = Field(min_length=1, max_length=500)


# Before the route of one, whose path would take it for the close of a transaction `bulk`.
@router.post("/bulk/close", response_model=BulkOutcome, summary="Close many by hand")
async def close_many(
    request: Request,
    principal: Administrator,
    body: BulkClosing,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """End transactions, oldest first, each with the last reading of its register."""
    parameters = given(
        station_id=body.station_id,
        connector_id=body.connector_id,
        status=body.status,
        id_token=body.id_token,
        flag=body.flag,
        started_from=utc_text(body.from_),
        started_to=utc_text(body.to),
        without_reading=body.without_reading,
        reason=body.reason,
        closed_by=principal.name,
    )

    async def act(order: BulkOrder, action_id: UUID) -> BulkOutcome:
        return await in_batches(
            lambda _, batch: ask_session_service(
                request, "transactions.close_many", parameters | batch
            ),
            (SESSION_SERVICE,),
            order,
            action_id,
        )

    return await bulk_answer(request, principal, idempotency_key, body, act)


@router.post(
    "/{transaction_id}/close",
    response_model=CostedTransaction,
    summary="Close by hand",
    responses={409: {"description": "The transaction has ended."}},
)
async def close_transaction(
    request: Request, principal: ScopedAdministrator, transaction_id: TransactionId, body: Closing
) -> Response:
    """End a transaction; it is flagged as closed by hand."""
    return Json(
        await ask_session_service(
            request,
            "transactions.close",
            {
                "transaction_id": transaction_id,
                "meter_stop": body.meter_stop,
                "reason": body.reason,
                "closed_by": principal.name,
            },
        )
    )
