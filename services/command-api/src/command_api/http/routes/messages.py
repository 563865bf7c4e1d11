"""A station's recorded frames (docs/flight-recorder.md)."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response, StreamingResponse

from command_api.http.access.audited_route import AuditedRoute
from command_api.http.access.declarations import StationViewer
from command_api.http.answers.documents import Json
from command_api.http.requests.parameters import (
    DEFAULT_LIMIT,
    Cursor,
    Limit,
    StationId,
    given,
    utc_text,
)
from command_api.http.state import ask_registry, state_of
from command_api.ports import ServiceAway, Services
from csms_shared.broker.topology import STATION_REGISTRY
from csms_shared.contracts.messages import MessageView
from csms_shared.contracts.pages import PAGE_MAX, Page
from csms_shared.contracts.refusals import ProblemRaised
from csms_shared.values.levels import Level
from csms_shared.values.times import Moment

router = APIRouter(
    prefix="/stations/{station_id:segment}", tags=["messages"], route_class=AuditedRoute
)

EXPORT_MAX = 100_000
# Pages that held nothing of what is asked for count too: an export ends.
EXPORT_MAX_PAGES = 2_000


@dataclass(frozen=True, slots=True)
class Filters:
    """Which frames are asked for."""

    from_: Annotated[Moment | None, Query(alias="from", description="sent from")] = None
    to: Annotated[Moment | None, Query(description="sent before")] = None
    action: Annotated[
        str | None, Query(max_length=64, description="of the call, also for its answer")
    ] = None
    direction: Annotated[
        Literal["in", "out"] | None, Query(description="seen from the central system")
    ] = None
    message_id: Annotated[str | None, Query(max_length=255)] = None
    level: Annotated[Level | None, Query(description="this and worse")] = None
    q: Annotated[
        str | None, Query(max_length=255, description="part of the frame, in any case")
    ] = None

    def parameters(self, station_id: str) -> dict[str, Any]:
        """Return what the registry is asked."""
        return given(
            station_id=station_id,
            sent_from=utc_text(self.from_),
            sent_to=utc_text(self.to),
            action=self.action,
            direction=self.direction,
            message_id=self.message_id,
            level=self.level,
            q=self.q,
        )


@router.get("/messages", response_model=Page[MessageView], summary="A station's recorded frames")
async def list_messages(
    request: Request,
    _: StationViewer,
    station_id: StationId,
    filters: Annotated[Filters, Depends()],
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response:
    """Return frames, newest first, with secrets masked.

    A page may be short, even empty, where a filter matches rarely: go on with `next_cursor`. Gaps
    (`direction` gap) tell how many frames were not kept; filters never hide them.
    """
    parameters = filters.parameters(station_id) | given(limit=limit, cursor=cursor)
    return Json(await ask_registry(request, "messages.list", parameters))


@router.get(
    "/messages.jsonl",
    summary="Export recorded frames",
    response_class=StreamingResponse,
    responses={200: {"content": {"application/x-ndjson": {}}}},
)
async def export_messages(
    request: Request,
    _: StationViewer,
    station_id: StationId,
    filters: Annotated[Filters, Depends()],
) -> Response:
    """Stream frames as JSON lines, oldest first: what `csms-simulator replay` reads.

    At most 100,000; a last line `{"end": ...}` says whether that was all: `complete`,
    `limit_reached`, or `interrupted`, and `next_from` where to go on.
    """
    services = state_of(request).services
    parameters = filters.parameters(station_id) | {"order": "oldest", "limit": PAGE_MAX}
    # The first page decides about the status.
    page = await services.ask(STATION_REGISTRY, "messages.list", parameters)
    return StreamingResponse(
        _lines(services, parameters, page),
        media_type="application/x-ndjson",
        headers={"Content-Disposition": 'attachment; filename="messages.jsonl"'},
    )


async def _lines(
    services: Services, parameters: dict[str, Any], page: dict[str, Any]
) -> AsyncIterator[bytes]:
    frames = 0
    last_at: str | None = None
    for _ in range(EXPORT_MAX_PAGES):
        items = page["items"]
        if items:
            frames += len(items)
            last_at = items[-1]["at"]
            yield b"".join(orjson.dumps(item) + b"\n" for item in items)
        if page["next_cursor"] is None:
            yield _end("complete", None)
            return
        if frames >= EXPORT_MAX:
            break
        try:
            page = await services.ask(
                STATION_REGISTRY, "messages.list", {**parameters, "cursor": page["next_cursor"]}
            )
        except (ServiceAway, ProblemRaised):
            yield _end("interrupted", last_at)
            return
    yield _end("limit_reached", last_at)


def _end(end: str, next_from: str | None) -> bytes:
    return orjson.dumps(given(end=end, next_from=next_from)) + b"\n"
