"""Events, and a store of them, for tests of streams."""

import asyncio
from typing import Any

from command_api.live_events.domain.events import LiveEvent, Wanted, live_event
from command_api.live_events.handlers.hub import EventHub
from command_api.live_events.handlers.stored_events import StoredEvents
from command_api.live_events.handlers.streams import Stream
from command_api.ports import ServiceAway
from csms_shared.contracts.event_store import ReadEvents, StoredEvent, StoredEventBatch
from csms_shared.contracts.refusals import refuse

ALL = Wanted("default")


def event(position: int, station_id: str = "S1", key: str = "transaction.started") -> LiveEvent:
    """Return an event as it goes out."""
    return live_event(stored(position, station_id, key))


def stored(position: int, station_id: str = "S1", key: str = "transaction.started") -> StoredEvent:
    """Return an event as it is stored."""
    document = {"type": f"csms.{key}.v1", "subject": station_id, "tenantid": "default"}
    return StoredEvent(position=position, event=document)


class StoreOfTests:
    """`Services` with nothing but an event store: its events, and how far each page looks."""

    def __init__(self, window: int = 7) -> None:
        self.events: list[StoredEvent] = []
        self.window = window
        self.is_away = False
        self.kept_after = 0
        self.reads = 0
        self.heads = 0

    @property
    def head(self) -> int:
        """The position of the newest event."""
        return len(self.events)

    def add(self, *station_ids: str) -> StoredEventBatch:
        """Store an event of each of these, and return what is told of it."""
        after = self.head
        self.events += [stored(after + number, one) for number, one in enumerate(station_ids, 1)]
        return self.told(after)

    def told(self, after: int) -> StoredEventBatch:
        """Return a batch of all that is stored after a position."""
        return StoredEventBatch(items=self.events[after:], after=after, position=self.head)

    async def ask(self, service: str, operation: str, parameters: dict[str, Any]) -> Any:
        """Answer as integration-service does."""
        await asyncio.sleep(0)
        if self.is_away:
            raise ServiceAway(f"{service} does not answer")
        if operation == "events.head":
            self.heads += 1
            return {"position": self.head}
        assert operation == "events.read"
        self.reads += 1
        return self._page(ReadEvents.model_validate(parameters))

    def _page(self, asked: ReadEvents) -> dict[str, Any]:
        after = asked.after or 0
        if after < self.kept_after:
            raise refuse(410, "events_gone", "kept no longer")
        looked_at = self.events[after : after + self.window]
        items = [
            one.model_dump()
            for one in looked_at
            if asked.station_id in (None, one.event["subject"])
        ]
        position = after + len(looked_at)
        return {"items": items, "position": position, "is_end": position == self.head}


async def opened(
    hub: EventHub, store: StoreOfTests, wanted: Wanted = ALL, after: int | None = None
) -> Stream:
    """Open a stream and begin."""
    stream = Stream(hub, StoredEvents(store), wanted)
    hub.open(stream)
    await stream.begin(after, "after")
    return stream


async def seen(stream: Stream, until: int) -> list[int]:
    """Return the positions that a stream has, once it is as far as `until`."""
    found: list[int] = []
    async with asyncio.timeout(10):
        while stream.position < until:
            found += [one.position for one in (await stream.next()).events]
    return found
