"""Lanes against a publisher that confirms when it is told to."""

import asyncio
from collections.abc import AsyncIterator

import orjson
import pytest
from gateway_fakes.waiting import until

from csms_shared.broker.errors import PublishReturned, PublishUnconfirmed
from csms_shared.broker.publisher import Outgoing
from ws_gateway.amqp.lane import Backlog, Lane

PATIENCE_S = 10.0


class ManualPublisher:
    """Holds every publish until `confirm` or `fail`."""

    def __init__(self) -> None:
        self.published: list[list[int]] = []
        self._outcomes: list[asyncio.Future[None]] = []

    async def publish(self, message: Outgoing, timeout: float) -> None:
        self.published.append(orjson.loads(message.body))
        self._outcomes.append(asyncio.get_running_loop().create_future())
        await self._outcomes[-1]

    async def until_published(self, times: int) -> None:
        await until(lambda: len(self.published) >= times, 5)

    def confirm(self) -> None:
        self._outcomes[-1].set_result(None)

    def fail(self, error: Exception) -> None:
        self._outcomes[-1].set_exception(error)


@pytest.fixture
async def group() -> AsyncIterator[asyncio.TaskGroup]:
    async with asyncio.TaskGroup() as opened:
        yield opened


def _seal(items: bytes) -> Outgoing:
    return Outgoing("exchange", "key", "type.v1", b"[%s]" % items)


async def test_an_idle_lane_publishes_at_once_and_a_busy_one_gathers(
    group: asyncio.TaskGroup,
) -> None:
    publisher, stored = ManualPublisher(), list[int]()
    lane: Lane[int] = Lane("t", group, publisher, Backlog(), _seal, on_stored=stored.extend)
    lane.add(b"1", 1, PATIENCE_S)
    await publisher.until_published(1)
    for number in range(2, 700):
        lane.add(b"%d" % number, number, PATIENCE_S)
    assert stored == []
    publisher.confirm()
    await publisher.until_published(2)
    assert stored == [1]
    publisher.confirm()
    await publisher.until_published(3)
    publisher.confirm()
    assert [len(batch) for batch in publisher.published] == [1, 500, 198]
    while not lane.idle:
        await asyncio.sleep(0)
    assert stored == list(range(1, 700))


async def test_a_batch_ends_at_its_size_and_one_large_item_goes_alone(
    group: asyncio.TaskGroup,
) -> None:
    publisher = ManualPublisher()
    lane: Lane[int] = Lane("t", group, publisher, Backlog(), _seal)
    large = b'"%s"' % (b"x" * 300_000)
    for number, body in enumerate([b"1", large, b"2", b"3"]):
        lane.add(body, number, PATIENCE_S)
    sizes = []
    for turn in range(3):
        await publisher.until_published(turn + 1)
        sizes.append(len(publisher.published[-1]))
        publisher.confirm()
    assert sizes == [1, 1, 2]


@pytest.mark.parametrize("error", [PublishUnconfirmed("?"), PublishReturned("!")])
async def test_what_was_not_confirmed_is_published_again_before_what_came_later(
    group: asyncio.TaskGroup, error: PublishUnconfirmed | PublishReturned
) -> None:
    publisher, refused = ManualPublisher(), list[Exception]()

    async def on_refused(seen: PublishReturned | PublishUnconfirmed) -> None:
        refused.append(seen)

    lane: Lane[int] = Lane("t", group, publisher, Backlog(), _seal, on_refused=on_refused)
    lane.add(b"1", 1, PATIENCE_S)
    await publisher.until_published(1)
    lane.add(b"2", 2, PATIENCE_S)
    publisher.fail(error)
    await publisher.until_published(2)
    publisher.confirm()
    assert publisher.published == [[1], [1, 2]]
    assert refused == [error]


async def test_an_item_is_given_up_at_its_time_and_leaves_room(group: asyncio.TaskGroup) -> None:
    publisher, backlog, given_up = ManualPublisher(), Backlog(max_items=2), list[int]()
    lane: Lane[int] = Lane("t", group, publisher, backlog, _seal, on_given_up=given_up.extend)
    assert lane.add(b"1", 1, 0.0)
    assert lane.add(b"2", 2, PATIENCE_S)
    assert not lane.add(b"3", 3, PATIENCE_S)
    await publisher.until_published(1)
    publisher.confirm()
    while not lane.idle:
        await asyncio.sleep(0)
    assert given_up == [1]
    assert publisher.published == [[2]]
    assert (backlog.items, backlog.size) == (0, 0)


async def test_after_several_items_a_lane_gathers_and_after_one_it_does_not(
    group: asyncio.TaskGroup,
) -> None:
    publisher, paused = ManualPublisher(), asyncio.Event()

    def pause_s() -> float:
        paused.set()
        return 0.05

    lane: Lane[int] = Lane("t", group, publisher, Backlog(), _seal, pause_s=pause_s)
    lane.add(b"1", 1, PATIENCE_S)
    await publisher.until_published(1)
    lane.add(b"2", 2, PATIENCE_S)
    lane.add(b"3", 3, PATIENCE_S)
    publisher.confirm()
    await publisher.until_published(2)
    assert not paused.is_set()
    lane.add(b"4", 4, PATIENCE_S)
    publisher.confirm()
    await paused.wait()
    lane.add(b"5", 5, PATIENCE_S)
    await publisher.until_published(3)
    publisher.confirm()
    assert publisher.published == [[1], [2, 3], [4, 5]]
