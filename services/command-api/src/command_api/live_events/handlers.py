"""Live events, each handed to every stream that wants it."""

import asyncio
from collections import deque
from dataclasses import dataclass

import orjson

from csms_shared.contracts.events import CloudEvent

BUFFER_EVENTS = 1_000
MAX_STREAMS = 200
# Domains of events whose subject is a station (docs/messages/events.md).
_OF_STATIONS = frozenset(
    (
        "station",
        "connector",
        "job",
        "transaction",
        "meter_values",
        "reservation",
        "charging_profile",
        "configuration",
        "command",
    )
)


CONNECT_TIMEOUT_S = 5.0


class TooManyStreams(Exception):
    """`MAX_STREAMS` clients listen already."""


@dataclass(frozen=True, slots=True)
class LiveEvent:
    """An event as it goes out: made into text once for all streams."""

    id: str
    type: str
    tenant_id: str
    station_id: str
    text: str

    @property
    def is_of_station(self) -> bool:
        """Tell whether the subject is surely a station: of what has another, ids may be alike."""
        return self.type.removeprefix("csms.").partition(".")[0] in _OF_STATIONS


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events of a tenant a stream wants; `type` is exact, or a prefix that ends at a dot.

    `of_stations`: only those whose subject is a station.
    """

    tenant_id: str
    station_id: str | None
    type: str | None
    of_stations: bool = False

    def wants(self, event: LiveEvent) -> bool:
        """Tell whether the event passes."""
        if event.tenant_id != self.tenant_id:
            return False
        if self.of_stations and not event.is_of_station:
            return False
        if self.station_id is not None and event.station_id != self.station_id:
            return False
        return self.type is None or _matches(event.type, self.type)


def _matches(event_type: str, wanted: str) -> bool:
    names = (event_type, event_type.removeprefix("csms.").removesuffix(".v1"))
    prefix = wanted.removesuffix("*").removesuffix(".") + "."
    return wanted in names or any(name.startswith(prefix) for name in names)


class Stream:
    """One client's buffer. At the bound it ends: a client that is too slow has to ask again."""

    def __init__(self, wanted: EventFilter) -> None:
        self.wanted = wanted
        self._events: deque[LiveEvent] = deque()
        self._wake = asyncio.Event()
        self._end: str | None = None

    def offer(self, event: LiveEvent) -> None:
        """Take the event in, if it is wanted."""
        if self._end is not None or not self.wanted.wants(event):
            return
        if len(self._events) >= BUFFER_EVENTS:
            self.end("the client is too slow")
            return
        self._events.append(event)
        self._wake.set()

    def end(self, reason: str) -> None:
        """End the stream after what is in the buffer."""
        self._end = reason
        self._wake.set()

    def cut(self, reason: str) -> None:
        """End the stream at once: what is in the buffer is for nobody any more."""
        self._events.clear()
        self.end(reason)

    async def next(self) -> LiveEvent | str:
        """Return the next event, or why there will be none."""
        while not self._events:
            if self._end is not None:
                return self._end
            self._wake.clear()
            await self._wake.wait()
        return self._events.popleft()

    def stations_waiting(self) -> set[str]:
        """Return the stations of the events that come next."""
        return {event.station_id for event in self._events}


class EventHub:
    """All open streams of this process; `connected` while events reach them."""

    def __init__(self) -> None:
        self._streams: set[Stream] = set()
        self._closed = False
        self._wanted = asyncio.Event()
        self._connected = asyncio.Event()

    @property
    def connected(self) -> bool:
        """Tell whether what happens reaches the streams."""
        return self._connected.is_set()

    @connected.setter
    def connected(self, connected: bool) -> None:
        if connected:
            self._connected.set()
        else:
            self._connected.clear()

    async def until_wanted(self) -> None:
        """Wait until a stream is open."""
        await self._wanted.wait()

    async def until_connected(self) -> bool:
        """Wait until events reach the streams; false after `CONNECT_TIMEOUT_S` without."""
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                await self._connected.wait()
        except TimeoutError:
            return False
        return True

    def open(self, wanted: EventFilter) -> Stream:
        """Open a stream of events from now on.

        Raises:
            TooManyStreams: no more are accepted.
        """
        if len(self._streams) >= MAX_STREAMS or self._closed:
            raise TooManyStreams
        stream = Stream(wanted)
        self._streams.add(stream)
        self._wanted.set()
        return stream

    def discard(self, stream: Stream) -> None:
        """Forget a stream whose client has gone."""
        self._streams.discard(stream)
        if not self._streams:
            self._wanted.clear()

    @property
    def listening(self) -> bool:
        """Tell whether a stream is open."""
        return bool(self._streams)

    def publish(self, event: CloudEvent) -> None:
        """Hand an event to whoever wants it."""
        if not self._streams:
            return
        live = LiveEvent(
            event.id,
            event.type,
            event.tenantid,
            event.subject,
            orjson.dumps(event.model_dump()).decode(),
        )
        for stream in self._streams:
            stream.offer(live)

    def close(self) -> None:
        """End all streams: the process is about to end."""
        self._closed = True
        self.end_all("the service is shutting down")

    def end_all(self, reason: str) -> None:
        """End every stream after what is in its buffer."""
        for stream in self._streams:
            stream.end(reason)
