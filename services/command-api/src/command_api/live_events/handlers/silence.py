"""Asking how far the event store is, while it tells nothing by itself."""

import asyncio
import contextlib

from command_api.live_events.handlers.hub import EventHub
from command_api.live_events.handlers.stored_events import StoredEvents
from command_api.ports import ServiceAway
from csms_shared.contracts.refusals import ProblemRaised

ASK_EACH_S = 1.0


async def break_silence(hub: EventHub, store: StoredEvents) -> None:
    """Ask once for all streams, and again each `ASK_EACH_S`, until cancelled.

    So no stream stands still for good where the exchange is gone, or a queue on it.
    """
    while True:
        await hub.until_wanted()
        await asyncio.sleep(ASK_EACH_S)
        if hub.is_silent():
            with contextlib.suppress(ServiceAway, ProblemRaised):
                hub.reach(await store.head())
