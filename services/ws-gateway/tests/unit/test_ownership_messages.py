"""Claims, controls and the lease when their messages are lost, late, or in the other order."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest
from gateway_fakes.ownership import ACCEPTED, PENDING, Gateway, Held, control, granted

from csms_shared.broker.consumer import Delivery
from csms_shared.contracts.control import Control, ControlBatch, ControlKind
from csms_shared.contracts.message_types import MessageType
from csms_shared.contracts.ownership import (
    ClaimReply,
)
from csms_shared.runtime.clock import monotonic
from ws_gateway.amqp.claims import ClaimUnanswered
from ws_gateway.amqp.lease import LEASE_S


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
    await gateway.router.handle([gibberish])
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
    await gateway.router.handle([Delivery(MessageType.CONTROLS, "", batch, False, cast(Any, None))])
    assert sound.closed == ["closed by the operator"]
