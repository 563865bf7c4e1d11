"""Re-assertion: which connections are held here, told page by page and several pages at once.

Everything is told after the lease was lost, and each connection in turn for what no message tells:
a control that was lost, an answer to a claim that came after the sweep of its row
(docs/ownership.md). It is apart from the lease, which goes on meanwhile (ADR 0029).
"""

import asyncio
import uuid
from dataclasses import dataclass, field
from typing import Any

import orjson
import structlog

from csms_shared.broker.errors import BrokerError, PublishReturned
from csms_shared.broker.publisher import Outgoing
from csms_shared.broker.topology import REQUESTS, reassertions_key
from csms_shared.contracts.envelope import BATCH_MAX_ITEMS
from csms_shared.contracts.message_types import MessageType
from csms_shared.contracts.ownership import ReassertionReply
from csms_shared.runtime.clock import now_ms
from ws_gateway.amqp.connections import Connections, HeldConnection
from ws_gateway.amqp.lane import Publishing
from ws_gateway.amqp.lease_route import LeaseRoute
from ws_gateway.amqp.own_queue import OwnQueue
from ws_gateway.domain.connection import NORMAL_CLOSURE

log = structlog.get_logger(__name__)

PAGES_AT_ONCE = 4
# The registry looks at none that is older, so no more than those at once wait in its queue.
PAGE_TIMEOUT_S = 15.0
# After this many turns everything held was compared with the registry once more.
TURNS_PER_ROUND = 8
_PAUSE_S = 1.0
# Those that were not answered in time are answered late, if at all.
_REMEMBERED_PAGES = 64


@dataclass(slots=True)
class _Page:
    """Connections of one message; `unanswered` are those that no answer has told of yet."""

    unanswered: dict[str, None]
    key: str
    over: asyncio.Event = field(default_factory=asyncio.Event)


class Reassertions:
    """Tells the registry of connections until it has answered for each of them.

    After a loss a connection is not owned before an answer says so that was asked for after the
    loss: what was asked for before may have been undone by it.
    """

    def __init__(
        self,
        gateway_name: str,
        own_queue: OwnQueue,
        publisher: Publishing,
        connections: Connections,
        route: LeaseRoute,
    ) -> None:
        self._gateway_name = gateway_name
        self._own_queue = own_queue
        self._publisher = publisher
        self._connections = connections
        self._route = route
        # To be asked for, in this order; and those of a loss, until they are answered.
        self._due: dict[str, None] = {}
        self._unowned: set[str] = set()
        self._unverified: list[str] = []
        self._pages: dict[str, _Page] = {}
        self._is_due = asyncio.Event()

    def owns(self, connection_id: str) -> bool:
        """Tell whether nothing is left to be asked for this connection since the last loss."""
        return connection_id not in self._unowned

    def lose(self) -> None:
        """Own nothing of what is held until the registry has given it back."""
        held = [connection.connection_id for connection in self._connections]
        self._due = dict.fromkeys(held)
        self._unowned = set(held)
        self._unverified = []
        for page in self._pages.values():
            page.over.set()
        self._pages = {}
        self._is_due.set()

    def verify(self) -> None:
        """Tell of the next few connections, so that all had their turn after some renewals."""
        if not self._unverified:
            self._unverified = [held.connection_id for held in self._connections]
        few = -(-len(self._connections) // TURNS_PER_ROUND)
        turn, self._unverified = self._unverified[:few], self._unverified[few:]
        self._due.update(dict.fromkeys(turn))
        self._is_due.set()

    def answered(self, reply_key: str, reply: ReassertionReply) -> None:
        """Take an answer: to a page or a part of it, late, again, or to one from before a loss."""
        for connection_id in reply.superseded:
            if (held := self._connections.by_id(connection_id)) is not None:
                held.close(NORMAL_CLOSURE, "superseded")
        for changed in reply.changed:
            if (held := self._connections.by_id(changed.connection_id)) is not None:
                held.set_registration(changed.registration)
        page_id = reply_key.rpartition(".")[2]
        page = self._pages.get(page_id)
        if page is None:
            return
        told = page.unanswered if reply.held is None else (*reply.held, *reply.superseded)
        for connection_id in list(told):
            page.unanswered.pop(connection_id, None)
            self._due.pop(connection_id, None)
            self._settle(connection_id)
        if not page.unanswered:
            del self._pages[page_id]
            page.over.set()

    async def run(self) -> None:
        """Ask until cancelled, for `PAGES_AT_ONCE` pages at once."""
        async with asyncio.TaskGroup() as group:
            for _ in range(PAGES_AT_ONCE):
                group.create_task(self._ask_in_turn())

    async def _ask_in_turn(self) -> None:
        while True:
            held = self._take()
            if not held:
                self._is_due.clear()
                await self._is_due.wait()
            elif not await self._ask(held):
                await asyncio.sleep(_PAUSE_S)

    def _take(self) -> list[HeldConnection]:
        page: list[HeldConnection] = []
        while self._due and len(page) < BATCH_MAX_ITEMS:
            connection_id = next(iter(self._due))
            del self._due[connection_id]
            if (held := self._connections.by_id(connection_id)) is None:
                self._settle(connection_id)
            else:
                page.append(held)
        return page

    async def _ask(self, held: list[HeldConnection]) -> bool:
        """Ask for a page; tell whether there is nothing left to ask for of it."""
        page_id = uuid.uuid4().hex
        unanswered = dict.fromkeys(each.connection_id for each in held)
        page = _Page(unanswered, self._route.key(reassertions_key()))
        self._pages[page_id] = page
        if len(self._pages) > _REMEMBERED_PAGES:
            del self._pages[next(iter(self._pages))]
        try:
            async with asyncio.timeout(PAGE_TIMEOUT_S):
                await self._publisher.publish(self._message(page_id, page, held), PAGE_TIMEOUT_S)
                await page.over.wait()
        except PublishReturned:
            self._route.unanswered(page.key)
        except (TimeoutError, BrokerError) as error:
            log.warning("page_not_answered", connections=len(held), error=repr(error))
        if page.over.is_set():
            return True
        if page_id in self._pages:
            self._due.update(page.unanswered)
            self._is_due.set()
        return False

    def _message(self, page_id: str, page: _Page, held: list[HeldConnection]) -> Outgoing:
        incarnation = self._own_queue.incarnation
        body = orjson.dumps(
            {
                "gateway_id": incarnation,
                "gateway_name": self._gateway_name,
                "reply_key": f"{incarnation}.reassertions.{page_id}",
                "correlation_id": page_id,
                "deadline_ms": now_ms() + int(PAGE_TIMEOUT_S * 1000),
                "items": [_reassertion(connection) for connection in held],
            }
        )
        return Outgoing(REQUESTS, page.key, MessageType.REASSERTIONS, body)

    def _settle(self, connection_id: str) -> None:
        if connection_id not in self._unowned:
            return
        self._unowned.discard(connection_id)
        if not self._unowned:
            log.info("connections_reasserted", connections=len(self._connections))


def _reassertion(held: HeldConnection) -> dict[str, Any]:
    return {
        "station_id": held.station_id,
        "connection_id": held.connection_id,
        "epoch": held.epoch,
        "ocpp_version": held.ocpp_version,
        "remote_address": held.remote_address,
        "connected_ms": held.connected_ms,
        "registration_version": held.registration_version,
    }
