"""The live stream of events: `GET /events`."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Query, Request
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.responses import Response

from command_api.accounts.domain.roles import Role
from command_api.http.access.authentication import is_still_authorized
from command_api.http.access.declarations import ScopedViewer
from command_api.http.state import state_of
from command_api.live_events.handlers import EventFilter, EventHub, LiveEvent, Stream
from command_api.ports import ServiceAway
from command_api.scopes.handlers import RememberedStations
from csms_shared.contracts.refusals import ProblemRaised
from csms_shared.runtime.errors import Unavailable

router = APIRouter(tags=["events"])

KEEP_ALIVE_S = 15
_SEND_TIMEOUT_S = 30.0


@router.get(
    "/events",
    summary="Live events",
    response_class=EventSourceResponse,
    responses={
        200: {"content": {"text/event-stream": {}}},
        429: {"description": "Too many streams are open already."},
    },
)
async def stream_events(
    request: Request,
    viewer: ScopedViewer,
    station_id: Annotated[str | None, Query(max_length=255)] = None,
    type: Annotated[
        str | None,
        Query(
            max_length=255,
            description="exact (`csms.transaction.started.v1` or `transaction.started`) or a "
            "prefix (`csms.transaction` or `transaction`)",
        ),
    ] = None,
) -> Response:
    """Stream each event from now on as server-sent event, a CloudEvent in JSON.

    A client that does not keep up is cut off, with a comment that says so. What was missed is in
    the resources themselves. So is one whose token or key ends, or may not read any more, by the
    next keep-alive.

    Who is limited to sites or tags gets the events of stations that are there, as it was at most
    10 s ago, and no others: none of tokens, sites or rollouts.
    """
    state = state_of(request)
    hub, scope = state.hub, viewer.scope
    within = None if scope is None else RememberedStations(state.services, scope)
    wanted = EventFilter(viewer.acts_for, station_id, type, of_stations=scope is not None)
    stream = hub.open(wanted)
    try:
        connected = await hub.until_connected()
    except BaseException:
        hub.discard(stream)
        raise
    if not connected:
        hub.discard(stream)
        raise ServiceAway("the broker does not deliver events")
    return EventSourceResponse(
        _events(request, hub, stream, within),
        ping=KEEP_ALIVE_S,
        send_timeout=_SEND_TIMEOUT_S,
        sep="\n",
    )


async def _events(
    request: Request, hub: EventHub, stream: Stream, within: RememberedStations | None
) -> AsyncIterator[ServerSentEvent]:
    watching = asyncio.create_task(_end_with_authorization(request, stream))
    try:
        # Sent at once, so that a client knows that nothing is missed from here on.
        yield ServerSentEvent(comment="open")
        while True:
            event = await stream.next()
            if isinstance(event, str):
                yield ServerSentEvent(comment=event)
                return
            if within is not None and not await _is_within(within, stream, event):
                continue
            yield ServerSentEvent(data=event.text, event=event.type, id=event.id)
    except (ServiceAway, ProblemRaised):
        yield ServerSentEvent(comment="it is not known which stations may be shown")
    finally:
        watching.cancel()
        hub.discard(stream)


async def _is_within(within: RememberedStations, stream: Stream, event: LiveEvent) -> bool:
    return await within.holds(event.station_id, stream.stations_waiting)


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
            stream.cut("not authorized any more")
            return
