"""Charge detail records: numbered without a gap, and read by their numbers."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request
from starlette.responses import Response, StreamingResponse

from command_api.cdrs.handlers import cdr_page, csv_of
from command_api.http.access.declarations import Viewer
from command_api.http.answers.documents import Json
from command_api.http.requests.parameters import DEFAULT_LIMIT, Limit, given, utc_text
from command_api.http.routes.event_filters import PositionText
from command_api.http.state import ask_billing_service, state_of
from csms_shared.contracts.billing import Cdr
from csms_shared.contracts.pages import PAGE_MAX, Page
from csms_shared.values.times import Moment

router = APIRouter(tags=["costs"])

From = Annotated[Moment | None, Query(alias="from", description="`last_updated` then or later")]
To = Annotated[Moment | None, Query(description="`last_updated` before")]


@router.get("/cdrs", response_model=Page[Cdr], summary="List charge detail records")
async def list_cdrs(
    request: Request,
    _: Viewer,
    after: Annotated[PositionText | None, Query(description="after this position")] = None,
    from_: From = None,
    to: To = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Annotated[
        PositionText | None,
        Query(description="`next_cursor` of the page before; it counts before `after`"),
    ] = None,
) -> Response:
    """Return records (OCPI 2.2.1, `mod_cdrs`) in the order of their positions, each once.

    Positions count from 1 without a gap, and what has been read comes never again: go on after
    the last position that you have, whatever failed in between. `next_cursor` is a position, too,
    and null at the end.
    """
    where = _where(from_, to) | given(after=after if cursor is None else cursor, limit=limit)
    page = await cdr_page(state_of(request).services, where)
    next_cursor = None if page.next_cursor is None else str(page.next_cursor)
    items = [one.model_dump(mode="json") for one in page.items]
    return Json({"items": items, "next_cursor": next_cursor})


@router.get(
    "/cdrs.csv",
    summary="Export charge detail records",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)
async def export_cdrs(request: Request, _: Viewer, from_: From = None, to: To = None) -> Response:
    """Stream records as CSV (RFC 4180, UTF-8) with a header line, in the order of positions.

    An export that could not be finished ends with a broken connection, never as if it was whole.
    A text that a spreadsheet would take for a formula has an apostrophe before it.
    """
    services, where = state_of(request).services, _where(from_, to)
    # The first page decides about the status.
    first = await cdr_page(services, where | {"limit": PAGE_MAX})
    text: AsyncIterator[str] = csv_of(services, where, first)
    return StreamingResponse(
        text,
        media_type="text/csv",
        headers={"Content-Disposition": 'attachment; filename="cdrs.csv"'},
    )


@router.get("/cdrs/{cdr_id}", response_model=Cdr, summary="Get a charge detail record")
async def get_cdr(request: Request, _: Viewer, cdr_id: UUID) -> Response:
    """Return one record."""
    return Json(await ask_billing_service(request, "cdrs.get", {"cdr_id": str(cdr_id)}))


def _where(from_: datetime | None, to: datetime | None) -> dict[str, Any]:
    return given(from_time=utc_text(from_), to_time=utc_text(to))
