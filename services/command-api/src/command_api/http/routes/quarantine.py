"""Stops and meter values that fit no transaction."""

from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from command_api.accounts.domain.roles import Principal
from command_api.bulk.handlers import BulkOrder, in_batches
from command_api.http.access.audited_route import AuditedRoute
from command_api.http.access.declarations import Administrator, Viewer
from command_api.http.answers.documents import Json
from command_api.http.requests.idempotency import IdempotencyKey
from command_api.http.requests.parameters import DEFAULT_LIMIT, Cursor, Limit, given, utc_text
from command_api.http.routes.bulk_actions import BulkBody, bulk_answer, chosen_by
from command_api.http.state import ask_session_service
from csms_shared.broker.topology import SESSION_SERVICE
from csms_shared.contracts.bulk import BulkOutcome
from csms_shared.contracts.pages import Page
from csms_shared.contracts.sessions import QuarantineKind, QuarantineView
from csms_shared.values.numbers import INT32_MAX, Whole
from csms_shared.values.times import Moment

router = APIRouter(prefix="/quarantine", tags=["quarantine"], route_class=AuditedRoute)

ItemId = Annotated[str, Path(min_length=1, max_length=255)]


class Reconciliation(BaseModel):
    """The transaction that the item belongs to."""

    model_config = ConfigDict(extra="forbid")

    transaction_id: Annotated[int, Whole(1, INT32_MAX)]


class ItemsBody(BulkBody):
    """Open items, by the filters of the list."""

    filters: ClassVar[tuple[str, ...]] = ("station_id", "kind", "from", "to")
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"station_id": "CS-1", "kind": "meter_values"}],
            **chosen_by(*filters),
        }
    )

    station_id: str | None = Field(None, max_length=255)
    kind: QuarantineKind | None = None
    from_: Moment | None = Field(None, alias="from", description="received from")
    to: Moment | None = Field(None, description="received before")

    def parameters(self) -> dict[str, Any]:
        """Return the filters as session-service takes them."""
        return given(
            station_id=self.station_id,
            kind=self.kind,
            received_from=utc_text(self.from_),
            received_to=utc_text(self.to),
        )


class BulkReconciliation(ItemsBody):
    """What is to be attached, and to what."""

    transaction_id: Annotated[int, Whole(1, INT32_MAX)] | None = Field(
        None, description="of the station; without it each goes to the one that fits, if one does"
    )


@router.get("", response_model=Page[QuarantineView], summary="List items in quarantine")
async def list_quarantine(
    request: Request,
    _: Viewer,
    station_id: str | None = None,
    kind: QuarantineKind | None = None,
    status: Literal["open", "reconciled", "dismissed"] = "open",
    from_: Annotated[Moment | None, Query(alias="from", description="received from")] = None,
    to: Annotated[Moment | None, Query(description="received before")] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response:
    """Return items, newest first."""
    parameters = given(
        station_id=station_id,
        kind=kind,
        status=status,
        received_from=utc_text(from_),
        received_to=utc_text(to),
        limit=limit,
        cursor=cursor,
    )
    return Json(await ask_session_service(request, "quarantine.list", parameters))


@router.post(
    "/bulk/reconcile",
    response_model=BulkOutcome,
    summary="Reconcile many items",
    responses={404: {"description": "There is no such transaction."}},
)
async def reconcile_many(
    request: Request,
    principal: Administrator,
    body: BulkReconciliation,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Attach open items, station by station, to one transaction or each to the one that fits."""
    parameters = body.parameters() | given(transaction_id=body.transaction_id)
    operation = "quarantine.reconcile_many"
    return await _bulk(request, principal, idempotency_key, body, operation, parameters)


@router.post("/bulk/dismiss", response_model=BulkOutcome, summary="Dismiss many items")
async def dismiss_many(
    request: Request,
    principal: Administrator,
    body: ItemsBody,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Set open items aside for good; they stay stored."""
    operation = "quarantine.dismiss_many"
    return await _bulk(request, principal, idempotency_key, body, operation, body.parameters())


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
        await ask_session_service(
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
    return Json(await ask_session_service(request, "quarantine.dismiss", {"id": item_id}))


async def _bulk(
    request: Request,
    principal: Principal,
    key: str | None,
    body: BulkBody,
    operation: str,
    parameters: dict[str, Any],
) -> Response:
    async def act(order: BulkOrder, action_id: UUID) -> BulkOutcome:
        return await in_batches(
            lambda _, batch: ask_session_service(request, operation, parameters | batch),
            (SESSION_SERVICE,),
            order,
            action_id,
        )

    return await bulk_answer(request, principal, key, body, act)
