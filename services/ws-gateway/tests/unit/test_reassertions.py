"""Re-assertion over any loss, order and repetition of its answers, in time that is played."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any, cast

import orjson
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from csms_shared.broker.errors import PublishReturned, PublishUnconfirmed
from csms_shared.broker.publisher import Outgoing
from csms_shared.contracts.message_types import MessageType
from csms_shared.contracts.ownership import ReassertionReply
from ws_gateway.amqp.connections import Connections
from ws_gateway.amqp.lease import Lease
from ws_gateway.amqp.lease_route import LeaseRoute
from ws_gateway.amqp.reassertions import PAGE_TIMEOUT_S, PAGES_AT_ONCE, Reassertions

PAGE = 3


class PlayedTime(asyncio.SelectorEventLoop):
    """A loop whose clock can be put forward."""

    def __init__(self) -> None:
        super().__init__()
        self.ahead = 0.0

    def time(self) -> float:
        return super().time() + self.ahead


@dataclass(eq=False)
class Held:
    table: Connections
    connection_id: str
    station_id: str
    epoch: int = 1
    ocpp_version: str = "ocpp16"
    remote_address: str = "192.0.2.1"
    connected_ms: int = 0
    registration_version: int = 1

    def close(self, code: int, reason: str) -> None:
        self.table.remove(cast(Any, self))


class Broker:
    """Takes pages, or says why it does not."""

    def __init__(self) -> None:
        self.incarnation = "gw-1"
        self.failure: Exception | None = None
        self.pages: list[dict[str, Any]] = []

    async def publish(self, message: Outgoing, timeout: float) -> None:
        if self.failure is not None:
            raise self.failure
        self.pages.append(orjson.loads(message.body))


class Reasserting(RuleBasedStateMachine):
    """A few pages of connections; what is owned is worked out from what was asked and answered."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner(loop_factory=PlayedTime)
        self.broker, self.connections = Broker(), Connections()
        self.opened = 0
        # Of the last loss: what was held at it, and how many pages had been asked before.
        self.lost: set[str] = set()
        self.asked_before = 0
        self.given_back: set[str] = set()
        self.run(self.start())

    async def start(self) -> None:
        broker = cast(Any, self.broker)
        self.code = Reassertions("gw", broker, broker, self.connections, LeaseRoute())
        self.asking = asyncio.create_task(self.code.run())

    def run(self, work: Awaitable[object] | None = None, seconds: float = 0.0) -> None:
        async def until_idle() -> None:
            if work is not None:
                await work
            cast(PlayedTime, asyncio.get_running_loop()).ahead += seconds
            for _ in range(20):
                await asyncio.sleep(0)

        self.runner.run(until_idle())

    def call(self, function: Callable[..., object], *arguments: object) -> None:
        async def work() -> None:
            function(*arguments)

        self.run(work())

    @rule(number=st.integers(1, 8))
    def stations_connect(self, number: int) -> None:
        for _ in range(number):
            self.opened += 1
            held = Held(self.connections, f"c{self.opened}", f"S{self.opened}")
            self.connections.add(cast(Any, held))

    @precondition(lambda self: len(self.connections) > 0)
    @rule(data=st.data())
    def a_station_goes(self, data: st.DataObject) -> None:
        held = data.draw(st.sampled_from(list(self.connections)), label="held")
        self.connections.remove(held)

    @rule()
    def the_lease_was_lost(self) -> None:
        self.asked_before = len(self.broker.pages)
        self.lost = {held.connection_id for held in self.connections}
        self.given_back = set()
        self.call(self.code.lose)

    @rule()
    def the_next_are_verified(self) -> None:
        self.call(self.code.verify)

    @rule(failure=st.sampled_from([None, PublishUnconfirmed("away"), PublishReturned("none")]))
    def the_broker_changes(self, failure: Exception | None) -> None:
        self.broker.failure = failure

    @rule(seconds=st.sampled_from([1.5, PAGE_TIMEOUT_S + 1]))
    def time_passes(self, seconds: float) -> None:
        self.run(seconds=seconds)

    @precondition(lambda self: len(self.broker.pages) > 0)
    @rule(data=st.data())
    def an_answer_comes(self, data: st.DataObject) -> None:
        """To any page that was ever asked, to a part of it, with some that are superseded."""
        number = data.draw(st.integers(0, len(self.broker.pages) - 1), label="page")
        page = self.broker.pages[number]
        ids = [item["connection_id"] for item in page["items"]]
        told = data.draw(st.lists(st.sampled_from(ids), unique=True, min_size=1), label="told")
        superseded = data.draw(st.sampled_from([[], told[:1]]), label="superseded")
        is_whole = data.draw(st.booleans(), label="from a registry of the version before")
        held = None if is_whole else [each for each in told if each not in superseded]
        self.answer(number, held, superseded)

    def answer(self, number: int, held: list[str] | None, superseded: list[str]) -> None:
        page = self.broker.pages[number]
        reply = ReassertionReply(superseded=superseded, held=held)
        self.call(self.code.answered, page["reply_key"], reply)
        if number >= self.asked_before:
            ids = [item["connection_id"] for item in page["items"]]
            self.given_back |= set(ids if held is None else (*held, *superseded))

    @invariant()
    def exactly_what_was_given_back_is_owned(self) -> None:
        for held in self.connections:
            expected = held.connection_id not in self.lost - self.given_back
            assert self.code.owns(held.connection_id) == expected

    @invariant()
    def no_page_is_too_large(self) -> None:
        assert all(1 <= len(page["items"]) <= PAGE for page in self.broker.pages)

    def teardown(self) -> None:
        """Whatever went wrong before, everything is owned soon after nothing does any more."""
        self.broker.failure = None
        pages = -(-len(self.connections) // PAGE)
        for _ in range(3 * (pages + PAGES_AT_ONCE)):
            asked = len(self.broker.pages)
            self.run(seconds=PAGE_TIMEOUT_S + 2)
            assert len(self.broker.pages) - asked <= PAGES_AT_ONCE
            for number in range(asked, len(self.broker.pages)):
                ids = [item["connection_id"] for item in self.broker.pages[number]["items"]]
                self.answer(number, ids, [])
        assert all(self.code.owns(held.connection_id) for held in self.connections)
        assert not self.asking.done()
        self.runner.close()


@pytest.fixture(autouse=True, scope="module")
def _small_pages() -> Iterator[None]:
    patched = pytest.MonkeyPatch()
    patched.setattr("ws_gateway.amqp.reassertions.BATCH_MAX_ITEMS", PAGE)
    yield
    patched.undo()


Reasserting.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestReasserting = Reasserting.TestCase


class OnePageASecond(Broker):
    """A registry that takes a second for each page, one after the other, and leases at once."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: deque[dict[str, Any]] = deque()

    async def publish(self, message: Outgoing, timeout: float) -> None:
        await super().publish(message, timeout)
        self.waiting.append(self.pages[-1])

    async def until_consuming(self, within_s: float) -> bool:
        return True

    async def ask(self, key: str, type: MessageType, *_: object, **__: object) -> bytes:
        return orjson.dumps({"confirmed": len(self.pages) > 0, "own_queues": True})


def test_a_gateway_of_ten_thousand_stations_keeps_its_lease_while_pages_take_a_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ws_gateway.amqp.reassertions.BATCH_MAX_ITEMS", 500)
    broker, connections = OnePageASecond(), Connections()
    for number in range(10_000):
        connections.add(cast(Any, Held(connections, f"c{number}", f"S{number}")))

    async def work() -> None:
        loop = cast(PlayedTime, asyncio.get_running_loop())
        route = LeaseRoute()
        reassertions = Reassertions("gw", cast(Any, broker), broker, connections, route)
        lease = Lease(
            "gw", "1", cast(Any, broker), connections, reassertions, route, clock=loop.time
        )
        tasks = [asyncio.create_task(reassertions.run()), asyncio.create_task(lease.run())]
        for second in range(21):
            for _ in range(50):
                await asyncio.sleep(0)
            assert lease.confirmed, f"after {second} s"
            assert len(broker.waiting) <= PAGES_AT_ONCE
            loop.ahead += 1.0
            page = broker.waiting.popleft()
            ids = [item["connection_id"] for item in page["items"]]
            reply = ReassertionReply(superseded=[], held=ids)
            reassertions.answered(page["reply_key"], reply)
            assert sum(lease.owns(each.connection_id) for each in connections) >= 500 * min(
                second, 20
            )
        assert all(lease.owns(each.connection_id) for each in connections)
        for task in tasks:
            task.cancel()

    with asyncio.Runner(loop_factory=PlayedTime) as runner:
        runner.run(work())
