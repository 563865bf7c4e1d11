"""Claims, controls and the lease when their messages are lost, late, or in the other order."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, cast

import orjson
import pytest

from csms_shared.broker.consumer import Delivery
from csms_shared.broker.errors import PublishUnconfirmed, RequestTimedOut
from csms_shared.broker.publisher import Outgoing
from csms_shared.clock import monotonic
from csms_shared.contracts.calls import RegistrationChange
from csms_shared.contracts.control import Control, ControlBatch, ControlKind
from csms_shared.contracts.message_types import MessageType
from csms_shared.contracts.ownership import Claim, ClaimOutcome, ClaimReply, ClaimReplyBatch
from ws_gateway.amqp.arrivals import Arrivals
from ws_gateway.amqp.claims import Claims, ClaimUnanswered
from ws_gateway.amqp.connections import Connections
from ws_gateway.amqp.gathering import Gathering
from ws_gateway.amqp.lane import Backlog
from ws_gateway.amqp.lease import LEASE_S, Lease
from ws_gateway.amqp.notices import Notices

PENDING = RegistrationChange(registration_status="pending", boot_count=0, heartbeat_interval_s=60)
ACCEPTED = PENDING.model_copy(update={"registration_status": "accepted"})


class Publisher:
    """Confirms everything, or nothing while `away`."""

    def __init__(self) -> None:
        self.away = False
        self.published: list[Outgoing] = []

    async def publish(self, message: Outgoing, timeout: float) -> None:
        if self.away:
            raise PublishUnconfirmed("away")
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
    """Answers renewals and re-assertions as it is told to."""

    def __init__(self) -> None:
        self.incarnation = "gw-1"
        self.confirmed = True
        self.lost_answers = 0
        self.gibberish = False
        self.superseded: list[str] = []
        self.reasserted: list[list[str]] = []

    async def until_consuming(self, within_s: float) -> bool:
        return True

    def resolve(self, delivery: Delivery) -> bool:
        return False

    async def ask(self, key: str, type: MessageType, items: list[Any], *_: Any, **__: Any) -> bytes:
        if self.gibberish:
            return b'"gibberish"'
        if type is MessageType.REASSERTIONS:
            self.reasserted.append([item["connection_id"] for item in items])
            return orjson.dumps({"superseded": self.superseded})
        answer, self.confirmed = self.confirmed, True
        if self.lost_answers:
            self.lost_answers -= 1
            raise RequestTimedOut("lost")
        return orjson.dumps({"confirmed": answer})


@dataclass
class Held:
    """A connection that notes what it is told."""

    connection_id: str
    epoch: int
    station_id: str = "A"
    ocpp_version: str = "ocpp16"
    remote_address: str = "192.0.2.1"
    connected_ms: int = 0
    closed: list[str] = field(default_factory=list)

    def supersede(self, epoch: int) -> None:
        if epoch > self.epoch:
            self.closed.append("superseded")

    def close(self, code: int, reason: str) -> None:
        self.closed.append(reason)


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
        self.lease = Lease("gw", "1", queue, self.connections, clock=lambda: self.now)
        self.arrivals = Arrivals(
            queue, self.connections, self.claims, self.lease, cast(Any, None), Gathering()
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
        await self.arrivals.handle([_delivery(content) for content in contents])

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


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    async with asyncio.TaskGroup() as group:
        yield Gateway(group)


@pytest.mark.parametrize("control_first", [True, False])
async def test_a_connection_superseded_before_it_opens_is_not_opened(
    gateway: Gateway, control_first: bool
) -> None:
    claiming = await gateway.claim("c1")
    arriving: list[Control | ClaimReply] = [
        granted("c1", 1),
        control(ControlKind.SUPERSEDED, 2),
    ]
    await gateway.arrive(*(arriving[::-1] if control_first else arriving))
    with pytest.raises(ClaimUnanswered, match="newer connection"):
        await claiming


async def test_a_connection_that_is_closed_before_it_opens_is_not_opened(gateway: Gateway) -> None:
    claiming = await gateway.claim("c1")
    await gateway.arrive(granted("c1", 1), control(ControlKind.CLOSE, 1))
    with pytest.raises(ClaimUnanswered, match="closed"):
        await claiming


@pytest.mark.parametrize(("epoch", "status"), [(1, "accepted"), (0, "pending")])
async def test_a_registration_changed_before_the_connection_opens_counts_for_it(
    gateway: Gateway, epoch: int, status: str
) -> None:
    claiming = await gateway.claim("c1")
    await gateway.arrive(granted("c1", 1), control(ControlKind.REGISTRATION, epoch))
    registration = (await claiming).registration
    assert registration is not None
    assert registration.registration_status == status


async def test_of_two_claims_answered_in_the_other_order_only_the_newer_opens(
    gateway: Gateway,
) -> None:
    first, second = await gateway.claim("c1"), await gateway.claim("c2")
    await gateway.arrive(granted("c2", 2))
    assert (await second).epoch == 2
    await gateway.arrive(granted("c1", 1))
    with pytest.raises(ClaimUnanswered, match="newer connection"):
        await first


async def test_what_was_told_of_one_claim_is_forgotten_with_it(gateway: Gateway) -> None:
    claiming = await gateway.claim("c1")
    await gateway.arrive(control(ControlKind.SUPERSEDED, 5), granted("c1", 1))
    with pytest.raises(ClaimUnanswered):
        await claiming
    again = await gateway.claim("c2")
    await gateway.arrive(granted("c2", 6))
    assert (await again).epoch == 6


async def test_a_claim_that_is_never_answered_is_released_without_its_epoch(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    claiming = await gateway.claim("c1")
    claiming.cancel()
    await asyncio.wait({claiming})
    gateway.claims.sweep()
    later = monotonic() + 61
    monkeypatch.setattr("ws_gateway.amqp.claims.monotonic", lambda: later)
    gateway.claims.sweep()
    assert await gateway.releases(1) == [("c1", 0)]
    gateway.claims.sweep()
    await gateway.arrive(granted("c1", 1))
    assert await gateway.releases(1) == [("c1", 0)]


async def test_releases_outlast_any_outage_of_the_broker(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway.publisher.away = True
    gateway.notices.release("A", "c1", 1, "connection closed")
    await asyncio.sleep(0)
    later = monotonic() + 3600
    monkeypatch.setattr("ws_gateway.amqp.lane.monotonic", lambda: later)
    gateway.publisher.away = False
    assert await gateway.releases(1) == [("c1", 1)]


async def test_every_connection_is_verified_in_turn(gateway: Gateway) -> None:
    held = [Held(f"c{number}", 1, station_id=f"S{number}") for number in range(20)]
    gateway.hold(*held)
    await gateway.lease.renew()
    assert [len(page) for page in gateway.queue.reasserted] == [20]
    gateway.queue.reasserted.clear()
    gateway.connections.remove(cast(Any, held[0]))
    gateway.queue.superseded = ["c7"]
    for _ in range(8):
        await gateway.lease.renew()
        await gateway.lease.verify()
    seen = [connection_id for page in gateway.queue.reasserted for connection_id in page]
    assert set(seen) == {f"c{number}" for number in range(1, 20)}
    assert max(len(page) for page in gateway.queue.reasserted) == 3
    assert held[7].closed[0] == "superseded"


async def test_a_lost_answer_to_the_first_renewal_does_not_hide_that_the_lease_had_ended(
    gateway: Gateway,
) -> None:
    gateway.hold(Held("c1", 1))
    gateway.queue.confirmed, gateway.queue.lost_answers = False, 1
    assert not await gateway.lease.renew()
    assert await gateway.lease.renew()
    assert gateway.queue.reasserted == [["c1"]]


async def test_a_lease_that_ran_out_by_the_gateways_own_clock_is_followed_by_reassertion(
    gateway: Gateway,
) -> None:
    gateway.hold(Held("c1", 1))
    await gateway.lease.renew()
    assert gateway.lease.confirmed
    gateway.now += LEASE_S
    assert not gateway.lease.confirmed
    await gateway.lease.renew()
    assert gateway.queue.reasserted == [["c1"], ["c1"]]
    assert gateway.lease.confirmed


async def test_a_reply_that_is_none_costs_a_renewal_and_not_the_gateway(gateway: Gateway) -> None:
    gateway.hold(Held("c1", 1))
    gateway.queue.gibberish = True
    assert not await gateway.lease.renew()
    await gateway.lease.verify()
    gateway.queue.gibberish = False
    assert await gateway.lease.renew()
    assert gateway.lease.confirmed


class Broken(Held):
    """A connection that meets a defect."""

    def close(self, code: int, reason: str) -> None:
        raise RuntimeError("a defect")


async def test_a_defect_at_one_item_keeps_nothing_from_its_neighbours(gateway: Gateway) -> None:
    broken, sound = Broken("c1", 1), Held("c2", 1, station_id="B")
    gateway.hold(broken, sound)
    controls = [Control(kind=ControlKind.CLOSE, station_id=id, epoch=1) for id in ("A", "B")]
    batch = ControlBatch(items=controls).model_dump_json().encode()
    await gateway.arrivals.handle(
        [Delivery(MessageType.CONTROLS, "", batch, False, cast(Any, None))]
    )
    assert sound.closed == ["closed by the operator"]
