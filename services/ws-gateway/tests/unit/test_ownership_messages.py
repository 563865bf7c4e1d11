"""Claims, controls and the lease when their messages are lost, late, or in the other order."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, cast

import orjson
import pytest

from csms_shared.broker.consumer import Delivery
from csms_shared.broker.errors import PublishReturned, PublishUnconfirmed, RequestTimedOut
from csms_shared.broker.publisher import Outgoing
from csms_shared.clock import monotonic
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
from ws_gateway.amqp.arrivals import Arrivals
from ws_gateway.amqp.claims import Claims, ClaimUnanswered
from ws_gateway.amqp.connections import Connections
from ws_gateway.amqp.gathering import Gathering
from ws_gateway.amqp.lane import Backlog
from ws_gateway.amqp.lease import LEASE_S, Lease
from ws_gateway.amqp.lease_route import LeaseRoute
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

    async def ask(self, key: str, type: MessageType, items: list[Any], *_: Any, **__: Any) -> bytes:
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
        self.arrivals = Arrivals(
            queue,
            self.connections,
            self.claims,
            self.lease,
            self.reassertions,
            cast(Any, None),
            Gathering(),
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
        await self.arrivals.handle([_delivery(content) for content in contents])

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
        await self.arrivals.handle([delivery])
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


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    async with asyncio.TaskGroup() as group:
        gateway = Gateway(group)
        asking = asyncio.create_task(gateway.reassertions.run())
        yield gateway
        asking.cancel()
        await asyncio.wait({asking})


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


async def test_a_claim_given_up_in_the_moment_of_its_answer_is_released(gateway: Gateway) -> None:
    claiming = await gateway.claim("c1")
    await gateway.arrive(granted("c1", 1))
    claiming.cancel()
    with pytest.raises(asyncio.CancelledError):
        await claiming
    assert await gateway.releases(1) == [("c1", 1)]


async def test_a_claim_that_times_out_in_the_moment_of_its_answer_is_released(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    timeouts = []

    def noted(delay: float | None) -> asyncio.Timeout:
        timeouts.append(asyncio.Timeout(None))
        return timeouts[-1]

    monkeypatch.setattr(asyncio, "timeout", noted)
    claiming = await gateway.claim("c1")
    # It is due, and the answer comes before it is told.
    timeouts[0].reschedule(asyncio.get_running_loop().time())
    await gateway.arrive(granted("c1", 1))
    await asyncio.wait({claiming})
    monkeypatch.undo()
    with pytest.raises(ClaimUnanswered, match="no answer"):
        await claiming
    assert await gateway.releases(1) == [("c1", 1)]


async def test_of_two_registrations_that_arrive_in_the_other_order_the_newer_counts(
    gateway: Gateway,
) -> None:
    claiming = await gateway.claim("c1")
    newer, older = control(ControlKind.REGISTRATION, 1), control(ControlKind.REGISTRATION, 1)
    newer.registration = ACCEPTED.model_copy(update={"version": 6})
    older.registration = PENDING.model_copy(update={"version": 5})
    await gateway.arrive(granted("c1", 1), newer, older)
    assert (await claiming).registration == newer.registration


async def test_a_registration_older_than_that_of_the_claim_does_not_count_for_it(
    gateway: Gateway,
) -> None:
    claiming = await gateway.claim("c1")
    older = control(ControlKind.REGISTRATION, 1)
    older.registration = PENDING.model_copy(update={"version": 5})
    reply = granted("c1", 1)
    reply.registration = ACCEPTED.model_copy(update={"version": 6})
    await gateway.arrive(older, reply)
    assert (await claiming).registration == reply.registration


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
    assert [len(page) for page in await gateway.pages(1)] == [20]
    await gateway.answer(0, held=[each.connection_id for each in held])
    gateway.connections.remove(cast(Any, held[0]))
    for turn in range(1, 9):
        gateway.reassertions.verify()
        page = (await gateway.pages(turn + 1))[turn]
        superseded = [each for each in page if each == "c7"]
        kept = [each for each in page if each != "c7"]
        await gateway.answer(turn, held=kept, superseded=superseded)
    pages = (await gateway.pages(9))[1:]
    assert {each for page in pages for each in page} == {f"c{number}" for number in range(1, 20)}
    assert max(len(page) for page in pages) == 3
    assert held[7].closed[0] == "superseded"


async def test_a_lost_answer_to_the_first_renewal_does_not_hide_that_the_lease_had_ended(
    gateway: Gateway,
) -> None:
    gateway.hold(Held("c1", 1))
    gateway.queue.confirmed, gateway.queue.lost_answers = False, 1
    assert not await gateway.lease.renew()
    assert await gateway.lease.renew()
    assert await gateway.pages(1) == [["c1"]]


async def test_a_lease_that_ran_out_by_the_gateways_own_clock_is_followed_by_reassertion(
    gateway: Gateway,
) -> None:
    gateway.hold(Held("c1", 1))
    await gateway.lease.renew()
    assert gateway.lease.confirmed
    assert not gateway.lease.owns("c1")
    await gateway.answer(0, held=["c1"])
    assert gateway.lease.owns("c1")
    gateway.now += LEASE_S
    assert not gateway.lease.owns("c1")
    await gateway.lease.renew()
    assert await gateway.pages(2) == [["c1"], ["c1"]]
    assert gateway.lease.confirmed
    assert not gateway.lease.owns("c1")
    await gateway.answer(0, held=["c1"])
    # Asked for before the loss: the row may have been swept since.
    assert not gateway.lease.owns("c1")
    await gateway.answer(1, held=["c1"])
    assert gateway.lease.owns("c1")


async def test_a_connection_is_owned_again_as_soon_as_its_own_page_is_answered(
    gateway: Gateway,
) -> None:
    held = [Held(f"c{number}", 1, station_id=f"S{number}") for number in range(1200)]
    gateway.hold(*held)
    await gateway.lease.renew()
    first, second, third = await gateway.pages(3)
    assert [len(page) for page in (first, second, third)] == [500, 500, 200]
    await gateway.answer(1, held=second[:499])
    assert {each for each in second if not gateway.lease.owns(each)} == {second[499]}
    assert not any(gateway.lease.owns(each) for each in (*first, *third))
    await gateway.answer(1, superseded=second[499:], held=[])
    await gateway.answer(0)  # by a registry of the version before: all of them
    assert all(gateway.lease.owns(each) for each in first)
    assert len(await gateway.pages(3)) == 3


async def test_a_connection_that_comes_while_others_are_reasserted_is_owned_at_once(
    gateway: Gateway,
) -> None:
    gateway.hold(Held("c1", 1))
    await gateway.lease.renew()
    gateway.hold(Held("c2", 1, station_id="B"))
    assert gateway.lease.owns("c2")
    assert not gateway.lease.owns("c1")


async def test_a_registration_whose_control_was_lost_comes_with_a_reassertion(
    gateway: Gateway,
) -> None:
    held = Held("c1", 1)
    gateway.hold(held)
    gateway.reassertions.verify()
    changed = {"connection_id": "c1", "registration": ACCEPTED.model_dump()}
    await gateway.answer(0, held=["c1"], changed=[changed])
    assert held.registrations == [ACCEPTED]


async def test_where_the_registry_has_no_queue_of_leases_its_decisions_queue_is_asked(
    gateway: Gateway,
) -> None:
    gateway.hold(Held("c1", 1))
    gateway.queue.own_queues = False
    gateway.queue.returned = "station-registry.leases"
    gateway.publisher.returned = "station-registry.reassertions"
    assert await gateway.lease.renew()
    assert gateway.queue.asked == ["station-registry.decisions"]
    await gateway.answer(0)
    assert gateway.lease.owns("c1")


async def test_a_queue_of_leases_that_nobody_reads_is_left_and_found_again(
    gateway: Gateway,
) -> None:
    gateway.queue.lost_answers = 1
    assert not await gateway.lease.renew()
    gateway.queue.own_queues = False
    assert await gateway.lease.renew()
    assert await gateway.lease.renew()
    gateway.queue.own_queues = True  # a newer registry reads both
    assert await gateway.lease.renew()
    assert await gateway.lease.renew()
    own, before = "station-registry.leases", "station-registry.decisions"
    assert gateway.queue.asked == [own, before, before, before, own]


async def test_a_reply_that_is_none_costs_a_renewal_and_not_the_gateway(gateway: Gateway) -> None:
    gateway.hold(Held("c1", 1))
    gateway.queue.gibberish = True
    assert not await gateway.lease.renew()
    gateway.queue.gibberish = False
    assert await gateway.lease.renew()
    assert gateway.lease.confirmed
    await gateway.pages(1)
    gibberish = Delivery(
        MessageType.REASSERTION_REPLY, "gw-1.reassertions.x", b'"gibberish"', False, cast(Any, None)
    )
    await gateway.arrivals.handle([gibberish])
    await gateway.answer(0, held=["c1"])
    assert gateway.lease.owns("c1")


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
