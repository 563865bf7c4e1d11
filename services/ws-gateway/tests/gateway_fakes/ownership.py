"""The broker side of a gateway as far as ownership goes, and what it is told of the registry."""

import asyncio
from dataclasses import dataclass, field
from typing import Any, cast

import orjson

from csms_shared.broker.consumer import Delivery
from csms_shared.broker.errors import PublishReturned, PublishUnconfirmed, RequestTimedOut
from csms_shared.broker.publisher import Outgoing
from csms_shared.contracts.calls import RegistrationChange
from csms_shared.contracts.control import Control, ControlBatch, ControlKind
from csms_shared.contracts.message_types import MessageType
from csms_shared.contracts.ownership import (
    Claim,
    ClaimOutcome,
    ClaimReply,
    ClaimReplyBatch,
    ReassertionReply,
)
from ws_gateway.amqp.batch_delay import BatchDelay
from ws_gateway.amqp.claims import Claims
from ws_gateway.amqp.connections import Connections
from ws_gateway.amqp.lane import Backlog
from ws_gateway.amqp.lease import Lease
from ws_gateway.amqp.lease_route import LeaseRoute
from ws_gateway.amqp.message_router import MessageRouter
from ws_gateway.amqp.notices import Notices
from ws_gateway.amqp.reassertions import Reassertions

PENDING = RegistrationChange(registration_status="pending", boot_count=0, heartbeat_interval_s=60)
ACCEPTED = PENDING.model_copy(update={"registration_status": "accepted"})


class Publisher:
    """Confirms everything, or nothing while `away`."""

    def __init__(self) -> None:
        self.away = False
        # No queue of this routing key: the registry is of the version before.
        self.returned = ""
        self.published: list[Outgoing] = []

    async def publish(self, message: Outgoing, timeout: float) -> None:
        if self.away:
            raise PublishUnconfirmed("away")
        if message.routing_key == self.returned:
            raise PublishReturned(message.routing_key)
        self.published.append(message)

    def items(self, type: MessageType) -> list[dict[str, Any]]:
        return [
            item
            for message in self.published
            if message.type == type
            for item in orjson.loads(message.body)["items"]
        ]


class RegistryWatch:
    """Takes doubts, and what settles them."""

    def doubt(self) -> None:
        pass

    def answered(self) -> None:
        pass

    async def publish_refused(self, error: Exception) -> None:
        pass


class OwnQueue:
    """Answers renewals as it is told to."""

    def __init__(self) -> None:
        self.incarnation = "gw-1"
        self.confirmed = True
        self.own_queues = True
        self.returned = ""
        self.lost_answers = 0
        self.gibberish = False
        self.asked: list[str] = []

    async def until_consuming(self, within_s: float) -> bool:
        return True

    def resolve(self, delivery: Delivery) -> bool:
        return False

    async def ask(
        self, key: str, type: MessageType, items: list[dict[str, Any]], *_: object, **__: object
    ) -> bytes:
        if key == self.returned:
            raise PublishReturned(key)
        self.asked.append(key)
        if self.gibberish:
            return b'"gibberish"'
        answer, self.confirmed = self.confirmed, True
        if self.lost_answers:
            self.lost_answers -= 1
            raise RequestTimedOut("lost")
        return orjson.dumps({"confirmed": answer, "own_queues": self.own_queues})


@dataclass
class Held:
    """A connection that notes what it is told."""

    connection_id: str
    epoch: int
    station_id: str = "A"
    ocpp_version: str = "ocpp16"
    remote_address: str = "192.0.2.1"
    connected_ms: int = 0
    registration_version: int = 1
    closed: list[str] = field(default_factory=list)
    registrations: list[RegistrationChange] = field(default_factory=list)

    def supersede(self, epoch: int) -> None:
        if epoch > self.epoch:
            self.closed.append("superseded")

    def close(self, code: int, reason: str) -> None:
        self.closed.append(reason)

    def set_registration(self, change: RegistrationChange) -> None:
        self.registrations.append(change)


class Gateway:
    """The broker side of a gateway as far as ownership goes."""

    def __init__(self, group: asyncio.TaskGroup) -> None:
        self.publisher, self.queue = Publisher(), OwnQueue()
        queue, watch = cast(Any, self.queue), cast(Any, RegistryWatch())
        backlog = Backlog()
        self.now = 100.0
        self.connections = Connections()
        self.notices = Notices(group, self.publisher, backlog, queue, watch)
        self.claims = Claims(
            group, self.publisher, backlog, queue, watch, self.notices, "gw", timeout_s=5.0
        )
        route = LeaseRoute()
        self.reassertions = Reassertions("gw", queue, self.publisher, self.connections, route)
        self.lease = Lease(
            "gw",
            "1",
            queue,
            self.connections,
            self.reassertions,
            route,
            clock=lambda: self.now,
        )
        self.created: list[str] = []
        self.router = MessageRouter(
            queue,
            self.connections,
            self.claims,
            self.lease,
            self.reassertions,
            cast(Any, None),
            BatchDelay(),
            self.created.append,
        )

    async def claim(self, connection_id: str) -> "asyncio.Task[ClaimReply]":
        claim = Claim(
            station_id="A",
            connection_id=connection_id,
            ocpp_version="ocpp16",
            remote_address="192.0.2.1",
            connected_ms=0,
        )
        task = asyncio.create_task(self.claims.claim(claim))
        await asyncio.sleep(0)
        return task

    async def arrive(self, *contents: Control | ClaimReply) -> None:
        """Hand these over as one consumer's batch."""
        await self.router.handle([_delivery(content) for content in contents])

    async def pages(self, number: int) -> list[list[str]]:
        """Return the connections of each page, once so many were sent."""
        async with asyncio.timeout(10):
            while len(self._pages()) < number:
                await asyncio.sleep(0.001)
        return [[item["connection_id"] for item in page["items"]] for page in self._pages()]

    async def answer(self, number: int, **reply: Any) -> None:
        """Let an answer to the page of this number arrive."""
        await self.pages(number + 1)
        key = self._pages()[number]["reply_key"]
        body = ReassertionReply(**{"superseded": [], **reply}).model_dump_json().encode()
        delivery = Delivery(MessageType.REASSERTION_REPLY, key, body, False, cast(Any, None))
        await self.router.handle([delivery])
        await asyncio.sleep(0)

    def _pages(self) -> list[dict[str, Any]]:
        return [
            orjson.loads(message.body)
            for message in self.publisher.published
            if message.type == MessageType.REASSERTIONS
        ]

    def hold(self, *held: Held) -> None:
        for each in held:
            self.connections.add(cast(Any, each))

    async def releases(self, number: int) -> list[tuple[str, int]]:
        async with asyncio.timeout(10):
            while len(self.publisher.items(MessageType.RELEASES)) < number:
                await asyncio.sleep(0.001)
        return [
            (item["connection_id"], item["epoch"])
            for item in self.publisher.items(MessageType.RELEASES)
        ]


def _delivery(content: Control | ClaimReply) -> Delivery:
    body: ControlBatch | ClaimReplyBatch
    if isinstance(content, Control):
        type_, body = MessageType.CONTROLS, ControlBatch(items=[content])
    else:
        type_, body = MessageType.CLAIM_REPLIES, ClaimReplyBatch(items=[content])
    return Delivery(type_, "", body.model_dump_json().encode(), False, cast(Any, None))


def granted(connection_id: str, epoch: int) -> ClaimReply:
    return ClaimReply(
        connection_id=connection_id,
        outcome=ClaimOutcome.ACCEPTED,
        epoch=epoch,
        registration=PENDING,
    )


def control(kind: ControlKind, epoch: int) -> Control:
    change = ACCEPTED if kind is ControlKind.REGISTRATION else None
    return Control(kind=kind, station_id="A", epoch=epoch, registration=change)
