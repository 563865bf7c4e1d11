"""The way of a batch through a service's handlers: each once, in the order of their routes."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.message_types import MessageType
from csms_shared.contracts.read_calls import Call, CallKey
from csms_shared.service.inbox import Apply, Reply, Work
from csms_shared.service.routes import MessageRoute, Route, Routes, Writer
from csms_shared.service.station_calls import call_reply, read_call

Locks = TypeVar("Locks")


class UnknownMessage(Exception):
    """No route takes an item like this one."""


@dataclass(slots=True)
class Part(Generic[Locks]):
    """What one handler gets of a batch; `route` is any of those that name it."""

    route: Route[Locks]
    works: list[Work] = field(default_factory=list)
    calls: list[Call[Any]] = field(default_factory=list)
    writers: dict[CallKey, Writer[Any]] = field(default_factory=dict)

    def add(self, work: Work, route: Route[Locks]) -> None:
        """Take an item of this or another route of the handler, and read it if it is a call.

        Raises:
            ValidationError: it is no call.
        """
        self.works.append(work)
        if isinstance(route, MessageRoute):
            return
        call = read_call(work, route.read)
        self.calls.append(call)
        if route.write is not None:
            self.writers[call.key] = route.write

    async def handle(self, connection: AsyncConnection) -> list[Reply]:
        """Have the handler do its work; return what is answered."""
        if isinstance(self.route, MessageRoute):
            return await self.route.handler(connection, self.works)
        answers = await self.route.handler(connection, self.calls)
        return [
            call_reply(answer, self.writers[answer.call_key](answer.value))
            for answer in answers or ()
        ]


BeforeHandler = Callable[[AsyncConnection, Part[Locks], Sequence[Part[Locks]]], Awaitable[None]]
_Places = Mapping[Any, tuple[int, Route[Locks]]]


def dispatching(routes: Routes[Locks], before: BeforeHandler[Locks] | None = None) -> Apply:
    """Return what applies a batch of any mix in one transaction.

    All calls are read before the first statement. `before` runs before each handler, with its
    part and all parts of the batch in their order, to take locks that several handlers need.

    Raises, when it is called:
        UnknownMessage: an item has no route.
        ValidationError: a call is none.
    """
    places = _places(routes)

    async def apply(connection: AsyncConnection, works: Sequence[Work]) -> list[Reply]:
        parts = _parts(places, works)
        for part in parts:
            if isinstance(part.route, MessageRoute) and part.route.first is not None:
                await part.route.first(connection, part.works)
        replies: list[Reply] = []
        for part in parts:
            if before is not None:
                await before(connection, part, parts)
            replies += await part.handle(connection)
        return replies

    return apply


def _places(routes: Routes[Locks]) -> _Places[Locks]:
    """Return each route with the place of its handler in the order of all."""
    order: dict[tuple[object, object], int] = {}
    return {
        key: (order.setdefault((route.handler, route.locks), len(order)), route)
        for key, route in routes.items()
    }


def _parts(places: _Places[Locks], works: Sequence[Work]) -> list[Part[Locks]]:
    parts: dict[int, Part[Locks]] = {}
    for work in works:
        key = _key(work)
        found = places.get(key)
        if found is None:
            raise UnknownMessage(f"no route takes {key}")
        place, route = found
        part = parts.get(place)
        if part is None:
            part = parts[place] = Part(route)
        part.add(work, route)
    return [parts[place] for place in sorted(parts)]


def _key(work: Work) -> object:
    if work.type != MessageType.CALLS:
        return work.type
    return work.envelope.get("version"), work.envelope.get("action")
