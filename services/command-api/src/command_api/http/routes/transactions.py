"""Transactions and their meter values."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from command_api.costs.domain import CostedTransaction
from command_api.http.access.audited_route import AuditedRoute
from command_api.http.access.declarations import ScopedViewer
from command_api.http.answers.documents import Json
from command_api.http.requests.parameters import (
    CURSOR_RULE,
    DEFAULT_LIMIT,
    Cursor,
    Limit,
    given,
    utc_text,
)
from command_api.http.state import ask_session_service, state_of
from csms_shared.contracts.pages import Page
from csms_shared.contracts.sessions import (
    EvidenceView,
    MeterValueView,
    TransactionPage,
    TransactionStatus,
)
from csms_shared.values.numbers import INT32_MAX, WholeText
from csms_shared.values.times import Moment

router = APIRouter(prefix="/transactions", tags=["transactions"], route_class=AuditedRoute)

TransactionId = Annotated[int, WholeText(-1, INT32_MAX)]


class CostedPage(TransactionPage):
    """One page of transactions; `changes` is the cursor of what changes after it."""

    items: list[CostedTransaction]  # type: ignore[assignment]


@router.get(
    "",
    response_model=CostedPage,
    summary="List transactions",
    responses={410: {"description": "A backup was restored after `changed_after` was given."}},
)
async def list_transactions(
    request: Request,
    _: ScopedViewer,
    station_id: Annotated[str | None, Query(max_length=255)] = None,
    site_id: Annotated[
        str | None, Query(max_length=255, description="where the station stood at the start")
    ] = None,
    tag: Annotated[
        str | None, Query(max_length=255, description="one that the station had at the start")
    ] = None,
    connector_id: Annotated[int | None, WholeText(0, INT32_MAX), Query()] = None,
    status: TransactionStatus | None = None,
    id_token: Annotated[str | None, Query(max_length=255)] = None,
    flag: Annotated[str | None, Query(max_length=255)] = None,
    from_: Annotated[Moment | None, Query(alias="from", description="started from")] = None,
    to: Annotated[Moment | None, Query(description="started before")] = None,
    stopped_from: Moment | None = None,
    stopped_to: Annotated[Moment | None, Query(description="stopped before")] = None,
    changed_after: Annotated[
        str | None,
        Query(
            description="`changes` of an earlier page: only what changed since, in that order",
            json_schema_extra=CURSOR_RULE,
        ),
    ] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response:
    """Return transactions, newest first, or those that have changed since."""
    page = await ask_session_service(
        request,
        "transactions.list",
        given(
            station_id=station_id,
            site_id=site_id,
            tag=tag,
            connector_id=connector_id,
            status=status,
            id_token=id_token,
            flag=flag,
            started_from=utc_text(from_),
            started_to=utc_text(to),
            stopped_from=utc_text(stopped_from),
            stopped_to=utc_text(stopped_to),
            changed_after=changed_after,
            limit=limit,
            cursor=cursor,
        ),
    )
    await state_of(request).costs.add_to(page["items"])
    return Json(page)


@router.get("/{transaction_id}", response_model=CostedTransaction, summary="Get a transaction")
async def get_transaction(
    request: Request, _: ScopedViewer, transaction_id: TransactionId
) -> Response:
    """Return one transaction."""
    named = {"transaction_id": transaction_id}
    transaction = await ask_session_service(request, "transactions.get", named)
    await state_of(request).costs.add_to([transaction])
    return Json(transaction)


@router.get(
    "/{transaction_id}/meter-values",
    response_model=Page[MeterValueView],
    summary="A transaction's meter values",
)
async def list_meter_values(
    request: Request,
    _: ScopedViewer,
    transaction_id: TransactionId,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response:
    """Return meter values, oldest first."""
    return Json(
        await ask_session_service(
            request,
            "transactions.meter_values",
            given(transaction_id=transaction_id, limit=limit, cursor=cursor),
        )
    )


@router.get(
    "/{transaction_id}/evidence",
    response_model=Page[EvidenceView],
    summary="What else was said about a transaction",
)
async def list_evidence(
    request: Request,
    _: ScopedViewer,
    transaction_id: TransactionId,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response:
    """Return stops and meter values that do not count, each with why."""
    return Json(
        await ask_session_service(
            request,
            "transactions.evidence",
            given(transaction_id=transaction_id, limit=limit, cursor=cursor),
        )
    )
