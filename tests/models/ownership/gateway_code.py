"""A gateway's real claims, lease, controls and connection table, without broker and sockets."""

import asyncio
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast
from unittest.mock import patch

import orjson

from csms_shared.broker.consumer import Delivery
from csms_shared.broker.errors import RequestTimedOut
from csms_shared.broker.publisher import Outgoing
from csms_shared.contracts.calls import RegistrationChange
from csms_shared.contracts.control import Control, ControlBatch, ControlKind
from csms_shared.contracts.message_types import MessageType
from csms_shared.contracts.ownership import Claim as ClaimContract
from csms_shared.contracts.ownership import ClaimOutcome, ClaimReplyBatch
from csms_shared.contracts.ownership import ClaimReply as ClaimReplyContract
from csms_shared.contracts.ownership import ReassertionReply as ReassertionReplyContract
from tests.models.ownership.state import ClaimReply, Superseded
from ws_gateway.amqp.batch_delay import BatchDelay
from ws_gateway.amqp.claims import Claims, ClaimUnanswered
from ws_gateway.amqp.connections import Connections
from ws_gateway.amqp.lane import Backlog
from ws_gateway.amqp.lease import LEASE_S, Lease
from ws_gateway.amqp.lease_route import LeaseRoute
from ws_gateway.amqp.message_router import MessageRouter
from ws_gateway.amqp.notices import Notices
from ws_gateway.amqp.reassertions import Reassertions

_FORGOTTEN_AFTER_S = 61.0
_ACCEPTED = RegistrationChange(
    registration_status="accepted", boot_count=1, heartbeat_interval_s=300
)


class _Broker:
    """Stores everything, and answers renewals as it is told to."""

    def __init__(self) -> None:
        self.incarnation = "gw-0-1"
        self.published: list[Outgoing] = []
        self.confirmed = True
        self.lost = False

    async def publish(self, message: Outgoing, timeout: float) -> None:
        self.published.append(message)

    def answered(self) -> None:
        """Take no note: no service is ever in doubt here."""

    async def publish_refused(self, error: Exception) -> None:
        raise error

    def doubt(self) -> None:
        """Take a doubt about the registry."""

    async def until_consuming(self, within_s: float) -> bool:
        return True

    async def ask(
        self, key: str, type: MessageType, items: list[Any], *_: object, **__: object
    ) -> bytes:
        if self.lost:
            raise RequestTimedOut("lost")
        assert type is MessageType.LEASE
        return orjson.dumps({"confirmed": self.confirmed, "own_queues": True})


@dataclass
class _Socket:
    """An open connection; it leaves the table when it closes, as a session does."""

    table: Connections
    connection_id: str
    epoch: int
    station_id: str = "A"
    ocpp_version: str = "ocpp16"
    remote_address: str = "192.0.2.1"
    connected_ms: int = 0
    registration_version: int = 1

    def supersede(self, epoch: int) -> None:
        if epoch > self.epoch:
            self.close(1000, "superseded")

    def close(self, code: int, reason: str) -> None:
        self.table.remove(cast(Any, self))


class GatewayCode:
    """One gateway with one station; after every call all its tasks have done what they can."""

    def __init__(self, runner: asyncio.Runner) -> None:
        self._runner = runner
        self._now = 1000.0
        self._claiming: dict[int, asyncio.Task[None]] = {}
        self.broker = _Broker()
        self.connections = Connections()
        runner.run(self._assemble())

    async def _assemble(self) -> None:
        broker, backlog = cast(Any, self.broker), Backlog()
        # Lanes only need somewhere to start their tasks.
        group = cast(Any, asyncio.get_running_loop())
        self.notices = Notices(group, broker, backlog, broker, broker)
        self.claims = Claims(group, broker, backlog, broker, broker, self.notices, "gw")
        route = LeaseRoute()
        self.reassertions = Reassertions("gw", broker, broker, self.connections, route)
        self.lease = Lease(
            "gw",
            "1",
            broker,
            self.connections,
            self.reassertions,
            route,
            clock=lambda: self._now,
        )
        self._router = MessageRouter(
            broker,
            self.connections,
            self.claims,
            self.lease,
            self.reassertions,
            cast(Any, None),
            BatchDelay(),
            lambda _: None,
        )
        self._asking = asyncio.create_task(self.reassertions.run())

    def connect(self, connection: int) -> None:
        """Take a handshake."""

        async def work() -> None:
            self._claiming[connection] = asyncio.create_task(self._handshake(connection))

        self._run(work())

    def give_up(self, connection: int) -> None:
        """Let the station go away during its handshake."""

        async def work() -> None:
            self._claiming[connection].cancel()

        self._run(work())

    def forget(self) -> None:
        """Let a minute pass for the claims that were given up."""
        with self._clock():
            self._now += _FORGOTTEN_AFTER_S
            self.claims.sweep()
        self._run(asyncio.sleep(0))

    def disconnect(self, connection: int) -> None:
        """End a connection's socket."""

        async def work() -> None:
            held = self.connections.by_id(str(connection))
            assert held is not None
            self.connections.remove(held)
            self.notices.release("A", held.connection_id, held.epoch, "connection closed")

        self._run(work())

    def arrive(self, messages: list[ClaimReply | Superseded]) -> None:
        """Hand over one consumer's batch."""
        self._run(self._router.handle([_delivery(message) for message in messages]))

    def renew(self, *, clock_ran_out: bool) -> None:
        """Renew the lease, perhaps after its time by the gateway's own clock."""
        self._now += LEASE_S if clock_ran_out else 0
        self._run(self.lease.renew())

    def verify(self) -> None:
        """Re-assert what has its turn, which is all that one station has."""

        async def work() -> None:
            self.reassertions.verify()

        self._run(work())

    def pages(self) -> list[tuple[str, list[int]]]:
        """Return every re-assertion that was sent: where it is answered, and its connections."""
        bodies = [
            orjson.loads(message.body)
            for message in self.broker.published
            if message.type == MessageType.REASSERTIONS
        ]
        return [
            (body["reply_key"], [int(item["connection_id"]) for item in body["items"]])
            for body in bodies
        ]

    def answer_page(self, reply_key: str, reply: ReassertionReplyContract) -> None:
        """Let an answer to a re-assertion arrive."""
        body = reply.model_dump_json().encode()
        delivery = Delivery(MessageType.REASSERTION_REPLY, reply_key, body, False, cast(Any, None))
        self._run(self._router.handle([delivery]))

    def owned(self) -> set[int]:
        """Return the open connections that the gateway acts as the owner of."""
        return {
            int(each.connection_id)
            for each in self.connections
            if self.lease.owns(each.connection_id)
        }

    def held(self) -> set[tuple[int, int]]:
        """Return the open connections with their epochs."""
        return {(int(each.connection_id), each.epoch) for each in self.connections}

    def released(self) -> list[tuple[int, int]]:
        """Return every release that was sent."""
        return [
            (int(item["connection_id"]), item["epoch"])
            for message in self.broker.published
            if message.type == MessageType.RELEASES
            for item in orjson.loads(message.body)["items"]
        ]

    async def _handshake(self, connection: int) -> None:
        claim = ClaimContract(
            station_id="A",
            connection_id=str(connection),
            ocpp_version="ocpp16",
            remote_address="192.0.2.1",
            connected_ms=0,
        )
        try:
            reply = await self.claims.claim(claim)
        except ClaimUnanswered:
            return
        socket = _Socket(self.connections, reply.connection_id, reply.epoch)
        self.connections.add(cast(Any, socket))

    def _run(self, work: Awaitable[object]) -> None:
        async def until_idle() -> None:
            await work
            for _ in range(10):
                await asyncio.sleep(0)

        with self._clock():
            self._runner.run(until_idle())

    @contextmanager
    def _clock(self) -> Iterator[None]:
        with patch("ws_gateway.amqp.claims.monotonic", lambda: self._now):
            yield


def _delivery(message: ClaimReply | Superseded) -> Delivery:
    body: ControlBatch | ClaimReplyBatch
    if isinstance(message, Superseded):
        control = Control(kind=ControlKind.SUPERSEDED, station_id="A", epoch=message.epoch)
        type_, body = MessageType.CONTROLS, ControlBatch(items=[control])
    else:
        reply = ClaimReplyContract(
            connection_id=str(message.connection),
            outcome=ClaimOutcome.ACCEPTED,
            epoch=message.epoch,
            registration=_ACCEPTED,
        )
        type_, body = MessageType.CLAIM_REPLIES, ClaimReplyBatch(items=[reply])
    return Delivery(type_, "", body.model_dump_json().encode(), False, cast(Any, None))
