"""The stream of events: `GET /events`."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.responses import Response

from command_api.accounts.domain.roles import Role
from command_api.http.access.authentication import is_still_authorized
from command_api.http.access.declarations import ScopedViewer
from command_api.http.routes.event_filters import (
    KEPT_NO_LONGER,
    EventStation,
    EventTypes,
    PositionText,
    wanted_by,
)
from command_api.http.state import state_of
from command_api.live_events.domain.events import LiveEvent
from command_api.live_events.handlers.hub import EventHub
from command_api.live_events.handlers.streams import Chunk, Stream, StreamEnded
from command_api.ports import ServiceAway
from command_api.scopes.handlers import RememberedStations
from csms_shared.contracts.refusals import ProblemRaised
from csms_shared.runtime.clock import monotonic
from csms_shared.runtime.errors import Unavailable

router = APIRouter(tags=["events"])

KEEP_ALIVE_S = 15
_SEND_TIMEOUT_S = 30.0


@router.get(
    "/events",
    summary="Follow events",
    response_class=EventSourceResponse,
    responses={
        200: {"content": {"text/event-stream": {}}},
        **KEPT_NO_LONGER,
        429: {"description": "Too many streams are open already."},
    },
)
async def stream_events(
    request: Request,
    viewer: ScopedViewer,
    station_id: EventStation = None,
    types: EventTypes = None,
    after: Annotated[
        PositionText | None, Query(description="begin after this position, the `id` of an event")
    ] = None,
    last_event_id: Annotated[
        PositionText | None,
        # A part of the protocol (HTML, "server-sent events"), which clients add by themselves.
        Header(alias="Last-Event-ID", include_in_schema=False),
    ] = None,
) -> Response:
    """Stream events as server-sent events: a CloudEvent in JSON each, its position as `id`.

    It begins after the position that is given, or with what happens from now on, and tells every
    event once, in the order of positions; all that was told before it was opened again with the
    last `id` is not told again, and nothing is left out. At once, and now and then while there is
    nothing to tell, an `id` without data says how far it is.

    A slow client gets events later, and none less. Who may not read any more is cut off by the
    next keep-alive.

    Who is limited to sites or tags gets the events of stations that are there, as it was at most
    10 s ago, and no others: none of tokens, sites or rollouts.
    """
    state, scope = state_of(request), viewer.scope
    within = None if scope is None else RememberedStations(state.services, scope)
    stream = Stream(state.hub, state.stored_events, wanted_by(viewer, station_id, types))
    state.hub.open(stream)
    try:
        if last_event_id is not None:
            await stream.begin(last_event_id, "Last-Event-ID")
        else:
            await stream.begin(after, "after")
    except BaseException:
        state.hub.discard(stream)
        raise
    return EventSourceResponse(
        _events(request, state.hub, stream, within),
        ping=KEEP_ALIVE_S,
        send_timeout=_SEND_TIMEOUT_S,
        sep="\n",
    )


async def _events(
    request: Request, hub: EventHub, stream: Stream, within: RememberedStations | None
) -> AsyncIterator[ServerSentEvent]:
    watching = asyncio.create_task(_end_with_authorization(request, stream))
    try:
        # Sent at once: whoever is cut off before the first event goes on from here.
        yield _mark("open", stream.position)
        told = monotonic()
        while True:
            chunk = await stream.next()
            async for event in _shown(chunk, stream, within):
                yield ServerSentEvent(
                    data=event.text, event=event.type, id=str(event.position), sep="\n"
                )
                told = monotonic()
            if not stream.is_ended and monotonic() - told >= KEEP_ALIVE_S:
                # What is not for it is kept for a while only, as everything.
                yield _mark("so far", chunk.position)
                told = monotonic()
    except StreamEnded as ended:
        yield ServerSentEvent(comment=str(ended), sep="\n")
    except (ServiceAway, ProblemRaised):
        yield ServerSentEvent(comment="it is not known which stations may be shown", sep="\n")
    finally:
        watching.cancel()
        hub.discard(stream)


def _mark(comment: str, position: int) -> ServerSentEvent:
    return ServerSentEvent(comment=comment, id=str(position), sep="\n")


async def _shown(
    chunk: Chunk, stream: Stream, within: RememberedStations | None
) -> AsyncIterator[LiveEvent]:
    """Yield the events that may be shown, and none once the stream has ended."""
    stations = {event.subject for event in chunk.events}
    for event in chunk.events:
        if within is not None and not await within.holds(event.subject, lambda: stations):
            continue
        if stream.is_ended:
            return
        yield event


async def _end_with_authorization(request: Request, stream: Stream) -> None:
    """End the stream once whoever reads it may not any more."""
    while True:
        await asyncio.sleep(KEEP_ALIVE_S)
        try:
            allowed = await is_still_authorized(request, Role.VIEWER)
        except Unavailable:
            # No account can change while the database is away.
            continue
        if not allowed:
            stream.end("not authorized any more")
            return
